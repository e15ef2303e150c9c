/** The order of events inside each path, as published (event-order anchors), read off the labels of a solo run. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { MADV_DONTNEED, type TaskId } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { load, R, RW, store } from './task.js';

const PAGE = 8 as Vpn;

function* twoPages(cpu: Parameters<Body>[0]): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
  yield* store(cpu, PAGE, 1);
  yield* store(cpu, PAGE + 1, 2);
}

describe('event order', () => {
  it('munmap: detach, downgrade, unhook under the PTL, unhook tables, flush, free', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.sysMunmap(cpu, PAGE, 2));
    inOrder(labels, [
      'downWrite',
      'vmaStartWrite: no readers',
      'vmaMarkDetached',
      'vmaTree: about to change',
      'vmaEndWriteAll',
      'downgradeWrite',
      'tlbGatherMmu',
      'pteOffsetMapLock: PTL taken',
      'flushTlbBatchedPending',
      'zapPte: present pte found',
      'zapPte: pte cleared, flush owed',
      'zapPte: present pte found',
      'zapPte: pte cleared, flush owed',
      'spinUnlock',
      'freePgtables: table no longer needed',
      'tlbFinishMmu: do others',
      'flushTlbMmRange: ptes changed',
      'smpCallFunctionMany: waits',
      'folioPut',
      'freeUnrefPage',
      'folioPut',
      'tlbFinishMmu: flushed and freed',
      'upRead',
    ]);
    const flush = labels.findIndex((l) => l.startsWith('flushTlbMmRange'));
    expect(labels.slice(0, flush).some((l) => l.startsWith('folioPut'))).toBe(false);
  });

  it('MADV_DONTNEED: per-VMA lock, unhook, PTL dropped, lock dropped, flush, free', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.sysMadvise(cpu, PAGE, 2, MADV_DONTNEED));
    inOrder(labels, [
      'tlbGatherMmu',
      'lockVmaUnderRcu: vma wanted',
      'vmaStartRead: held, is it still',
      'pteOffsetMapLock: PTL taken',
      'flushTlbBatchedPending',
      'zapPte: pte cleared, flush owed',
      'spinUnlock',
      'vmaEndRead',
      'tlbFinishMmu: do others',
      'flushTlbMmRange: ptes changed',
      'folioPut',
      'tlbFinishMmu: flushed and freed',
    ]);
    expect(labels.some((l) => l.startsWith('downRead') || l.startsWith('downWrite'))).toBe(false);
  });

  it('mprotect: VMA marked and changed, pending batch flushed, PTEs rewritten, PTL dropped, one flush, lock dropped', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.sysMprotect(cpu, PAGE, 2, R));
    inOrder(labels, [
      'downWrite',
      'vmaStartWrite: no readers',
      'vmaTree: about to change',
      'pteOffsetMapLock: PTL taken',
      'flushTlbBatchedPending',
      'changePte: present pte found',
      'changePte: pte taken away, new one',
      'changePte: present pte found',
      'changePte: pte taken away, new one',
      'spinUnlock',
      'flushTlbMmRange: ptes changed',
      'tlbFinishMmu: flushed and freed',
      'vmaEndWriteAll',
      'upWrite',
    ]);
    expect(labels.filter((l) => l.startsWith('flushTlbMmRange: ptes changed'))).toHaveLength(1);
  });

  it('COW fault: copy, PTL, recheck, clear and flush, new PTE, old rmap dropped, PTL dropped, put', () => {
    function* shared(cpu: Parameters<Body>[0]): Path<void> {
      yield* twoPages(cpu);
      yield* cpu.kernel.sysFork(cpu, 4 as TaskId);
    }
    inOrder(
      labelsOf(shared, (cpu) => store(cpu, PAGE, 3)),
      [
        'doWpPage: read-only page found',
        'folioGet',
        'spinUnlock',
        'copyPage',
        'pteOffsetMapLock: PTL taken',
        'wpPageCopy: copied, PTL taken',
        'ptepClearFlush',
        'flushTlbMmRange: ptes changed',
        'folioAddNewAnonRmap',
        'wpPageCopy: old pte cleared and flushed',
        'wpPageCopy: new pte set',
        'spinUnlock',
        'folioPut',
      ],
    );
  });

  it('fork: parent entries read-only under both PTLs, one flush of the mm before mmap_lock is dropped', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.sysFork(cpu, 4 as TaskId));
    inOrder(labels, [
      'mmInit',
      'downWrite',
      'vmaStartWrite: no readers',
      'folioGet',
      'folioTryDupAnonRmap: parent mapping found',
      'ptepSetWrprotect',
      'copyPte: parent read-only',
      'folioGet',
      'upWrite',
      'flushTlbMmRange: ptes changed',
      'vmaEndWriteAll',
      'upWrite',
      'wakeUp',
    ]);
    expect(labels.filter((l) => l.startsWith('flushTlbMmRange: ptes changed'))).toHaveLength(1);
  });

  it('mremap: old entries cleared, new set, old range flushed before either PTL is dropped', () => {
    const labels = labelsOf(twoPages, (cpu) => cpu.kernel.sysMremap(cpu, PAGE, 2, 2, 24));
    inOrder(labels, [
      'downWrite',
      'flushTlbBatchedPending',
      'movePtes: old pte found',
      'movePtes: old pte cleared, flush owed',
      'movePtes: old pte found',
      'movePtes: old pte cleared, flush owed',
      'flushTlbMmRange: ptes changed',
      'smpCallFunctionMany: waits',
      'spinUnlock',
      'spinUnlock',
    ]);
    const from = labels.findIndex((l) => l.startsWith('movePtes: old pte cleared'));
    const flushed = labels.findIndex((l) => l.startsWith('smpCallFunctionMany: waits'));
    expect(labels.slice(from, flushed).some((l) => l.startsWith('spinUnlock'))).toBe(false);
  });

  it('exit: unhook under the read lock, tables under the write lock, flush, free', () => {
    const labels = labelsOf(
      function* (cpu) {
        yield* twoPages(cpu);
        // the other thread's share of the mm, so that this exit is the last
        cpu.mem.words[cpu.mm.users.at(1 as never)] = 1;
      },
      (cpu) => cpu.kernel.sysExit(cpu),
    );
    inOrder(labels, [
      'mmput',
      'downRead',
      'zapPte: pte cleared, flush owed',
      'upRead',
      'downWrite',
      'freePgtables: table no longer needed',
      'flushTlbMmRange: ptes changed',
      'folioPut',
      'tlbFinishMmu: flushed and freed',
      'vmaMarkDetached',
      'upWrite',
      'mmdrop',
    ]);
  });

  it('a load of untouched memory maps the zero page and allocates nothing but the table', () => {
    const labels = labelsOf(
      (cpu) => cpu.kernel.sysMmap(cpu, PAGE, 1, RW, 1),
      (cpu) => load(cpu, PAGE),
    );
    expect(labels.filter((l) => l.startsWith('allocPage: frame handed out'))).toHaveLength(1);
    inOrder(labels, ['lockVmaUnderRcu', 'pteAlloc: table prepared', 'doAnonymousPage: pte still none', 'vmaEndRead']);
  });
});
