/**
 * Linux: kernel/events/uprobes.c, from uprobe_register() to install_breakpoint() and back: a breakpoint in a page of a file, in
 * every address space that maps it privately. Mappings that come later (uprobe_mmap()) get none; forks do not wait
 * (dup_mmap_sem): a child that is being made has what the parent had when its entry was copied.
 */
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isFile, isMemoryFile } from '../fs/inode.ts';
import { copyOut } from '../fs/read-write.ts';
import { iMmapOf, type RmapPlace } from '../mm/i-mmap.ts';
import { SGP_CACHE } from '../mm/shmem.ts';
import { NO_VMA, vmaFlags, vmaLookup, vmaRange } from '../mm/vma-tree.ts';
import { EBADF, EINVAL, ENOENT, type FileId, NO_FILE, VM_SHARED, VM_WRITE, type VmaId } from '../types.ts';
import { UPROBES } from './tables.ts';

export const FLAGS_READ = point('buildMapInfo: mapping of the page found, which kind is it?');

const ROW = 0;

/** A probe: the word of a page of a file, what is there now and what is to be there. */
export interface Probe {
  readonly file: FileId;
  readonly index: number;
  readonly word: number;
}

/** What one step of the way writes: the breakpoint, or the instruction in its place. */
export interface ProbeWrite extends Probe {
  readonly swbp: number;
  readonly value: number;
  readonly isRegister: boolean;
}

/** Linux: uprobe_register(): 0 or a negative errno; an address space that fails takes the probe away from all. */
export function* uprobeRegister(cpu: Cpu, file: number, index: number, word: number, swbp: number): Path<number> {
  const { kernel, uprobe } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  const lock = uprobe.registerRwsem.at(ROW);
  yield* kernel.downWrite(cpu, lock);
  const probe = { file, index, word };
  const slot = findUprobe(cpu, probe) < 0 ? freeUprobe(cpu) : -1;
  let error = slot < 0 ? EINVAL : yield* kernel.copyInsn(cpu, file, index, word);
  if (error === 0) {
    const insn = cpu.loaded;
    uprobe.file.store(ROW, file, slot);
    uprobe.index.store(ROW, index, slot);
    uprobe.word.store(ROW, word, slot);
    uprobe.swbp.store(ROW, swbp, slot);
    uprobe.insn.store(ROW, insn, slot);
    error = yield* kernel.registerForEachVma(cpu, combined(probe, { swbp, value: swbp, isRegister: true }));
    if (error !== 0) yield* kernel.uprobeUnregisterNosync(cpu, slot);
  }
  yield* kernel.upWrite(cpu, lock);
  return error;
}

/**
 * Linux: copy_insn(): the instruction that is there, in `cpu.loaded`; 0 or a negative errno. By read_mapping_page(), of a memory file
 * by shmem_read_mapping_page(), which leaves no hole.
 */
export function* copyInsn(cpu: Cpu, file: FileId, index: number, word: number): Path<number> {
  const { kernel } = cpu;
  if (!isMemoryFile(cpu, file)) return yield* kernel.filemapRead(cpu, file, index, word);
  const found = yield* kernel.shmemGetFolio(cpu, file, index, SGP_CACHE);
  if (found < 0) return found;
  yield* kernel.folioUnlock(cpu, found as Pfn);
  yield* copyOut(cpu, file, index, found as Pfn, word);
  yield* kernel.folioPut(cpu, found as Pfn);
  return 0;
}

/** Linux: uprobe_unregister_nosync(), by place: 0, or -ENOENT where there is no probe. */
export function* uprobeUnregister(cpu: Cpu, file: number, index: number, word: number): Path<number> {
  const { kernel, uprobe } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  const lock = uprobe.registerRwsem.at(ROW);
  yield* kernel.downWrite(cpu, lock);
  const slot = findUprobe(cpu, { file, index, word });
  if (slot >= 0) yield* kernel.uprobeUnregisterNosync(cpu, slot);
  yield* kernel.upWrite(cpu, lock);
  return slot >= 0 ? 0 : ENOENT;
}

/** Linux: the body of uprobe_unregister_nosync(). Where it fails, the breakpoint stays. Caller holds register_rwsem for writing. */
export function* uprobeUnregisterNosync(cpu: Cpu, slot: number): Path<void> {
  const { uprobe } = cpu;
  const probe = {
    file: uprobe.file.load(ROW, slot) as FileId,
    index: uprobe.index.load(ROW, slot),
    word: uprobe.word.load(ROW, slot),
    swbp: uprobe.swbp.load(ROW, slot),
    value: uprobe.insn.load(ROW, slot),
    isRegister: false,
  };
  yield* cpu.kernel.registerForEachVma(cpu, probe);
  uprobe.file.store(ROW, 0, slot);
}

/**
 * Linux: register_for_each_vma(): the mappings are listed first; then, one after the other, mmap_lock is taken for writing and
 * the mapping looked at again. Caller holds register_rwsem for writing.
 */
export function* registerForEachVma(cpu: Cpu, probe: ProbeWrite): Path<number> {
  const { kernel } = cpu;
  let error = 0;
  for (const { mm, start } of yield* kernel.buildMapInfo(cpu, probe)) {
    if (error === 0 || !probe.isRegister) {
      yield* kernel.mmapWriteLock(cpu, mm);
      const vma = vmaLookup(cpu, mm, start);
      if (vma !== NO_VMA && shows(cpu, vma, start, probe) && validVma(vmaFlags(cpu, vma), probe.isRegister)) {
        error = yield* kernel.uprobeWriteOpcode(cpu, { mm, vma, vpn: start as Vpn }, probe);
      }
      yield* kernel.mmapWriteUnlock(cpu, mm);
    }
    yield* kernel.mmput(cpu, mm);
  }
  return error;
}

/** Linux: build_map_info(): where the page is mapped so that it may have a breakpoint, each address space with one more user. */
export function* buildMapInfo(cpu: Cpu, { file, index, isRegister }: ProbeWrite): Path<RmapPlace[]> {
  const { kernel } = cpu;
  const info: RmapPlace[] = [];
  yield* kernel.iMmapLockRead(cpu, file);
  for (const place of yield* kernel.vmaIntervalTreeForeach(cpu, iMmapOf(cpu, file), index, index + 1)) {
    const { flags } = cpu.vma;
    if (cpu.at(FLAGS_READ, flags.at(place.vma))) yield;
    if (validVma(flags.load(place.vma), isRegister) && (yield* kernel.mmgetNotZero(cpu, place.mm))) info.push(place);
  }
  yield* kernel.iMmapUnlockRead(cpu, file);
  return info;
}

/** Linux: valid_vma(): a private mapping; for a new breakpoint one without the right to write. VM_MAYEXEC goes without saying. */
function validVma(vmFlags: number, isRegister: boolean): boolean {
  return (vmFlags & (VM_SHARED | (isRegister ? VM_WRITE : 0))) === 0;
}

/** Does the mapping show that page of the file there? Caller holds mmap_lock. */
function shows(cpu: Cpu, vma: VmaId, vpn: number, { file, index }: Probe): boolean {
  const { start, pgoff, object } = vmaRange(cpu, vma);
  return object === file && pgoff + vpn - start === index;
}

/** Linux: find_uprobe(): the column of the probe, or -1. Caller holds register_rwsem. */
function findUprobe(cpu: Cpu, probe: Probe): number {
  const { file, index, word } = cpu.uprobe;
  return columns().findIndex(
    (k) => file.load(ROW, k) === probe.file && index.load(ROW, k) === probe.index && word.load(ROW, k) === probe.word,
  );
}

/** A column without a probe, or -1. Caller holds register_rwsem. */
function freeUprobe(cpu: Cpu): number {
  return columns().findIndex((k) => cpu.uprobe.file.load(ROW, k) === NO_FILE);
}

function columns(): number[] {
  return Array.from({ length: UPROBES }, (_, k) => k);
}
