/**
 * Linux: init/main.c start_kernel(), as far as it leaves words behind: the image of a machine that is about to run its
 * programs, each task of which already has an address space. Written bare, because nothing runs yet.
 */
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { Column } from '../memory/table.ts';
import type { Cpu } from './cpu.ts';
import { maskBit, maskIndex } from './cpumask.ts';
import { FUSE_FILE, MEMORY_FILE, NAMELESS_FILE, NFS_FILE } from './fs/inode.ts';
import { bootAllocator } from './mm/page-alloc.ts';
import { SLAB_INODE, SLAB_MM } from './mm/slab.ts';
import { kernPcid } from './tlb/switch-mm.ts';
import {
  type Asid,
  FAST_NODE,
  type FileId,
  INIT_MM,
  type MmId,
  type NodeId,
  NUMA_NO_NODE,
  TASK_DEAD,
  TASK_RUNNING,
  TASK_SLEEPING,
  type TaskId,
  WAKE_KTHREAD,
} from './types.ts';

export interface BootTask {
  /** Row of the task table, from `cpus` on. */
  readonly id: TaskId;
  readonly cpu: number;
  /** 1 to `mms`; ignored for kernel threads and for tasks not started yet. */
  readonly mm: number;
  readonly priority: number;
  readonly kthread: boolean;
  /** The node whose daemon it is (Linux: kswapd_run()), or NUMA_NO_NODE. */
  readonly kswapd?: NodeId;
  /** Its number among the threads that the policy brings: asleep until `wakeUpKthread`. */
  readonly kthreadNumber?: number;
  /** Its part in the hotplug of its CPU: asleep until there is some. Either no CPU has such threads or each has both. */
  readonly perCpu?: 'thread' | 'stopper';
  /** Not started: some task forks it later. */
  readonly dead: boolean;
}

export interface BootSpec {
  /** Address spaces in use at the start: rows 1 to `mms`. */
  readonly mms: number;
  readonly tasks: readonly BootTask[];
  /** Length in pages of each file that has a name, the first in row 1; left out: all rows are such files, and empty. */
  readonly files?: readonly number[];
  /** Rows of the files that are a server's. */
  readonly remote?: readonly FileId[];
  /** Rows of those of a FUSE file system. */
  readonly fuse?: readonly FileId[];
  /** Rows of the files that lie in memory alone. */
  readonly memory?: readonly FileId[];
  /** Rows of those that are block devices, and of those whose file system writes by iomap. */
  readonly blockdev?: readonly FileId[];
  readonly iomap?: readonly FileId[];
  /** Rows of those that stand for devices. */
  readonly devices?: readonly FileId[];
}

/**
 * Writes the image. On each CPU the first of its tasks of the highest priority runs, with its mm loaded; the others wait in
 * order. `cpu` is any handle. An observer learns of root tables and registers from the image.
 * @throws RangeError if there are more address spaces or tasks than the geometry has rows, or too few frames.
 */
export function bootKernel(cpu: Cpu, spec: BootSpec): void {
  const { geometry } = cpu;
  if (spec.mms > geometry.mms)
    throw new RangeError(`${spec.mms} address spaces: the geometry has mms = ${geometry.mms}`);
  if (spec.tasks.length > geometry.tasks) {
    throw new RangeError(`${spec.tasks.length} tasks: the geometry has tasks = ${geometry.tasks}`);
  }
  bootAllocator(cpu);
  for (let mm = INIT_MM; mm <= spec.mms; mm = (mm + 1) as MmId) {
    const users = spec.tasks.filter((t) => !t.kthread && !t.dead && t.mm === mm).length;
    bootMm(cpu, mm, mm === INIT_MM ? 1 : users);
  }
  spec.files?.forEach((pages, i) => {
    put(cpu.inode.iSize, (i + 1) as FileId, pages);
  });
  for (const file of spec.remote ?? []) put(cpu.inode.remote, file, NFS_FILE);
  for (const kind of ['blockdev', 'iomap'] as const) for (const file of spec[kind] ?? []) put(cpu.inode[kind], file, 1);
  for (const file of spec.fuse ?? []) put(cpu.inode.remote, file, FUSE_FILE);
  for (const file of spec.memory ?? []) put(cpu.inode.memory, file, MEMORY_FILE);
  const named = spec.files?.length ?? geometry.files;
  for (let row = named + 1; row <= geometry.files; row++) put(cpu.inode.memory, row as FileId, NAMELESS_FILE);
  put(cpu.slab.used, SLAB_INODE, named);
  for (const file of spec.devices ?? []) put(cpu.deviceMemory.isDevice, file, 1);
  put(cpu.slab.used, SLAB_MM, spec.mms);
  put(cpu.slab.serial, SLAB_MM, spec.mms + 1);
  for (const task of spec.tasks) bootTask(cpu, task);
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    const started = spec.tasks.filter((t) => t.cpu === id && !t.dead && !sleepsAtBoot(t));
    const here = started.sort((a, b) => b.priority - a.priority);
    bootCpu(cpu, id, here);
  }
}

function bootMm(cpu: Cpu, row: MmId, users: number): void {
  const { mm } = cpu;
  const pgd = takeFrame(cpu);
  put(cpu.folio.refcount, pgd, 1);
  put(mm.pgd, row, pgd);
  put(mm.ctxId, row, row + 1);
  if (cpu.geometry.swapSlots > 0) put(mm.anonVma, row, row);
  put(mm.users, row, users);
  put(mm.count, row, 1);
}

function bootTask(cpu: Cpu, task: BootTask): void {
  const { tasks } = cpu;
  put(tasks.cpu, task.id, task.cpu);
  put(tasks.state, task.id, task.dead ? TASK_DEAD : TASK_RUNNING);
  put(tasks.priority, task.id, task.priority);
  put(tasks.mm, task.id, task.kthread || task.dead ? INIT_MM : task.mm);
  const { kswapd = NUMA_NO_NODE } = task;
  if (kswapd !== NUMA_NO_NODE) put(cpu.pgdat.kswapd, kswapd, task.id + 1);
  if (!sleepsAtBoot(task)) return;
  if (task.kthreadNumber !== undefined) put(cpu.kthread.task, task.kthreadNumber, task.id + 1);
  if (task.perCpu !== undefined) put(cpu.cpuhp[task.perCpu], task.cpu as CpuId, task.id + 1);
  put(tasks.state, task.id, TASK_SLEEPING);
  put(tasks.sleepsFor, task.id, WAKE_KTHREAD);
}

function sleepsAtBoot({ kthreadNumber, perCpu }: BootTask): boolean {
  return kthreadNumber !== undefined || perCpu !== undefined;
}

/** `here`: the started tasks of this CPU, the one that runs first. */
function bootCpu(cpu: Cpu, id: CpuId, here: readonly BootTask[]): void {
  const { tasks, rq, tlbState, mm, rcu, geometry } = cpu;
  const { regs } = cpu.hw;
  const idle = id as number as TaskId;
  put(tasks.cpu, idle, id);
  const curr = here.length > 0 ? here[0].id : idle;
  put(rq.curr, id, curr);
  put(tasks.onCpu, curr, 1);
  if (curr !== idle) put(tasks.onRq, curr, 1);
  here.slice(1).forEach((task, i) => {
    put(rq.queue, id, task.id, i);
    put(tasks.onRq, task.id, 1);
  });
  put(rq.nrQueued, id, Math.max(0, here.length - 1));
  put(rcu.quiescent, id, curr === idle ? 1 : 0);
  cpu.mem.words[cpu.cpuMasks.online.at(0, maskIndex(geometry, id))] |= maskBit(geometry, id);

  const loaded = cpu.mem.words[tasks.mm.at(curr)] as MmId;
  put(rq.activeMm, id, loaded);
  put(tlbState.loadedMm, id, loaded);
  put(tlbState.ctxId, id, loaded + 1);
  put(tlbState.nextAsid, id, 1);
  if (loaded !== INIT_MM) {
    const word = mm.cpumask.at(loaded, maskIndex(geometry, id));
    cpu.mem.words[word] |= maskBit(geometry, id);
  }
  const pgd = cpu.mem.words[mm.pgd.at(loaded)] as Pfn;
  put(regs.cr3Pgd, id, pgd);
  put(regs.cr3Pcid, id, cpu.switches.pcid ? kernPcid(0 as Asid) : 0);
}

function takeFrame(cpu: Cpu): Pfn {
  const { zone } = cpu;
  const { words } = cpu.mem;
  const n = words[zone.nrFree.at(FAST_NODE)] - 1;
  if (n < 0) throw new RangeError(`frames = ${cpu.geometry.frames}: not enough for the root tables`);
  words[zone.nrFree.at(FAST_NODE)] = n;
  const pfn = words[zone.free.at(FAST_NODE, n)] as Pfn;
  words[zone.free.at(FAST_NODE, n)] = 0;
  return pfn;
}

function put<R extends number>(column: Column<R>, row: R, value: number, k = 0): void {
  column.mem.words[column.at(row, k)] = value;
}
