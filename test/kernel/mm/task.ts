/** A task of a test: user accesses with their faults, and what is left of the machine's frames and rows afterwards. */
import { access } from '#tlblab/hardware/access.js';
import { LOAD, STORE, type Vpn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import type { MmId, NodeId, VmaId } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, type DriverOptions, KernelDriver } from '../driver.js';

export const RW = 3;
export const R = 1;

/** Stores `value` to word 0 of a page; the signal, or 0. */
export function* store(cpu: Cpu, page: number, value: number): Path<number> {
  return yield* userAccess(cpu, page, STORE, value);
}

/** Loads word 0 of a page; the value, or minus the signal. Values of tests are above 0. */
export function* load(cpu: Cpu, page: number): Path<number> {
  const signal = yield* userAccess(cpu, page, LOAD, 0);
  return signal === 0 ? cpu.loaded : -signal;
}

function* userAccess(cpu: Cpu, page: number, kind: typeof LOAD | typeof STORE, value: number): Path<number> {
  while (!(yield* access(cpu, page as Vpn, 0, kind, value))) {
    const signal = yield* cpu.kernel.excPageFault(cpu, cpu.faultVpn, cpu.faultCode);
    if (signal !== 0) return signal;
  }
  return 0;
}

/** One task alone on one CPU. */
export function alone(body: Body, options: Partial<DriverOptions> = {}): KernelDriver {
  const driver = new KernelDriver({ cpus: 1, tasks: [{ cpu: 0, mm: 1, body }], ...options });
  driver.run();
  return driver;
}

/** Frames on the zones' stacks and on the lists of all CPUs; of all nodes, or of one. */
export function freeFrames({ columns, geometry }: KernelDriver, of?: NodeId): number {
  let n = 0;
  for (let node = 0 as NodeId; node < geometry.nodes; node++) {
    if (of !== undefined && node !== of) continue;
    n += columns.zone.nrFree.peek(node);
    for (let cpu = 0; cpu < geometry.cpus; cpu++) n += columns.pcp.count.peek(cpu as never, node);
  }
  return n;
}

/** Page tables that wait for a grace period. */
export function framesWaiting({ columns }: KernelDriver): number {
  const { next, waiting, link } = columns.rcuState;
  let n = 0;
  for (const head of [next, waiting]) for (let pfn = head.peek(0); pfn !== 0; pfn = link.peek(0, pfn)) n++;
  return n;
}

/** Rows of a cache (0: mms, 1: VMAs) in use. */
export function rowsInUse({ columns }: KernelDriver, cache: number): number {
  return columns.slab.used.peek(cache) - columns.slab.nrFree.peek(cache);
}

export interface SeenVma {
  start: number;
  end: number;
  flags: number;
  pgoff: number;
}

/** The VMAs of an mm in the order of the tree. */
export function vmasOf({ columns }: KernelDriver, mm = 1): SeenVma[] {
  const { vma, mm: m } = columns;
  return Array.from({ length: m.mapCount.peek(mm as MmId) }, (_, i) => {
    const row = m.vmaTree.peek(mm as MmId, i) as VmaId;
    return {
      start: vma.start.peek(row),
      end: vma.end.peek(row),
      flags: vma.flags.peek(row),
      pgoff: vma.pgoff.peek(row),
    };
  });
}
