/** KSM: the order of events of solo runs, and what a merge leaves. */
import { describe, expect, it } from 'vitest';
import { PTE_D, PTE_P, PTE_RW, PTE_US } from '#tlblab/hardware/pte.js';
import type { Pfn, PteLo, Vpn } from '#tlblab/hardware/types.js';
import { MAP_FIXED, MIGRATE_SYNC, type MmId, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, RW, store } from './task.js';

const P = 8;
const Q = 9;

type Handle = Parameters<Body>[0];

function* equal(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P as Vpn, 2, RW, MAP_FIXED);
  for (const page of [P, Q]) yield* store(cpu, page, 5);
}
const ksm = (cpu: Handle, first = P, second = Q): Path<number> =>
  cpu.kernel.cmpAndMergePage(cpu, { task: cpu.current, page: first }, { task: cpu.current, page: second });

describe('event order', () => {
  it('both found and compared; one write-protected, then the other, compared again, replaced; flush before each entry', () => {
    const protect = [
      'downRead',
      'folioTrylock',
      'pageVmaMappedWalk: PTL taken',
      'pageAnonExclusive',
      'writeProtectPage: entry found',
      'ptepClearFlush: pte to be cleared',
      'flushTlbMmRange: ptes changed',
      'writeProtectPage: entry cleared and flushed, how many',
      'writeProtectPage: mappings read',
      'folioTryShareAnonRmapPte',
      'writeProtectPage: read-only and clean',
      'spinUnlock',
    ];
    const found = ['downRead', 'getMergeablePage: PTL taken', 'folioGet', 'upRead'];
    const labels = labelsOf(equal, (cpu) => ksm(cpu));
    inOrder(labels, [
      ...found,
      ...found,
      'pagesIdentical',
      ...protect,
      'tryToMergeOnePage: write-protected',
      'upRead',
      ...protect,
      'pagesIdentical',
      'replacePage: PTL taken',
      'folioGet',
      'folioAddAnonRmapPte',
      'ptepClearFlush: pte to be cleared',
      'flushTlbMmRange: ptes changed',
      'replacePage: old entry cleared and flushed',
      'replacePage: new entry set',
      'folioPut',
      'spinUnlock',
      'upRead',
      'freeUnrefPage',
    ]);
    expect(labels.filter((l) => l.startsWith('ptepClearFlush'))).toHaveLength(3);
  });

  it('an entry that is read-only, clean and shared is flushed if somebody has a flush pending, and not otherwise', () => {
    const flushes: boolean[] = [];
    alone(function* (cpu) {
      const { kernel } = cpu;
      const mm = 1 as MmId;
      flushes.push(yield* kernel.ksmNeedsFlush(cpu, mm, (PTE_P | PTE_US) as PteLo, false));
      const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
      flushes.push(yield* kernel.ksmNeedsFlush(cpu, mm, (PTE_P | PTE_US) as PteLo, false));
      yield* kernel.tlbFinishMmu(cpu, tlb);
      for (const bit of [PTE_RW, PTE_D]) {
        flushes.push(yield* kernel.ksmNeedsFlush(cpu, mm, (PTE_P | PTE_US | bit) as PteLo, false));
      }
      flushes.push(yield* kernel.ksmNeedsFlush(cpu, mm, (PTE_P | PTE_US) as PteLo, true));
    });
    expect(flushes).toEqual([false, true, true, true, true]);
  });
});

describe('a merge', () => {
  it('frees a frame; a store through either page makes a copy, and the other keeps what it shows', () => {
    const seen: number[] = [];
    const body = (merge: boolean): Body =>
      function* (cpu) {
        yield* equal(cpu);
        if (merge) seen.push(yield* ksm(cpu));
      };
    expect(freeFrames(alone(body(true))) - freeFrames(alone(body(false)))).toBe(1);
    alone(function* (cpu) {
      yield* body(true)(cpu);
      yield* store(cpu, Q, 6);
      seen.push(yield* load(cpu, P), yield* load(cpu, Q));
      yield* store(cpu, P, 7);
      seen.push(yield* load(cpu, P), yield* load(cpu, Q));
    });
    expect(seen).toEqual([1, 1, 5, 6, 7, 6]);
  });

  it('takes a third page, but no unequal one, and no page of a shared mapping', () => {
    const seen: number[] = [];
    alone(function* (cpu) {
      yield* equal(cpu);
      yield* cpu.kernel.sysMmap(cpu, 16 as Vpn, 2, RW, MAP_FIXED);
      yield* store(cpu, 16, 5);
      yield* store(cpu, 17, 6);
      yield* cpu.kernel.sysWrite(cpu, 1, 0, 0, 5);
      yield* cpu.kernel.sysMmap(cpu, 20 as Vpn, 1, RW | VM_SHARED, MAP_FIXED, 1, 0);
      yield* store(cpu, 20, 5);
      seen.push(yield* ksm(cpu), yield* ksm(cpu, 16, P), yield* ksm(cpu, P, 17), yield* ksm(cpu, P, 20));
      seen.push(yield* load(cpu, 16));
    });
    expect(seen).toEqual([1, 1, 0, 0, 5]);
  });

  it('leaves a page that is neither moved nor reclaimed, on a machine with swap', () => {
    const seen: number[] = [];
    alone(
      function* (cpu) {
        const { kernel, current } = cpu;
        yield* equal(cpu);
        seen.push(yield* ksm(cpu));
        seen.push(yield* kernel.migrateMmRange(cpu, current, P, 2, MIGRATE_SYNC));
        seen.push(yield* kernel.reclaimMmRange(cpu, current, P, 2));
        seen.push(yield* load(cpu, P), yield* load(cpu, Q));
        yield* store(cpu, P, 6);
        seen.push(yield* kernel.migrateMmRange(cpu, current, P, 1, MIGRATE_SYNC));
      },
      { override: { swapSlots: 4 } },
    );
    expect(seen).toEqual([1, 0, 0, 5, 5, 1]);
  });

  it('is not made of a page that somebody holds', () => {
    const seen: number[] = [];
    alone(function* (cpu) {
      yield* equal(cpu);
      const page = yield* cpu.kernel.getMergeablePage(cpu, { mm: 1 as never, vpn: P as Vpn });
      seen.push(yield* ksm(cpu), yield* store(cpu, P, 6), yield* load(cpu, P));
      yield* cpu.kernel.folioPut(cpu, page as Pfn);
      yield* store(cpu, P, 5);
      seen.push(yield* ksm(cpu));
    });
    expect(seen).toEqual([0, 0, 6, 1]);
  });
});
