/** Random sequences of calls of one task against an array of pages: rights, content, VMAs and what is left at the end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { MADV_DONTNEED, MAP_FIXED, MAP_POPULATE, SIGSEGV, VM_SOFTDIRTY } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { KernelDriver } from '../driver.js';
import { freeFrames, load, RW, rowsInUse, store, vmasOf } from './task.js';

const PAGES = 32;

interface Call {
  do: 'mmap' | 'munmap' | 'mprotect' | 'dontneed' | 'mremap' | 'move' | 'store' | 'load';
  page: number;
  pages: number;
  flags: number;
  to: number;
}

const call: fc.Arbitrary<Call> = fc.record({
  do: fc.constantFrom('mmap', 'mmap', 'munmap', 'mprotect', 'dontneed', 'mremap', 'move', 'store', 'store', 'load'),
  page: fc.integer({ min: 1, max: PAGES - 1 }),
  pages: fc.integer({ min: 1, max: 12 }),
  flags: fc.constantFrom(0, 1, RW, RW, RW | 4),
  to: fc.integer({ min: 1, max: PAGES - 1 }),
});

/** What a page is: undefined if not mapped. */
type Page = { flags: number; value: number } | undefined;

/** The model: does the call to the array; returns whether it succeeds. */
class Model {
  readonly pages: Page[] = new Array(PAGES).fill(undefined);

  range(from: number, n: number): Page[] {
    return this.pages.slice(from, from + n);
  }
  set(from: number, n: number, page: () => Page): void {
    for (let i = from; i < from + n; i++) this.pages[i] = page();
  }
}

function* perform(cpu: Cpu, model: Model, c: Call, serial: number): Path<void> {
  const { kernel } = cpu;
  const page = c.page as Vpn;
  const fits = c.page + c.pages <= PAGES;
  switch (c.do) {
    case 'mmap': {
      const result = yield* kernel.sysMmap(
        cpu,
        page,
        c.pages,
        c.flags,
        MAP_FIXED | (serial % 3 === 0 ? MAP_POPULATE : 0),
      );
      expect(result).toBe(fits ? c.page : -12);
      if (fits) model.set(c.page, c.pages, () => ({ flags: c.flags, value: 0 }));
      return;
    }
    case 'munmap':
      expect(yield* kernel.sysMunmap(cpu, page, c.pages)).toBe(fits ? 0 : -22);
      if (fits) model.set(c.page, c.pages, () => undefined);
      return;
    case 'mprotect': {
      const result = yield* kernel.sysMprotect(cpu, page, c.pages, c.flags);
      // the part before the first hole is changed
      const hole = model.range(c.page, c.pages).indexOf(undefined);
      expect(result).toBe(fits && hole < 0 ? 0 : -12);
      for (const p of fits ? model.range(c.page, hole < 0 ? c.pages : hole) : []) if (p) p.flags = c.flags;
      return;
    }
    case 'dontneed': {
      const result = yield* kernel.sysMadvise(cpu, page, c.pages, MADV_DONTNEED);
      const pages = model.range(c.page, c.pages);
      expect(result).toBe(fits && pages.every((p) => p !== undefined) ? 0 : -12);
      for (const p of pages) if (p) p.value = 0;
      return;
    }
    case 'mremap':
    case 'move': {
      const newPages = 1 + (c.to % 12);
      const to = c.do === 'move' ? c.to : -1;
      const before = vmasIn(cpu);
      const source = before.find((v) => v.start <= c.page && c.page < v.end);
      const inOne = source !== undefined && c.page + c.pages <= source.end;
      const clash = to >= 0 && (to + newPages > PAGES || (to < c.page + c.pages && c.page < to + newPages));
      const result = yield* kernel.sysMremap(cpu, page, c.pages, newPages, to);
      if (!fits || clash) expect(result).toBe(-22);
      else if (!inOne) expect(result).toBe(-14);
      else if (result < 0) expect(result).toBe(-12);
      else {
        if (to >= 0) expect(result).toBe(to);
        const moved = model.range(c.page, Math.min(c.pages, newPages)).map((p) => p && { ...p });
        const flags = moved[0]?.flags ?? 0;
        model.set(c.page, c.pages, () => undefined);
        if (to >= 0 || result !== c.page)
          expect(model.range(result, newPages).every((p) => to >= 0 || p === undefined)).toBe(true);
        model.set(result, newPages, () => ({ flags, value: 0 }));
        moved.forEach((p, i) => {
          model.pages[result + i] = p;
        });
      }
      return;
    }
    case 'store': {
      const p = model.pages[c.page];
      const allowed = p !== undefined && (p.flags & 2) !== 0;
      expect(yield* store(cpu, c.page, serial)).toBe(allowed ? 0 : SIGSEGV);
      if (p && allowed) p.value = serial;
      return;
    }
    case 'load': {
      const p = model.pages[c.page];
      expect(yield* load(cpu, c.page)).toBe(p !== undefined && p.flags !== 0 ? p.value : -SIGSEGV);
    }
  }
}

let seen: KernelDriver;
function vmasIn(_cpu: Cpu): { start: number; end: number; flags: number; pgoff: number }[] {
  return vmasOf(seen);
}

function checkVmas(model: Model): void {
  const vmas = vmasOf(seen);
  const flags = new Array(PAGES).fill(undefined);
  let last = 0;
  for (const v of vmas) {
    expect(v.start).toBeGreaterThanOrEqual(last);
    expect(v.end).toBeGreaterThan(v.start);
    // nobody has cleared the soft-dirty marks
    expect(v.flags & VM_SOFTDIRTY).toBe(VM_SOFTDIRTY);
    flags.fill(v.flags & ~VM_SOFTDIRTY, v.start, v.end);
    last = v.end;
  }
  expect(flags).toEqual(model.pages.map((p) => p?.flags));
  const mapped = model.pages.filter((p) => p !== undefined).length;
  expect(seen.columns.mm.totalVm.peek(1 as never)).toBe(mapped);
  expect(rowsInUse(seen, 1)).toBe(vmas.length);
}

describe('calls of one task', () => {
  it('agree with an array of pages, and leave nothing behind', () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 4, maxLength: 24 }),
        fc.constantFrom(23, 122, 1112),
        fc.constantFrom(1, 3, 8),
        (calls, levels, pteWalkLimit) => {
          const model = new Model();
          const driver = new KernelDriver({
            cpus: 1,
            override: { levels, pteWalkLimit, frames: 90, vmas: 48, gatherBatch: pteWalkLimit },
            tasks: [
              {
                cpu: 0,
                mm: 1,
                *body(cpu): Path<void> {
                  for (const [i, c] of calls.entries()) {
                    yield* perform(cpu, model, c, i + 1);
                    checkVmas(model);
                  }
                  for (let page = 1; page < PAGES; page++)
                    yield* perform(cpu, model, { ...calls[0], do: 'load', page }, 0);
                  yield* cpu.kernel.sysExit(cpu);
                  yield* cpu.kernel.rcuBarrier(cpu);
                },
              },
            ],
          });
          seen = driver;
          const before = freeFrames(driver);
          driver.run({ limit: 1_000_000 });
          expect(driver.allDone()).toBe(true);
          // the CPU still borrows the dead mm, and its root table with it
          expect(freeFrames(driver)).toBe(before);
          expect(rowsInUse(driver, 1)).toBe(0);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('adjacent mappings of equal rights are one VMA, and a split heals when the rights agree again', () => {
    const driver = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysMmap(cpu, 8 as Vpn, 2, RW, MAP_FIXED);
            yield* cpu.kernel.sysMmap(cpu, 12 as Vpn, 2, RW, MAP_FIXED);
            yield* cpu.kernel.sysMmap(cpu, 10 as Vpn, 2, RW, MAP_FIXED);
            expect(vmasOf(driver).map((v) => [v.start, v.end])).toEqual([[8, 14]]);
            yield* cpu.kernel.sysMprotect(cpu, 10 as Vpn, 2, 1);
            expect(vmasOf(driver).map((v) => [v.start, v.end, v.flags & ~VM_SOFTDIRTY])).toEqual([
              [8, 10, RW],
              [10, 12, 1],
              [12, 14, RW],
            ]);
            yield* cpu.kernel.sysMprotect(cpu, 10 as Vpn, 1, RW);
            expect(vmasOf(driver).map((v) => [v.start, v.end])).toEqual([
              [8, 11],
              [11, 12],
              [12, 14],
            ]);
            yield* cpu.kernel.sysMprotect(cpu, 11 as Vpn, 1, RW);
            expect(vmasOf(driver).map((v) => [v.start, v.end])).toEqual([[8, 14]]);
          },
        },
      ],
    });
    driver.run();
    expect(driver.allDone()).toBe(true);
  });
});
