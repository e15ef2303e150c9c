/** Swap: what was stored comes back, whoever shares it; slots, folios and frames are neither lost nor used twice. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import {
  FAST_NODE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  type MmId,
  SIGSEGV,
  type SwapSlot,
  type TaskId,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from '../driver.js';
import { alone, framesWaiting, freeFrames, load, R, RW, rowsInUse, store } from './task.js';

const P = 8 as Vpn;
type Handle = Parameters<Body>[0];

const reclaim = (cpu: Handle, from: number, pages: number) => cpu.kernel.reclaimMmRange(cpu, cpu.current, from, pages);

/** Slots that something uses. */
function slotsInUse({ columns, geometry }: KernelDriver): number {
  const slots = Array.from({ length: geometry.swapSlots }, (_, i) => columns.swap.map.peek(0, i + 1));
  return slots.filter((count) => count !== 0).length;
}

function* pages(cpu: Handle, count: number): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P, count, RW, MAP_FIXED);
  for (let i = 0; i < count; i++) yield* store(cpu, P + i, 10 + i);
}

/** What one task finds in the end, alone on a machine with `swapSlots` slots. */
function seen(body: (cpu: Handle) => Path<number[]>, swapSlots = 4): { values: number[]; driver: KernelDriver } {
  let values: number[] = [];
  const driver = alone(
    function* (cpu) {
      values = yield* body(cpu);
    },
    { override: { swapSlots } },
  );
  return { values, driver };
}

describe('swap', () => {
  it('brings back what was stored, and gives up the slot at the next store', () => {
    const { values, driver } = seen(function* (cpu) {
      yield* pages(cpu, 2);
      const freed = yield* reclaim(cpu, P, 2);
      const loaded = [yield* load(cpu, P), yield* load(cpu, P + 1)];
      yield* reclaim(cpu, P, 2);
      yield* store(cpu, P, 99);
      return [freed, ...loaded, yield* load(cpu, P), yield* load(cpu, P + 1)];
    });
    expect(values).toEqual([2, 10, 11, 99, 11]);
    expect(slotsInUse(driver)).toBe(1);
  });

  it('takes as many pages as the device holds', () => {
    const { values } = seen(function* (cpu) {
      yield* pages(cpu, 3);
      const freed = yield* reclaim(cpu, P, 3);
      return [freed, yield* load(cpu, P), yield* load(cpu, P + 1), yield* load(cpu, P + 2)];
    }, 2);
    expect(values).toEqual([2, 10, 11, 12]);
  });

  it('leaves anonymous pages alone on a machine without it', () => {
    const { values } = seen(function* (cpu) {
      yield* pages(cpu, 1);
      return [yield* reclaim(cpu, P, 1), yield* cpu.kernel.sysMadvise(cpu, P, 1, MADV_PAGEOUT), yield* load(cpu, P)];
    }, 0);
    expect(values).toEqual([0, 0, 10]);
  });

  it('survives mprotect, mremap and a second move to other frames', () => {
    const { values, driver } = seen(function* (cpu) {
      yield* pages(cpu, 2);
      yield* reclaim(cpu, P, 2);
      yield* cpu.kernel.sysMprotect(cpu, P, 2, R);
      yield* cpu.kernel.sysMremap(cpu, P, 2, 2, (P + 8) as Vpn);
      const denied = yield* store(cpu, P + 8, 1);
      yield* load(cpu, P + 8);
      yield* cpu.kernel.migrateMmRange(cpu, cpu.current, P + 8, 2, MIGRATE_SYNC);
      yield* reclaim(cpu, P + 8, 2);
      return [denied, yield* load(cpu, P + 8)];
    });
    expect(values).toEqual([SIGSEGV, 10]);
    expect(slotsInUse(driver)).toBeGreaterThan(0);
  });

  it('DONTNEED and munmap give slots up', () => {
    const { values, driver } = seen(function* (cpu) {
      yield* pages(cpu, 3);
      yield* reclaim(cpu, P, 3);
      yield* load(cpu, P);
      yield* cpu.kernel.sysMadvise(cpu, P, 2, MADV_DONTNEED);
      const zero = yield* load(cpu, P);
      yield* cpu.kernel.sysMunmap(cpu, P, 3);
      return [zero];
    });
    expect(values).toEqual([0]);
    expect(slotsInUse(driver)).toBe(0);
  });

  it('FREE: what is not stored to again may go, what is stays', () => {
    const { values, driver } = seen(function* (cpu) {
      yield* pages(cpu, 3);
      yield* cpu.kernel.sysMadvise(cpu, P, 3, MADV_FREE);
      const kept = yield* load(cpu, P);
      yield* store(cpu, P + 1, 77);
      const freed = yield* reclaim(cpu, P, 3);
      return [kept, freed, yield* load(cpu, P), yield* load(cpu, P + 1), yield* load(cpu, P + 2)];
    });
    expect(values).toEqual([10, 2, 0, 77, 0]);
    expect(slotsInUse(driver)).toBe(0);
  });

  it('an allocation that finds no frame takes anonymous pages', () => {
    const { values, driver } = seen(function* (cpu) {
      yield* pages(cpu, 14);
      const all: number[] = [];
      for (let i = 0; i < 14; i++) all.push(yield* load(cpu, P + i));
      return all;
    }, 16);
    const few = alone(
      function* (cpu) {
        yield* pages(cpu, 14);
        for (let i = 0; i < 14; i++) expect(yield* load(cpu, P + i)).toBe(10 + i);
      },
      { override: { swapSlots: 16, frames: 14 } },
    );
    expect(values).toEqual(Array.from({ length: 14 }, (_, i) => 10 + i));
    expect(slotsInUse(driver)).toBe(0);
    expect(slotsInUse(few)).toBeGreaterThan(0);
  });

  it('parent and child share a slot and are apart after a store', () => {
    const found: Record<string, number[]> = {};
    const driver = new KernelDriver({
      cpus: 2,
      override: { swapSlots: 4, frames: 64 },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* pages(cpu, 2);
            yield* reclaim(cpu, P, 1);
            yield* cpu.kernel.sysFork(cpu, 3 as TaskId);
            yield* reclaim(cpu, P + 1, 1);
            yield* store(cpu, P, 50);
            found.parent = [yield* load(cpu, P), yield* load(cpu, P + 1)];
          },
        },
        {
          cpu: 1,
          dead: true,
          *body(cpu): Path<void> {
            found.child = [yield* load(cpu, P), yield* load(cpu, P + 1)];
            yield* store(cpu, P + 1, 60);
            found.child.push(yield* load(cpu, P + 1));
          },
        },
      ],
    });
    driver.run();
    expect(found).toEqual({ parent: [50, 11], child: [10, 11, 60] });
  });
});

/** What a task of an address space does, over and over. */
const BODIES: Record<string, (cpu: Handle) => Path<void>> = {
  *user(cpu) {
    yield* pages(cpu, 3);
    for (let i = 0; i < 6; i++) {
      yield* store(cpu, P + (i % 3), 20 + i);
      expect(yield* load(cpu, P + (i % 3))).toBe(20 + i);
    }
    yield* cpu.kernel.sysMremap(cpu, P, 3, 3, (P + 8) as Vpn);
    yield* load(cpu, P + 8);
    yield* cpu.kernel.sysMprotect(cpu, (P + 9) as Vpn, 1, R);
    expect(yield* load(cpu, P + 9)).toBe(24);
    yield* cpu.kernel.sysMadvise(cpu, (P + 8) as Vpn, 1, MADV_DONTNEED);
    yield* cpu.kernel.sysMunmap(cpu, (P + 8) as Vpn, 2);
  },
  *forker(cpu) {
    yield* pages(cpu, 2);
    yield* cpu.kernel.sysFork(cpu, (cpu.geometry.cpus + 4) as TaskId);
    for (let i = 0; i < 4; i++) {
      yield* store(cpu, P + (i % 2), 40 + i);
      expect(yield* load(cpu, P + (i % 2))).toBe(40 + i);
    }
  },
  *child(cpu) {
    for (const page of [0, 1]) expect([10 + page]).toContain(yield* load(cpu, P + page));
    yield* store(cpu, P, 70);
    expect(yield* load(cpu, P)).toBe(70);
  },
  *pager(cpu) {
    for (let i = 0; i < 5; i++) yield* cpu.kernel.sysMadvise(cpu, P, 11, MADV_PAGEOUT);
  },
  *reclaimer(cpu) {
    for (let i = 0; i < 5; i++) yield* reclaim(cpu, P, 11);
  },
  *migrator(cpu) {
    for (let i = 0; i < 4; i++) {
      yield* cpu.kernel.migrateMmRange(cpu, cpu.current, P, 11, i % 2 === 0 ? MIGRATE_ASYNC : MIGRATE_SYNC);
    }
  },
  *compactor(cpu) {
    for (const mode of [MIGRATE_ASYNC, MIGRATE_SYNC] as const) yield* cpu.kernel.compactNode(cpu, FAST_NODE, mode);
  },
};

const CASTS: readonly (readonly (keyof typeof BODIES)[])[] = [
  ['user', 'reclaimer'],
  ['user', 'reclaimer', 'migrator', 'pager'],
  ['forker', 'reclaimer', 'migrator', 'reclaimer'],
  ['forker', 'migrator', 'pager', 'reclaimer'],
  ['user', 'compactor', 'compactor', 'pager'],
  ['forker', 'compactor', 'migrator', 'reclaimer'],
];

describe('swap under way', () => {
  it.each(CASTS.flatMap((cast) => Array.from({ length: 15 }, (_, i) => [cast.join(', '), i + 1] as const)))(
    '%s, order %i: nothing is lost and nothing is left',
    (cast, seed) => {
      const names = cast.split(', ');
      const roles = [...names, ...Array.from({ length: 4 - names.length }, () => 'reclaimer'), 'child'];
      const forks = names[0] === 'forker';
      const driver = new KernelDriver({
        cpus: 3,
        mms: 1,
        override: { pteWalkLimit: 2, reclaimBatch: 2, frames: 64, swapSlots: 6 },
        tasks: roles.map((role, i) => ({
          cpu: i % 3,
          ...(role === 'child' ? { dead: true } : { mm: 1 }),
          *body(cpu): Path<void> {
            yield* BODIES[role](cpu);
            yield* cpu.kernel.sysExit(cpu);
          },
        })),
      });
      const before = freeFrames(driver);
      driver.run({ choose: atRandom(seed), tickEvery: 90, limit: 400_000 });
      for (let task = 0; task < (forks ? 5 : 4); task++) expect(driver.done(task), driver.whoWaits()).toBe(true);
      const { anonVma, swap } = driver.columns;
      expect(anonVma.nrVmas.peek(1 as never)).toBe(0);
      expect(anonVma.rwsem.peek(1 as never)).toBe(0);
      expect(rowsInUse(driver, 1)).toBe(0);
      const cached = Array.from({ length: 7 }, (_, slot) => swap.cache.peek(0, slot as SwapSlot));
      const inCache = cached.filter((pfn) => pfn !== 0).length;
      expect(slotsInUse(driver)).toBe(inCache);
      // idle CPUs may still borrow the root tables
      const roots = [1, 2].filter((mm) => driver.columns.mm.pgd.peek(mm as MmId) !== 0).length;
      expect(freeFrames(driver) + framesWaiting(driver) + inCache + roots).toBe(before + 1);
    },
  );
});
