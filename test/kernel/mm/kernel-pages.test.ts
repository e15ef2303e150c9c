/** Pages that the kernel allocates for itself: in a task, with interrupts off, under a spinlock, and in an interrupt handler. */
import { describe, expect, it } from 'vitest';
import { localIrqRestore, localIrqSave, raiseDevice } from '#tlblab/hardware/apic.js';
import type { CpuId, Pfn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { KERNEL_BYTES } from '#tlblab/kernel/mm/clear-copy.js';
import { NETDEV_MAX_BACKLOG } from '#tlblab/kernel/net/tables.js';
import {
  type AllocContext,
  ENOMEM,
  GFP_ATOMIC,
  GFP_KERNEL,
  IN_TASK,
  IRQS_OFF,
  type NodeId,
  UNDER_SPINLOCK,
} from '#tlblab/kernel/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames } from './task.js';

const RAISES = point('test: device about to interrupt');
const IRQS_ON = point('test: interrupts are on');
const WORDS = 4;

function* interrupts(cpu: Cpu, target: number): Path<void> {
  cpu.at(RAISES, cpu.hw.apic.irr.at(target as CpuId));
  yield;
  raiseDevice(cpu, target as CpuId);
  cpu.at(IRQS_ON, NOWHERE);
  yield;
}

/** Pages of the list and packets of a CPU, oldest first. */
const kept = ({ columns: { kernelPages } }: KernelDriver): number[] =>
  Array.from({ length: kernelPages.count.peek(0) }, (_, i) => kernelPages.list.peek(0, i));
const packets = ({ columns: { softnet } }: KernelDriver, id = 0): number[] =>
  Array.from({ length: softnet.qlen.peek(id as CpuId) }, (_, i) => softnet.packets.peek(id as CpuId, i));
const words = ({ columns }: KernelDriver, pfn: number): number[] =>
  Array.from({ length: WORDS }, (_, k) => columns.frame.words.peek(pfn as Pfn, k));

function* nothing(): Path<void> {}

/** One task on one CPU, not yet run. */
function later(body: Body, override: Record<string, number> = {}): KernelDriver {
  return new KernelDriver({ cpus: 1, override, tasks: [{ cpu: 0, mm: 1, body }] });
}

describe('event order', () => {
  it('of an allocation: off the free list, a reference, word by word, into the list under its lock', () => {
    for (const context of [IN_TASK, IRQS_OFF, UNDER_SPINLOCK] as const) {
      inOrder(
        labelsOf(nothing, (cpu) => cpu.kernel.allocPagesBulk(cpu, 1, context)),
        ['spinLock', 'spinUnlock', 'allocPage: frame handed out', ...Array(WORDS).fill('fillPage'), 'spinLock'],
      );
    }
  });

  it('of a free: off the list under its lock, then the reference, then the frame', () => {
    const labels = labelsOf(
      (cpu) => cpu.kernel.allocPagesBulk(cpu, 1, IN_TASK),
      (cpu) => cpu.kernel.releasePages(cpu, 1),
    );
    inOrder(labels, ['spinLock', 'spinUnlock', 'folioPut', 'freeUnrefPage: last reference', 'freeUnrefPage: unmapped']);
  });

  it('of an interrupt: the packet is written before it is queued, and the one that is dropped is freed last', () => {
    const labels = labelsOf(
      function* (cpu): Path<void> {
        for (let i = 0; i < NETDEV_MAX_BACKLOG; i++) yield* interrupts(cpu, 0);
      },
      (cpu) => interrupts(cpu, 0),
    );
    inOrder(labels, [
      'test: device',
      'allocPage: frame handed out',
      ...Array(WORDS).fill('fillPage'),
      'folioPut',
      'freeUnrefPage: unmapped',
      'test: interrupts are on',
    ]);
  });
});

describe('contexts', () => {
  it('a page is written; the oldest goes first', () => {
    const seen: number[][] = [];
    const driver = later(function* (cpu): Path<void> {
      yield* cpu.kernel.allocPagesBulk(cpu, 3, IN_TASK);
      seen.push(kept(driver));
      yield* cpu.kernel.releasePages(cpu, 1);
      seen.push(kept(driver));
    });
    driver.run();
    expect(seen[0]).toHaveLength(3);
    expect(seen[1]).toEqual(seen[0].slice(1));
    for (const pfn of seen[1]) expect(words(driver, pfn)).toEqual(Array(WORDS).fill(KERNEL_BYTES));
  });

  it('with interrupts off none is taken before the last page is kept', () => {
    const driver = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: (cpu) => cpu.kernel.allocPagesBulk(cpu, 2, IRQS_OFF) },
        { cpu: 1, mm: 1, body: (cpu) => interrupts(cpu, 0) },
      ],
    });
    driver.runTo(0, 'fillPage');
    driver.runPast(1, 'interrupts are on');
    for (let left = 1000; kept(driver).length < 2 && left > 0; left--) {
      expect(driver.choices()).not.toContainEqual({ cpu: 0, deliver: true });
      driver.step({ cpu: 0 as CpuId, deliver: false });
    }
    driver.run();
    expect(kept(driver)).toHaveLength(2);
    expect(packets(driver)).toHaveLength(1);
  });

  it('a handler allocates on an idle CPU too, and the oldest packet makes room for the newest', () => {
    const driver = new KernelDriver({
      cpus: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            for (let i = 0; i <= NETDEV_MAX_BACKLOG; i++) {
              yield* interrupts(cpu, 1);
              seen.push(packets(driver, 1));
            }
          },
        },
      ],
    });
    const seen: number[][] = [];
    const before = freeFrames(driver);
    driver.run({ choose: (choices) => choices.find((c) => c.cpu === 1) ?? choices[0] });
    expect(seen.map((list) => list.length)).toEqual([1, 2, 2]);
    expect(seen[2][0]).toBe(seen[1][1]);
    expect(freeFrames(driver)).toBe(before - NETDEV_MAX_BACKLOG);
    expect(words(driver, seen[2][1])).toEqual(Array(WORDS).fill(KERNEL_BYTES));
  });

  it('a free takes packets of its CPU when the list is empty', () => {
    const freed: number[] = [];
    const driver: KernelDriver = alone(function* (cpu): Path<void> {
      yield* interrupts(cpu, 0);
      yield* cpu.kernel.allocPagesBulk(cpu, 1, IRQS_OFF);
      freed.push(yield* cpu.kernel.releasePages(cpu, 5));
    });
    expect(freed).toEqual([2]);
    expect([...kept(driver), ...packets(driver)]).toEqual([]);
  });

  it('who may sleep where it may not is told', () => {
    const sleepy = (): KernelDriver =>
      alone(function* (cpu): Path<void> {
        localIrqSave(cpu);
        yield* cpu.kernel.getFreePages(cpu, GFP_KERNEL);
        localIrqRestore(cpu);
      });
    expect(sleepy).toThrow(/allocation that may sleep/);
  });
});

describe('without memory', () => {
  /** Takes everything that GFP_KERNEL gives, then all that can be had atomically: how much that was, and how often either reclaimed. */
  function reserve(override: Record<string, number>): { left: number; free: number; reclaims: number[] } {
    const reclaims = [0, 0];
    let left = -1;
    const driver = alone(
      function* (cpu): Path<void> {
        while ((yield* cpu.kernel.getFreePages(cpu, GFP_KERNEL)) !== 0);
        do left++;
        while ((yield* cpu.kernel.getFreePages(cpu, GFP_ATOMIC)) !== 0);
      },
      {
        override: { pcpHigh: 0, ...override },
        routines: {
          *tryToFreePages(): Path<number> {
            reclaims[left < 0 ? 0 : 1]++;
            return 0;
          },
        },
      },
    );
    return { left, free: driver.columns.zone.nrFree.peek(0 as NodeId), reclaims };
  }

  it('who may not sleep dips into the reserve: half of the min watermark, and a quarter of the rest; it does not reclaim', () => {
    const rest = (min: number) => reserve({ watermarkMin: min, watermarkLow: min + 1, watermarkHigh: min + 2 });
    const reclaims = [1, 0];
    expect(rest(0)).toEqual({ left: 0, free: 0, reclaims });
    expect(rest(4)).toEqual({ left: 2, free: 2, reclaims });
    expect(rest(8)).toEqual({ left: 5, free: 3, reclaims });
  });

  it('a failure leaves nothing behind, in any context', () => {
    const results: number[] = [];
    const counts: number[] = [];
    const driver = later(
      function* (cpu): Path<void> {
        counts.push(freeFrames(driver));
        results.push(yield* cpu.kernel.allocPagesBulk(cpu, 100, IRQS_OFF));
        results.push(yield* cpu.kernel.allocPagesBulk(cpu, 1, IRQS_OFF));
        results.push(yield* cpu.kernel.allocPagesBulk(cpu, 1, IN_TASK));
        yield* interrupts(cpu, 0);
        counts.push(packets(driver).length);
        results.push(yield* cpu.kernel.releasePages(cpu, 100));
      },
      { frames: 16, files: 0 },
    );
    driver.run();
    const [before, queued] = counts;
    expect(results).toEqual([before, ENOMEM, ENOMEM, before]);
    expect(queued).toBe(0);
    expect(freeFrames(driver)).toBe(before);
  });
});

describe('frames', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('of tasks and handlers are never the same, order %i', (seed) => {
    const driver = new KernelDriver({
      cpus: 3,
      override: { frames: 24, pcpBatch: 3, pcpHigh: 2, files: 0 },
      tasks: [0, 1].map((cpu) => ({
        cpu,
        mm: 1,
        *body(c): Path<void> {
          for (let round = 0; round < 5; round++) {
            yield* c.kernel.allocPagesBulk(c, 3, [IN_TASK, IRQS_OFF, UNDER_SPINLOCK][round % 3] as AllocContext);
            yield* interrupts(c, (cpu + round) % 3);
            yield* c.kernel.releasePages(c, 2);
          }
        },
      })),
    });
    const before = freeFrames(driver);
    driver.run({ choose: atRandom(seed), tickEvery: 40 });
    expect(driver.allDone()).toBe(true);
    const owned = [kept(driver), ...[0, 1, 2].map((id) => packets(driver, id))].flat();
    expect(new Set(owned).size).toBe(owned.length);
    expect(freeFrames(driver) + owned.length).toBe(before);
    for (const pfn of owned) expect(words(driver, pfn)).toEqual(Array(WORDS).fill(KERNEL_BYTES));
  });
});
