/** The frame allocator: frames are neither lost nor handed out twice, and misuse is found. */
import { describe, expect, it } from 'vitest';
import type { Pfn } from '#tlblab/hardware/types.js';
import { KernelBug } from '#tlblab/kernel/cpu.js';
import { RMAP_EXCLUSIVE } from '#tlblab/kernel/mm/rmap.js';
import { OWNER_KERNEL } from '#tlblab/kernel/observer.js';
import type { MmId } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { atRandom, KernelDriver } from '../driver.js';
import { alone, freeFrames } from './task.js';

describe('frames', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('of three CPUs are never the same, order %i', (seed) => {
    const owner = new Map<number, number>();
    const driver: KernelDriver = new KernelDriver({
      cpus: 3,
      override: { frames: 32, pcpBatch: 3, pcpHigh: 4 },
      tasks: [0, 1, 2].map((cpu) => ({
        cpu,
        *body(c): Path<void> {
          for (let round = 0; round < 3; round++) {
            const mine: Pfn[] = [];
            for (let i = 0; i < 12; i++) {
              const pfn = yield* c.kernel.allocPage(c, OWNER_KERNEL);
              if (pfn === 0) break;
              expect(owner.get(pfn), `frame ${pfn}`).toBeUndefined();
              owner.set(pfn, cpu);
              mine.push(pfn);
            }
            for (const pfn of mine) {
              owner.delete(pfn);
              yield* c.kernel.freePage(c, pfn);
            }
          }
        },
      })),
    });
    const before = freeFrames(driver);
    driver.run({ choose: atRandom(seed), tickEvery: 40 });
    expect(driver.allDone()).toBe(true);
    expect(freeFrames(driver)).toBe(before);
  });

  it('freed twice, or freed while mapped, are a bug', () => {
    const twice = (): KernelDriver =>
      alone(function* (cpu): Path<void> {
        const pfn = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
        yield* cpu.kernel.freePage(cpu, pfn);
        yield* cpu.kernel.freePage(cpu, pfn);
      });
    expect(twice).toThrow(/folio 0x\w+ put with refcount 0/);
    expect(twice).toThrow(KernelBug);
    const mapped = (): KernelDriver =>
      alone(function* (cpu): Path<void> {
        const pfn = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
        yield* cpu.kernel.folioAddNewAnonRmap(cpu, pfn, { mm: 1 as MmId, pgoff: 0 }, RMAP_EXCLUSIVE);
        yield* cpu.kernel.freePage(cpu, pfn);
      });
    expect(mapped).toThrow(/freed with mapcount 1/);
  });

  it('without an owner cannot be got, with one they can', () => {
    const got: boolean[] = [];
    alone(function* (cpu): Path<void> {
      const pfn = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
      got.push(yield* cpu.kernel.folioTryGet(cpu, pfn));
      yield* cpu.kernel.folioPut(cpu, pfn);
      yield* cpu.kernel.folioPut(cpu, pfn);
      got.push(yield* cpu.kernel.folioTryGet(cpu, pfn));
    });
    expect(got).toEqual([true, false]);
  });

  it('are cleared and copied word by word, or in one step where the machine says so', () => {
    for (const bulkCopy of [false, true]) {
      const driver = alone(
        function* (cpu): Path<void> {
          const from = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
          yield* cpu.kernel.clearPage(cpu, from, 4);
          const to = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
          yield* cpu.kernel.copyPage(cpu, from, to);
        },
        { switches: { bulkCopy } },
      );
      const steps = driver.trace.filter((t) => t.includes('clearPage') || t.includes('copyPage'));
      expect(steps).toHaveLength(bulkCopy ? 2 : 8);
    }
  });
});
