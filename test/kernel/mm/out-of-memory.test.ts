/** Calls that fail half-way for want of frames or rows: an errno, and nothing left behind. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import {
  ENOMEM,
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_POPULATE,
  type MmId,
  SIGKILL,
  type TaskId,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { KernelDriver } from '../driver.js';
import { freeFrames, load, R, RW, rowsInUse, store, vmasOf } from './task.js';

/** Everything that allocates, one call after the other; what each returned. */
function story(override: Record<string, number>): { results: number[]; driver: KernelDriver; before: number } {
  const results: number[] = [];
  const driver: KernelDriver = new KernelDriver({
    cpus: 1,
    mms: 1,
    override: { levels: 122, ...override },
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          const { kernel } = cpu;
          results.push(yield* kernel.sysMmap(cpu, 4 as Vpn, 8, RW, MAP_FIXED));
          for (let page = 4; page < 12; page++) results.push(yield* store(cpu, page, 100 + page));
          results.push(yield* kernel.sysFork(cpu, 2 as TaskId));
          results.push(yield* store(cpu, 5, 200));
          results.push(yield* kernel.sysMprotect(cpu, 6 as Vpn, 1, 1));
          results.push(yield* kernel.sysMremap(cpu, 4 as Vpn, 2, 2, 20));
          results.push(yield* kernel.sysMunmap(cpu, 8 as Vpn, 2));
          results.push(yield* kernel.sysMadvise(cpu, 10 as Vpn, 2, MADV_DONTNEED));
          results.push(yield* load(cpu, 10));
          yield* kernel.sysExit(cpu);
          yield* kernel.rcuBarrier(cpu);
        },
      },
      {
        cpu: 0,
        dead: true,
        *body(cpu): Path<void> {
          yield* load(cpu, 5);
          yield* store(cpu, 7, 300);
          yield* cpu.kernel.sysExit(cpu);
          yield* cpu.kernel.rcuBarrier(cpu);
        },
      },
    ],
  });
  const before = freeFrames(driver);
  driver.run({ tickEvery: 50 });
  return { results, driver, before };
}

function expectNothingLeft({ driver, before }: ReturnType<typeof story>): void {
  const { mm, folio, pgd } = { ...driver.columns, pgd: driver.columns.mm.pgd };
  let roots = 0;
  for (let row = 2; row <= driver.geometry.mms; row++) if (pgd.peek(row as MmId) !== 0) roots++;
  // mm 1 had its root at the start; it may be gone now, or a CPU may still borrow it or another one
  const first = mm.pgd.peek(1 as MmId) === 0 ? 1 : 0;
  expect(freeFrames(driver) + roots - first).toBe(before);
  expect(roots - first).toBeLessThanOrEqual(0);
  expect(rowsInUse(driver, 1)).toBe(0);
  for (let row = 1; row <= driver.geometry.mms; row++) {
    expect(mm.tlbFlushPending.peek(row as MmId)).toBe(0);
    expect(mm.mmapLock.peek(row as MmId)).toBe(0);
  }
  for (let pfn = 1; pfn < driver.geometry.frames - 1; pfn++) {
    expect(folio.mapcount.peek(pfn as never), `mapcount of ${pfn}`).toBe(0);
    expect(folio.ptl.peek(pfn as never), `ptl of ${pfn}`).toBe(0);
  }
}

/** The same with what installs entries beside faults: populated mappings, of a file too, a merge, a probe and its end. */
function installers(override: Record<string, number>): ReturnType<typeof story> {
  const results: number[] = [];
  const driver: KernelDriver = new KernelDriver({
    cpus: 1,
    mms: 1,
    override: { levels: 122, ...override },
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          const { kernel, current } = cpu;
          results.push(yield* kernel.sysWrite(cpu, 1, 0, 0, 5));
          results.push(yield* kernel.sysMmap(cpu, 4 as Vpn, 4, RW, MAP_FIXED | MAP_POPULATE));
          results.push(yield* kernel.sysMmap(cpu, 12 as Vpn, 1, R, MAP_FIXED | MAP_POPULATE, 1, 0));
          results.push(yield* kernel.cmpAndMergePage(cpu, { task: current, page: 4 }, { task: current, page: 5 }));
          results.push(yield* kernel.uprobeRegister(cpu, 1, 0, 0, 77));
          results.push(yield* store(cpu, 4, 6));
          results.push(yield* kernel.uprobeUnregister(cpu, 1, 0, 0));
          results.push(yield* kernel.sysTruncate(cpu, 1, 0));
          yield* kernel.sysExit(cpu);
          yield* kernel.rcuBarrier(cpu);
        },
      },
    ],
  });
  const before = freeFrames(driver);
  driver.run({ tickEvery: 50 });
  return { results, driver, before };
}

describe('out of memory', () => {
  it('of frames, in what installs entries beside faults: nothing is lost', () => {
    const probes = new Set<number>();
    for (let frames = 8; frames < 32; frames++) {
      const run = installers({ frames });
      expectNothingLeft(run);
      probes.add(run.results[4]);
    }
    expect([...probes].sort()).toEqual([ENOMEM, 0].sort());
    const enough = installers({ frames: 64 });
    expect(enough.results).toEqual([0, 4, 12, 1, 0, 0, 0, 0]);
    expectNothingLeft(enough);
  });

  it('of frames, at every possible place: nothing is lost', () => {
    const failed = new Set<number>();
    for (let frames = 8; frames < 48; frames++) {
      const run = story({ frames });
      expectNothingLeft(run);
      for (const r of run.results) failed.add(r);
    }
    // faults, fork and mremap all had their turn
    expect(failed.has(ENOMEM)).toBe(true);
    expect(failed.has(SIGKILL)).toBe(true);
    const enough = story({ frames: 64 });
    expect(enough.results.filter((r) => r < 0)).toEqual([]);
    expectNothingLeft(enough);
  });

  it('of VMA rows, at every possible place: nothing is lost', () => {
    let failures = 0;
    for (let vmas = 4; vmas < 14; vmas++) {
      const run = story({ frames: 64, vmas });
      expectNothingLeft(run);
      failures += run.results.filter((r) => r === ENOMEM).length;
    }
    expect(failures).toBeGreaterThan(3);
  });

  it('mremap that runs out of tables half-way moves everything back', () => {
    let failed = 0;
    for (let frames = 12; frames < 34; frames++) {
      const values: number[] = [];
      let result = 0;
      let fits = true;
      const driver: KernelDriver = new KernelDriver({
        cpus: 1,
        override: { levels: 1112, frames },
        tasks: [
          {
            cpu: 0,
            mm: 1,
            *body(cpu): Path<void> {
              yield* cpu.kernel.sysMmap(cpu, 3 as Vpn, 6, RW, MAP_FIXED);
              for (let page = 3; page < 9; page++) if ((yield* store(cpu, page, page)) !== 0) fits = false;
              if (!fits) return;
              result = yield* cpu.kernel.sysMremap(cpu, 3 as Vpn, 6, 6, 21);
              const at = result < 0 ? 3 : result;
              for (let page = at; page < at + 6; page++) values.push(yield* load(cpu, page));
            },
          },
        ],
      });
      driver.run();
      if (!fits) continue;
      if (result < 0) failed++;
      expect(values).toEqual([3, 4, 5, 6, 7, 8]);
      expect(vmasOf(driver).map((v) => [v.start, v.end])).toEqual(result < 0 ? [[3, 9]] : [[21, 27]]);
    }
    expect(failed).toBeGreaterThan(0);
  });
});
