/** Raw-frame mappings: the order of events of a fault and of a revocation, and what other calls make of such mappings. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import {
  EFAULT,
  EINVAL,
  ENODEV,
  type FileId,
  MADV_DONTNEED,
  MADV_FREE,
  MAP_FIXED,
  MAP_POPULATE,
  SIGBUS,
  type TaskId,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, R, RW, store } from '../mm/task.js';

const P = 8 as Vpn;
const DEVICE = 1 as FileId;
const OPTIONS = { devices: [DEVICE] };

type Handle = Parameters<Body>[0];

/** The device has two pages; page 0 is mapped at P and used. */
function* mapped(cpu: Handle): Path<void> {
  yield* size(cpu);
  yield* cpu.kernel.sysMmap(cpu, P, 2, RW | VM_SHARED, MAP_FIXED, DEVICE, 0);
  yield* store(cpu, P, 5);
}
/** As boot has it. */
function* size(cpu: Handle): Path<void> {
  cpu.mem.words[cpu.inode.iSize.at(DEVICE)] = 2;
}
const revoke = (cpu: Handle): Path<number> => cpu.kernel.vfioPciRevoke(cpu, DEVICE);

describe('event order', () => {
  it('fault: memory_lock shared, PTL, entry set; nothing is counted', () => {
    const labels = labelsOf(mapped, (cpu) => store(cpu, P + 1, 6), OPTIONS);
    inOrder(labels, [
      'downRead',
      'pteOffsetMapLock: PTL taken',
      'insertPfn: PTL taken',
      'insertPfn: pte still none',
      'spinUnlock',
      'upRead',
    ]);
    expect(labels.some((l) => /^(folioGet|folioAdd|filemap)/.test(l))).toBe(false);
  });

  it('revocation: memory_lock, i_mmap, entries cleared, flush, i_mmap dropped, frames freed, memory_lock dropped', () => {
    const labels = labelsOf(mapped, revoke, OPTIONS);
    inOrder(labels, [
      'downWrite',
      'downRead',
      'vmaIntervalTreeForeach',
      'tlbGatherMmu',
      'pteOffsetMapLock: PTL taken',
      'zapPte: present pte found',
      'spinUnlock',
      'tlbFinishMmu: do others',
      'flushTlbMmRange: ptes changed',
      'tlbFinishMmu: flushed and freed',
      'upRead',
      'freeUnrefPage',
      'upWrite',
    ]);
    expect(labels.some((l) => l.startsWith('folioRemoveRmap') || l.startsWith('zapPte: pte cleared'))).toBe(false);
  });
});

it('shows the same frames in every mapping; after the revocation each use is SIGBUS, and nobody can map it again', () => {
  const seen: number[] = [];
  alone(function* (cpu) {
    const { kernel } = cpu;
    yield* mapped(cpu);
    yield* kernel.sysMmap(cpu, 16 as Vpn, 2, R | VM_SHARED, MAP_FIXED, DEVICE, 0);
    seen.push(yield* load(cpu, 16), yield* revoke(cpu), yield* load(cpu, 16), yield* store(cpu, P, 6));
    seen.push(yield* kernel.sysMmap(cpu, 20 as Vpn, 1, R | VM_SHARED, MAP_FIXED, DEVICE, 0), yield* revoke(cpu));
  }, OPTIONS);
  expect(seen).toEqual([5, 0, -SIGBUS, SIGBUS, ENODEV, 0]);
});

it('keeps a mapping writable in parent and child, and takes both away', () => {
  const seen: number[] = [];
  const driver: KernelDriver = new KernelDriver({
    cpus: 1,
    mms: 1,
    ...OPTIONS,
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* mapped(cpu);
          yield* cpu.kernel.sysFork(cpu, 2 as TaskId);
        },
      },
      {
        cpu: 0,
        dead: true,
        *body(cpu): Path<void> {
          seen.push(
            yield* load(cpu, P),
            yield* store(cpu, P, 8),
            yield* load(cpu, P),
            yield* revoke(cpu),
            yield* load(cpu, P),
          );
        },
      },
    ],
  });
  driver.run({ tickEvery: 50 });
  expect(seen).toEqual([5, 0, 8, 0, -SIGBUS]);
  expect(driver.trace.some((t) => t.includes('doWpPage'))).toBe(false);
});

it('is left alone by what wants folios, and does not grow', () => {
  const seen: number[] = [];
  alone(function* (cpu) {
    const { kernel } = cpu;
    yield* size(cpu);
    seen.push(yield* kernel.sysMmap(cpu, 20 as Vpn, 1, RW, MAP_FIXED, DEVICE, 0));
    yield* kernel.sysMmap(cpu, P, 1, RW | VM_SHARED, MAP_FIXED | MAP_POPULATE, DEVICE, 0);
    yield* store(cpu, P, 5);
    seen.push(yield* kernel.sysMadvise(cpu, P, 1, MADV_FREE), yield* kernel.sysMadvise(cpu, P, 1, MADV_DONTNEED));
    seen.push(yield* kernel.sysMsync(cpu, P, 1));
    seen.push(yield* kernel.gupTestIoctl(cpu, { start: P, word: 0, fast: true, write: false, values: [1] }));
    seen.push(yield* kernel.sysMremap(cpu, P, 1, 2, -1), yield* kernel.sysMremap(cpu, P, 1, 1, 24));
    seen.push(yield* load(cpu, 24), yield* kernel.sysMprotect(cpu, 24 as Vpn, 1, R));
    seen.push(yield* kernel.sysMprotect(cpu, 24 as Vpn, 1, RW), yield* store(cpu, 24, 6), yield* load(cpu, 24));
  }, OPTIONS);
  expect(seen).toEqual([EINVAL, EINVAL, 0, EINVAL, EFAULT, EFAULT, 24, 5, 0, 0, 0, 6]);
});

it('gives every frame back', () => {
  const left = (use: Body): number => freeFrames(alone(use, OPTIONS));
  const used: Body = function* (cpu) {
    yield* mapped(cpu);
    yield* revoke(cpu);
    yield* cpu.kernel.sysMunmap(cpu, P, 2);
    yield* cpu.kernel.rcuBarrier(cpu);
  };
  expect(left(used)).toBe(left(size));
});
