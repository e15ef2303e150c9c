/** Walks that give the page-table lock away, gathers that are full, tables that are freed, locks that exclude. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { FAST_NODE, MADV_DONTNEED, MAP_FIXED, type MmId } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from '../driver.js';
import { alone, freeFrames, load, R, RW, store } from './task.js';

/** Maps and writes `pages` pages from page 8, calls `then`; the labels of that part. */
function labelsAfter(pages: number, then: Body, override: Record<string, number>, ptReclaim = true): string[] {
  let from = 0;
  const driver: KernelDriver = new KernelDriver({
    cpus: 1,
    override,
    switches: { ptReclaim },
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, pages, RW, MAP_FIXED);
          for (let i = 0; i < pages; i++) yield* store(cpu, 8 + i, 1 + i);
          from = driver.trace.length;
          yield* then(cpu);
        },
      },
    ],
  });
  driver.run();
  expect(driver.allDone()).toBe(true);
  return driver.trace.slice(from).map((t) => t.slice(5));
}

/** The last of the threads takes the address space down. */
function* leave(cpu: Parameters<Body>[0]): Path<void> {
  yield* cpu.kernel.sysExit(cpu);
  yield* cpu.kernel.rcuBarrier(cpu);
}

function count(labels: string[], label: string): number {
  return labels.filter((l) => l.startsWith(label)).length;
}

describe('a walk over many entries', () => {
  it.each([
    [1, 8],
    [3, 3],
    [8, 1],
  ])('drops the PTL every %i entries: %i times for 8 pages', (pteWalkLimit, holds) => {
    const zapped = labelsAfter(8, (cpu) => cpu.kernel.sysMunmap(cpu, 8 as Vpn, 8), { pteWalkLimit });
    expect(count(zapped, 'pteOffsetMapLock: PTL taken')).toBe(holds);
    const changed = labelsAfter(8, (cpu) => cpu.kernel.sysMprotect(cpu, 8 as Vpn, 8, R), { pteWalkLimit });
    expect(count(changed, 'pteOffsetMapLock: PTL taken')).toBe(holds);
  });

  it('drops the PTL when the CPU is wanted by another task', () => {
    let marked = false;
    const driver: KernelDriver = new KernelDriver({
      cpus: 1,
      override: { pteWalkLimit: 8 },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 8, RW, MAP_FIXED);
            for (let i = 0; i < 8; i++) yield* store(cpu, 8 + i, 1 + i);
            marked = true;
            yield* cpu.kernel.sysMunmap(cpu, 8 as Vpn, 8);
          },
        },
        { cpu: 0 },
      ],
    });
    driver.run({ until: () => marked });
    driver.runTo(0, 'zapPte: pte cleared');
    const from = driver.trace.length;
    driver.tick(0);
    driver.run();
    const labels = driver.trace.slice(from).map((t) => t.slice(5));
    const again = labels.findIndex((l) => l.startsWith('pteOffsetMapLock: PTL taken'));
    expect(again).toBeGreaterThan(0);
    expect(labels.slice(again).filter((l) => l.startsWith('zapPte: present pte found')).length).toBeGreaterThan(5);
  });

  it.each([
    [1, 8],
    [3, 3],
    [8, 1],
  ])('flushes when a gather of %i pages is full: %i flushes for 8 pages', (gatherBatch, flushes) => {
    const labels = labelsAfter(8, (cpu) => cpu.kernel.sysMunmap(cpu, 8 as Vpn, 8), {
      gatherBatch,
      levels: 23,
      pteWalkLimit: 8,
    });
    // munmap frees the table too, which one more flush covers if the pages went before
    const extra = gatherBatch === 3 ? 0 : 1;
    expect(count(labels, 'flushTlbMmRange: ptes changed')).toBe(flushes + extra);
  });
});

describe('page tables', () => {
  it('go when the last mapping under them goes, not before', () => {
    const free: number[] = [];
    const driver: KernelDriver = alone(
      function* (cpu): Path<void> {
        yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 8, RW, MAP_FIXED);
        yield* store(cpu, 8, 1);
        yield* store(cpu, 15, 1);
        for (const [page, pages] of [
          [8, 4],
          [12, 4],
        ]) {
          yield* cpu.kernel.sysMunmap(cpu, page as Vpn, pages);
          yield* cpu.kernel.rcuBarrier(cpu);
          free.push(cpu.mem.words[cpu.zone.nrFree.at(FAST_NODE)] + cpu.pcp.count.own(cpu.id));
        }
      },
      { override: { levels: 23 } },
    );
    expect(free[0]).toBe(freeFrames(driver) - 2);
    expect(free[1]).toBe(freeFrames(driver));
  });

  it('emptied by MADV_DONTNEED go at once, in one go or after a recheck, unless the machine does not reclaim them', () => {
    const dontneed: Body = (cpu) => cpu.kernel.sysMadvise(cpu, 8 as Vpn, 8, MADV_DONTNEED);
    const inOneGo = labelsAfter(8, dontneed, { levels: 23, pteWalkLimit: 8, gatherBatch: 64 });
    expect(count(inOneGo, 'ptReclaim: table emptied in one go')).toBe(1);
    const interrupted = labelsAfter(8, dontneed, { levels: 23, pteWalkLimit: 3 });
    expect(count(interrupted, 'ptReclaim: is the next pte') + count(interrupted, 'ptReclaim: table locked')).toBe(8);
    expect(count(interrupted, 'ptReclaim: table found empty')).toBe(1);
    const part = labelsAfter(8, (cpu) => cpu.kernel.sysMadvise(cpu, 8 as Vpn, 7, MADV_DONTNEED), { levels: 23 });
    const off = labelsAfter(8, dontneed, { levels: 23, pteWalkLimit: 8 }, false);
    for (const labels of [part, off]) expect(labels.some((l) => l.startsWith('ptReclaim'))).toBe(false);
  });

  it('that another thread fills before the recheck stay', () => {
    const driver: KernelDriver = new KernelDriver({
      cpus: 2,
      override: { levels: 23, pteWalkLimit: 3 },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 8, RW, MAP_FIXED);
            for (let i = 0; i < 8; i++) yield* store(cpu, 8 + i, 1 + i);
            yield* cpu.kernel.sysMadvise(cpu, 8 as Vpn, 8, MADV_DONTNEED);
            expect(yield* load(cpu, 9)).toBe(77);
          },
        },
        { cpu: 1, mm: 1, body: (cpu) => store(cpu, 9, 77) },
      ],
    });
    driver.runTo(0, 'zapPte: pte cleared');
    driver.runTo(0, 'spinUnlock');
    driver.runTo(0, 'pteOffsetMap: pmd');
    driver.run({
      choose: (choices) => choices.find((c) => c.cpu === 1) ?? choices[0],
      until: () => driver.trace.some((t) => t === 'CPU1 vmaEndRead: reader done'),
    });
    driver.run();
    expect(driver.allDone()).toBe(true);
    expect(driver.trace.some((t) => t.includes('ptReclaim: table found empty'))).toBe(false);
  });

  it('a whole table moves in mremap when both places are aligned', () => {
    const values: number[] = [];
    const labels = labelsAfter(
      8,
      function* (cpu) {
        yield* cpu.kernel.sysMremap(cpu, 8 as Vpn, 8, 8, 24);
        for (let i = 0; i < 8; i++) values.push(yield* load(cpu, 24 + i));
      },
      { levels: 23 },
    );
    expect(values).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(count(labels, 'moveNormalPmd: old pmd entry cleared')).toBe(1);
    expect(count(labels, 'movePtes')).toBe(0);
  });
});

describe('the per-VMA lock', () => {
  const fault: Body = (cpu) => store(cpu, 9, 5);
  function machine(writer: Body): KernelDriver {
    const driver = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: writer },
        { cpu: 1, mm: 1, body: fault },
      ],
    });
    return driver;
  }
  const remap: Body = function* (cpu) {
    yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 4, RW, MAP_FIXED);
    yield* store(cpu, 8, 1);
    yield* cpu.kernel.sysMprotect(cpu, 8 as Vpn, 4, R);
  };

  it('makes a writer wait until the fault that holds the VMA is over', () => {
    const driver = machine(remap);
    driver.runTo(0, 'downWrite');
    driver.runTo(0, 'upWrite: write section done');
    driver.runTo(0, 'downWrite');
    driver.runTo(1, 'doAnonymousPage: pte still none');
    driver.runTo(0, 'vmaStartWrite: waiting for readers to leave');
    expect(driver.choices().some((c) => c.cpu === 0 && !c.deliver)).toBe(false);
    driver.runTo(1, 'access: walking');
    expect(driver.choices().some((c) => c.cpu === 0 && !c.deliver)).toBe(true);
    driver.run();
    expect(driver.allDone()).toBe(true);
  });

  it('sends a fault to mmap_lock while a writer has the VMA marked', () => {
    const driver = machine(remap);
    driver.runTo(0, 'changePte');
    driver.run({ choose: (choices) => choices.find((c) => c.cpu === 1) ?? choices[0] });
    expect(driver.allDone()).toBe(true);
    expect(driver.trace.some((t) => t.startsWith('CPU1 downRead'))).toBe(true);
  });

  it.each(Array.from({ length: 40 }, (_, i) => i + 1))(
    'holds against munmap, DONTNEED and faults at once, order %i',
    (seed) => {
      const again: Body = function* (cpu) {
        for (let i = 0; i < 3; i++) {
          yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 8, RW, MAP_FIXED);
          yield* store(cpu, 8 + i, 1);
          yield* cpu.kernel.sysMunmap(cpu, (8 + 2 * i) as Vpn, 4);
        }
        yield* leave(cpu);
      };
      const driver = new KernelDriver({
        cpus: 3,
        override: { gatherBatch: 2, pteWalkLimit: 2 },
        tasks: [
          { cpu: 0, mm: 1, body: again },
          {
            cpu: 1,
            mm: 1,
            *body(cpu): Path<void> {
              for (let i = 0; i < 4; i++) {
                yield* cpu.kernel.sysMadvise(cpu, 8 as Vpn, 8, MADV_DONTNEED);
                yield* store(cpu, 8 + i, 4);
              }
              yield* leave(cpu);
            },
          },
          {
            cpu: 2,
            mm: 1,
            *body(cpu): Path<void> {
              for (let i = 0; i < 6; i++) yield* store(cpu, 8 + i, 3);
              yield* leave(cpu);
            },
          },
        ],
      });
      const before = freeFrames(driver);
      driver.run({ choose: atRandom(seed), tickEvery: 70 });
      expect(driver.allDone()).toBe(true);
      expect(driver.columns.mm.tlbFlushPending.peek(1 as MmId)).toBe(0);
      expect(driver.columns.mm.mmapLock.peek(1 as MmId)).toBe(0);
      // the root goes with the last borrower, if all CPUs have moved on
      const root = driver.columns.mm.pgd.peek(1 as MmId) === 0 ? 1 : 0;
      expect(freeFrames(driver)).toBe(before + root);
    },
  );
});
