/** get_user_pages(): the order of events of solo runs, and what others do meanwhile to pages and tables that it is about to have, or has. */
import { describe, expect, it } from 'vitest';
import { irqsOff } from '#tlblab/hardware/apic.js';
import type { CpuId, Pfn, Vpn } from '#tlblab/hardware/types.js';
import { EFAULT, MADV_DONTNEED, MADV_FREE, MAP_FIXED, MIGRATE_ASYNC, type TaskId } from '#tlblab/kernel/types.js';
import { type Path, pointLabel } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, R, RW, store } from './task.js';

const P = 8 as Vpn;
const SWAP = { override: { swapSlots: 4 } };

type Handle = Parameters<Body>[0];

function* mapped(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P, 2, RW, MAP_FIXED);
  for (const page of [P, P + 1]) yield* store(cpu, page, page);
}
function* shared(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* cpu.kernel.sysFork(cpu, 4 as TaskId);
}
function* swappable(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* cpu.kernel.sysMadvise(cpu, P, 2, MADV_FREE);
}

const gup =
  (how: { fast?: boolean; write?: boolean; pages?: number; at?: number } = {}) =>
  (cpu: Handle): Path<number> =>
    cpu.kernel.gupTestIoctl(cpu, {
      start: how.at ?? P,
      word: 0,
      fast: how.fast ?? false,
      write: how.write ?? false,
      values: Array.from({ length: how.pages ?? 1 }, (_, i) => 70 + i),
    });

const times = (labels: readonly string[], label: string): number => labels.filter((l) => l.startsWith(label)).length;
const refcount = (driver: KernelDriver, pfn: number): number => driver.columns.folio.refcount.peek(pfn as Pfn);

/** The frame that page P of address space 1 is mapped to by a tiny machine: the first that a task gets there. */
function frameOf(driver: KernelDriver): number {
  const { frame, mm } = driver.columns;
  const g = driver.geometry;
  let table = mm.pgd.peek(1 as never) as Pfn;
  g.levelShift.forEach((shift, level) => {
    const index = Math.floor(P / 2 ** shift) % 2 ** g.levelBits[level];
    table = (frame.words.peek(table, index * 2) >>> 12) as Pfn;
  });
  return table;
}

describe('event order of get_user_pages', () => {
  it('fast: tables from the root, entry, reference, pmd entry and entry again; no lock; then use and put', () => {
    const labels = labelsOf(mapped, gup({ fast: true, pages: 2 }));
    const page = [
      'gupFast: table found, pte to be read',
      'folioTryGet: refcount to be read',
      'folioTryGet: refcount seen',
      'gupFast: reference taken, is the pmd',
      'gupFast: pmd entry the same',
    ];
    const use = ['gupTestIoctl: page held, word to be read'];
    inOrder(labels, ['gupFast: interrupts off', ...page, ...page, ...use, ...use, 'folioPut', 'folioPut']);
    expect(times(labels, 'downRead') + times(labels, 'pteOffsetMapLock') + times(labels, 'followPageMask')).toBe(0);
  });

  it('fast where nothing is mapped: the rest the slow way, under mmap_lock, faulted in and followed again', () => {
    const before: Body = function* (cpu) {
      yield* cpu.kernel.sysMmap(cpu, P, 2, RW, MAP_FIXED);
      yield* store(cpu, P, 1);
    };
    const labels = labelsOf(before, gup({ fast: true, pages: 2 }));
    inOrder(labels, [
      'gupFast: pmd entry the same',
      'gupFast: table found, pte to be read',
      'downRead',
      'followPageMask: PTL taken',
      'spinUnlock',
      'handlePteFault',
      'doAnonymousPage: pte still none',
      'followPageMask: PTL taken',
      'folioGet',
      'spinUnlock',
      'upRead',
      'gupTestIoctl: page held',
    ]);
    expect(times(labels, 'followPageMask')).toBe(2);
  });

  it('to write a shared page: not followed, copied, then followed; written, dirty under the folio lock, put', () => {
    for (const fast of [false, true]) {
      const labels = labelsOf(shared, gup({ fast, write: true }));
      inOrder(labels, [
        'followPageMask: PTL taken',
        'wpPageCopy: copied',
        'ptepClearFlush',
        'followPageMask: PTL taken',
        'folioGet',
        'gupTestIoctl: page held, word to be written',
        'folioLock',
        'folioMarkDirty',
        'folioUnlock',
        'folioPut',
      ]);
      // the entry does not allow a write: no reference is tried
      expect(times(labels, 'folioTryGet')).toBe(0);
    }
  });

  it('to read a shared page: no copy', () => {
    const labels = labelsOf(shared, gup());
    expect(times(labels, 'wpPageCopy') + times(labels, 'handlePteFault')).toBe(0);
    expect(times(labels, 'folioGet')).toBe(1);
  });

  it('to write through a clean entry: the folio dirty under the PTL', () => {
    const labels = labelsOf(swappable, gup({ write: true }), SWAP);
    inOrder(labels, ['followPageMask', 'folioGet', 'folioTestDirty', 'folioMarkDirty', 'spinUnlock', 'upRead']);
  });

  it('a hint of NUMA balancing: refused without locks, followed to read, faulted to write', () => {
    const override = { nodes: 2, fastFrames: 30 };
    const hinted: Body = function* (cpu) {
      yield* mapped(cpu);
      yield* cpu.kernel.migrateMmRange(cpu, cpu.current, P, 2, MIGRATE_ASYNC, 1 as never);
      yield* cpu.kernel.taskNumaWork(cpu, P, 2);
    };
    const reads = labelsOf(hinted, gup({ fast: true }), { override: { ...override, swapSlots: 4 } });
    expect(times(reads, 'folioTryGet') + times(reads, 'doNumaPage')).toBe(0);
    inOrder(reads, ['gupFast: table found', 'downRead', 'followPageMask', 'folioGet']);
    const writes = labelsOf(hinted, gup({ write: true }), { override: { ...override, swapSlots: 4 } });
    inOrder(writes, ['followPageMask', 'doNumaPage', 'followPageMask', 'folioGet']);
  });
});

describe('results of get_user_pages', () => {
  it('are what was had before the range ends, and -EFAULT for nothing; every reference is given back', () => {
    for (const fast of [false, true]) {
      const results: number[] = [];
      const driver = alone(function* (cpu) {
        yield* mapped(cpu);
        yield* cpu.kernel.sysMmap(cpu, (P + 4) as Vpn, 1, R, MAP_FIXED);
        yield* cpu.kernel.sysMmap(cpu, (P + 5) as Vpn, 1, 0, MAP_FIXED);
        results.push(yield* gup({ fast, pages: 2 })(cpu));
        results.push(yield* gup({ fast, pages: 4 })(cpu));
        results.push(yield* gup({ fast, at: P + 3 })(cpu));
        results.push(yield* gup({ fast, at: P + 4 })(cpu));
        results.push(yield* gup({ fast, at: P + 4, write: true })(cpu));
        results.push(yield* gup({ fast, at: P + 5 })(cpu));
      });
      expect(results).toEqual([2, 2, EFAULT, 1, EFAULT, EFAULT]);
      expect(refcount(driver, frameOf(driver))).toBe(1);
      // the zero page, too
      expect(refcount(driver, driver.geometry.frames - 1)).toBe(1);
    }
  });

  it('shows and changes what the mapping shows', () => {
    const seen: number[] = [];
    alone(function* (cpu) {
      yield* mapped(cpu);
      yield* gup({ fast: true })(cpu);
      seen.push(cpu.loaded);
      yield* gup({ write: true, pages: 2 })(cpu);
      seen.push(yield* load(cpu, P), yield* load(cpu, P + 1));
    });
    expect(seen).toEqual([P, 70, 71]);
  });
});

/** CPU 0 does `other`, call by call, and CPU 1 `call`, in one address space where CPU 0 has done `before`. */
function two(call: Body, other: Body[], before: Body = mapped) {
  const results: unknown[] = [];
  let done = -1;
  const driver = new KernelDriver({
    cpus: 2,
    ...SWAP,
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          for (const one of [before, ...other]) {
            const result = yield* one(cpu);
            if (done >= 0) results.push(result);
            done++;
          }
        },
      },
      {
        cpu: 1,
        mm: 1,
        *body(cpu): Path<void> {
          results.push(yield* call(cpu));
        },
      },
    ],
  });
  /** CPU 0 has done so many of its calls; CPU 1 only takes interrupts, unless CPU 0 waits for more. */
  const until = (calls: number): void =>
    driver.run({
      choose: (choices) => choices.find((c) => c.cpu === 0) ?? choices.find((c) => c.deliver) ?? choices[0],
      until: () => done === calls,
    });
  until(0);
  return { driver, results, until };
}
/** Runs CPU 0 alone until it waits, or its task ends. */
function goesAsFarAsItCan(driver: KernelDriver): void {
  for (let n = 0; n < 2000 && !driver.done(0); n++) {
    const choice = driver.choices().find((c) => c.cpu === (0 as CpuId));
    if (!choice) return;
    driver.step(choice);
  }
}
const zap: Body = (cpu) => cpu.kernel.sysMadvise(cpu, P, 1, MADV_DONTNEED);
const reclaim: Body = (cpu) => cpu.kernel.reclaimMmRange(cpu, cpu.current, P, 1);
const migrate: Body = (cpu) => cpu.kernel.migrateMmRange(cpu, cpu.current, P, 1, MIGRATE_ASYNC);

describe('others meanwhile', () => {
  it('a flush waits for a walk without locks, so that the page whose entry it has read is not freed', () => {
    const { driver, results } = two(gup({ fast: true }), [zap]);
    driver.runTo(1, 'folioTryGet: refcount to be read');
    const pfn = frameOf(driver);
    expect(irqsOff(driver.cpuAt(1))).toBe(true);
    goesAsFarAsItCan(driver);
    expect(pointLabel(driver.cpuAt(0).point)).toContain('smpCallFunctionMany: waits');
    expect(refcount(driver, pfn)).toBe(1);
    driver.run();
    // the second look finds the entry gone; the slow way maps the zero page
    expect(results).toEqual([0, 1]);
    expect(driver.cpuOf(1).loaded).toBe(0);
  });

  it('a table that is unhooked is not freed under a walk without locks', () => {
    const unmap: Body = function* (cpu) {
      yield* cpu.kernel.sysMunmap(cpu, P, 2);
      yield* cpu.kernel.rcuBarrier(cpu);
    };
    const { driver, results } = two(gup({ fast: true }), [unmap]);
    driver.runTo(1, 'gupFast: table found');
    const free = freeFrames(driver);
    goesAsFarAsItCan(driver);
    expect(driver.done(0)).toBe(false);
    expect(freeFrames(driver)).toBe(free);
    driver.run();
    // two pages and their table
    expect(freeFrames(driver)).toBe(free + 3);
    expect(results.sort()).toEqual([EFAULT, undefined]);
  });

  it.each([
    ['reclaim', reclaim],
    ['migration', migrate],
  ])('%s gives up on a page that is held, and takes it when it is not', (_, other) => {
    // what was unmapped and kept has to be mapped again before an address leads to it
    const again: Body = function* (cpu) {
      yield* load(cpu, P);
      return yield* other(cpu);
    };
    for (const fast of [false, true]) {
      const { driver, results, until } = two(gup({ fast, write: true }), [other, again]);
      driver.runTo(1, 'gupTestIoctl: page held');
      until(1);
      expect(driver.done(1)).toBe(false);
      expect(results).toEqual([0]);
      driver.runTo(1, 'test: body of the task');
      driver.run();
      expect(results).toEqual([0, 1, 1]);
    }
  });

  it('discard of a page that MADV_FREE left: whoever is first, the other sees it', () => {
    const discards = (stop: string) => {
      const { driver, results, until } = two(gup({ fast: true }), [reclaim], swappable);
      driver.runTo(1, stop);
      goesAsFarAsItCan(driver);
      driver.run();
      until(1);
      return { freed: results.includes(0) ? 0 : 1, read: driver.cpuOf(1).loaded };
    };
    // the reference is there before reclaim reads it: the entry comes back, and the page is kept
    expect(discards('gupFast: reference taken, is the pmd')).toEqual({ freed: 0, read: P });
    // reclaim has read the references, and the entry is gone when it is read again
    expect(discards('folioTryGet: refcount to be read')).toEqual({ freed: 1, read: 0 });
  });
});
