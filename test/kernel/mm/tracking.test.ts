/** Writes that are tracked: soft-dirty marks and write protection for a userfaultfd, and the order in which both come about. */
import { describe, expect, it } from 'vitest';
import { access } from '#tlblab/hardware/access.js';
import { STORE, type Vpn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { PAGEMAP_PAGES } from '#tlblab/kernel/fs/pagemap.js';
import { type TaskId, VM_SOFTDIRTY } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, load, RW, store, vmasOf } from './task.js';

const PAGE = 8 as Vpn;
const OTHER = 9 as Vpn;
/** What pagemap says of the first page of two, and of the second. */
const DIRTY = 1;
const DIRTY_2 = 2;
const KEPT = 1 << PAGEMAP_PAGES;
const KEPT_2 = 2 << PAGEMAP_PAGES;

/** On a machine with a swap device. */
const SWAP = { override: { swapSlots: 4 } };

/** Runs alone; what pagemap told at each `ask`. */
function told(body: (cpu: Cpu, ask: () => Path<void>) => Path<void>): number[] {
  const answers: number[] = [];
  const driver = alone(function* (cpu): Path<void> {
    yield* body(cpu, function* () {
      answers.push(yield* cpu.kernel.pagemapRead(cpu, PAGE, 2));
    });
  }, SWAP);
  expect(driver.allDone()).toBe(true);
  return answers;
}

function* twoPages(cpu: Cpu): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
  yield* store(cpu, PAGE, 1);
  yield* store(cpu, OTHER, 2);
}

describe('soft-dirty', () => {
  it('says that all is new until the first clear, then what was stored to since', () => {
    const answers = told(function* (cpu, ask) {
      yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
      yield* load(cpu, PAGE);
      yield* ask();
      yield* twoPages(cpu);
      yield* cpu.kernel.clearRefsWrite(cpu);
      yield* ask();
      yield* load(cpu, OTHER);
      yield* ask();
      yield* store(cpu, OTHER, 3);
      yield* ask();
    });
    expect(answers).toEqual([DIRTY | DIRTY_2, 0, 0, DIRTY_2]);
  });

  it('outlives reclaim and migration, and a page that was not stored to comes back write-protected', () => {
    const answers = told(function* (cpu, ask) {
      yield* twoPages(cpu);
      yield* cpu.kernel.clearRefsWrite(cpu);
      yield* store(cpu, PAGE, 3);
      const me = cpu.current as TaskId;
      yield* cpu.kernel.reclaimMmRange(cpu, me, PAGE, 2);
      yield* ask();
      yield* load(cpu, PAGE);
      yield* load(cpu, OTHER);
      yield* cpu.kernel.migrateMmRange(cpu, me, PAGE, 2, 0);
      yield* ask();
      yield* store(cpu, OTHER, 4);
      yield* ask();
    });
    expect(answers).toEqual([DIRTY, DIRTY, DIRTY | DIRTY_2]);
  });

  it('of a mapping that merges with an older one is that of the whole, and mprotect does not lose it', () => {
    const driver = alone(function* (cpu): Path<void> {
      yield* cpu.kernel.sysMmap(cpu, PAGE, 1, RW, 1);
      yield* cpu.kernel.clearRefsWrite(cpu);
      yield* cpu.kernel.sysMmap(cpu, OTHER, 1, 1, 1);
      yield* cpu.kernel.sysMprotect(cpu, OTHER, 1, RW);
    });
    expect(vmasOf(driver)).toMatchObject([{ start: PAGE, end: PAGE + 2, flags: RW | VM_SOFTDIRTY }]);
  });

  it('is set where mremap moves a page to', () => {
    const answers = told(function* (cpu, ask) {
      yield* twoPages(cpu);
      yield* cpu.kernel.sysMremap(cpu, OTHER, 1, 1, 20);
      yield* cpu.kernel.clearRefsWrite(cpu);
      yield* cpu.kernel.sysMremap(cpu, 20 as Vpn, 1, 1, OTHER);
      yield* ask();
    });
    expect(answers).toEqual([DIRTY_2]);
  });

  it('clear: marks of the VMAs, then the flush is pending, then the entries under the PTL, flush, lock dropped', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.clearRefsWrite(cpu));
    inOrder(labels, [
      'downWrite',
      'vmaStartWrite: no readers',
      'vmaTree: about to change',
      'tlbGatherMmu: about to unhook',
      'pteOffsetMapLock: PTL taken',
      'clearSoftDirty: soft-dirty pte found',
      'clearSoftDirty: pte taken away',
      'spinUnlock',
      'flushTlbMmRange: ptes changed',
      'smpCallFunctionMany: waits',
      'tlbFinishMmu: flushed and freed',
      'vmaEndWriteAll',
      'upWrite',
    ]);
  });
});

describe('write protection for a userfaultfd', () => {
  it('lasts until the first store, which is not told to anybody', () => {
    const errors: number[] = [];
    const answers = told(function* (cpu, ask) {
      yield* twoPages(cpu);
      errors.push(yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 2, true));
      errors.push(yield* cpu.kernel.userfaultfdRegister(cpu, PAGE, 2));
      yield* ask();
      errors.push(yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 2, true));
      yield* ask();
      yield* store(cpu, PAGE, 3);
      yield* ask();
      const me = cpu.current as TaskId;
      yield* cpu.kernel.reclaimMmRange(cpu, me, PAGE, 2);
      yield* ask();
      yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 1, true);
      yield* ask();
      yield* load(cpu, PAGE);
      yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 2, false);
      yield* ask();
    });
    expect(errors).toEqual([-2, 0, 0]);
    const kept = answers.map((a) => a & (KEPT | KEPT_2));
    expect(kept).toEqual([0, KEPT | KEPT_2, KEPT_2, KEPT_2, KEPT | KEPT_2, 0]);
  });

  it('gives the right to write back at once where nobody shares the page', () => {
    const faults: number[] = [];
    alone(function* (cpu): Path<void> {
      const storeOnce = function* (value: number): Path<void> {
        faults.push((yield* access(cpu, PAGE, 0, STORE, value)) ? 0 : 1);
      };
      yield* registered(cpu);
      yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 1, true);
      yield* storeOnce(5);
      yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 1, false);
      yield* storeOnce(6);
    });
    expect(faults).toEqual([1, 0]);
  });

  it('protection: shared lock, pending, entries under the PTL, PTL dropped, flush, no longer pending', () => {
    const labels = labelsOf(registered, (cpu) => cpu.kernel.mwriteprotectRange(cpu, PAGE, 2, true));
    inOrder(labels, [
      'downRead',
      'tlbGatherMmu: about to unhook',
      'pteOffsetMapLock: PTL taken',
      'flushTlbBatchedPending',
      'changePte: present pte found',
      'changePte: pte taken away, new one',
      'spinUnlock',
      'tlbFinishMmu: do others',
      'flushTlbMmRange: ptes changed',
      'smpCallFunctionMany: waits',
      'tlbFinishMmu: flushed and freed',
      'upRead',
    ]);
  });

  it('store to a protected page: mark taken away, pending flushes asked for, only then may the page be copied', () => {
    const labels = labelsOf(protectedAndShared, (cpu) => store(cpu, PAGE, 5));
    inOrder(labels, [
      'handlePteFault: PTL taken',
      'userfaultfdWpAsync: store to a protected page',
      'flushUffdWpPending: is a flush',
      'doWpPage: read-only page found',
      'ptepClearFlush: pte to be cleared',
      'wpPageCopy: old pte cleared',
    ]);
  });
});

function* registered(cpu: Cpu): Path<void> {
  yield* twoPages(cpu);
  yield* cpu.kernel.userfaultfdRegister(cpu, PAGE, 2);
}

/** A fork shares the pages, so that a store copies them. */
function* protectedAndShared(cpu: Cpu): Path<void> {
  yield* registered(cpu);
  yield* cpu.kernel.sysFork(cpu, 4 as TaskId);
  yield* cpu.kernel.mwriteprotectRange(cpu, PAGE, 2, true);
}
