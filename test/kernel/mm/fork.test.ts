/** Copy-on-write: who sees which store, and when a page is copied at all. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { MAP_FIXED, type TaskId, WAKE_USER } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { load, RW, store } from './task.js';

const PAGE = 8;

/** A parent that maps and writes a page, forks, and goes on; the child runs on another CPU. */
function family(parent: Body, child: Body): KernelDriver {
  const driver = new KernelDriver({
    cpus: 2,
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysMmap(cpu, PAGE as Vpn, 2, RW, MAP_FIXED);
          yield* store(cpu, PAGE, 1);
          yield* cpu.kernel.sysFork(cpu, 3 as TaskId);
          yield* parent(cpu);
        },
      },
      { cpu: 1, dead: true, body: child },
    ],
  });
  driver.run();
  expect(driver.allDone()).toBe(true);
  return driver;
}

describe('fork', () => {
  it('parent and child see the page as it was, then each its own stores', () => {
    const seen: number[] = [];
    family(
      function* (cpu) {
        seen.push(yield* load(cpu, PAGE));
        yield* store(cpu, PAGE, 2);
        yield* cpu.kernel.wakeUp(cpu, 3 as TaskId, WAKE_USER);
        yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
        seen.push(yield* load(cpu, PAGE));
      },
      function* (cpu) {
        yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
        seen.push(yield* load(cpu, PAGE));
        yield* store(cpu, PAGE, 3);
        seen.push(yield* load(cpu, PAGE));
        yield* cpu.kernel.wakeUp(cpu, 2 as TaskId, WAKE_USER);
      },
    );
    expect(seen).toEqual([1, 1, 3, 2]);
  });

  it('the last owner of a shared page writes to it in place', () => {
    const driver = family(
      function* (cpu) {
        yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
        yield* store(cpu, PAGE, 2);
      },
      function* (cpu) {
        yield* cpu.kernel.sysExit(cpu);
        yield* cpu.kernel.wakeUp(cpu, 2 as TaskId, WAKE_USER);
      },
    );
    expect(driver.trace.some((t) => t.includes('wpCanReuseAnonFolio: only reference, to be marked'))).toBe(true);
    expect(driver.trace.some((t) => t.includes('copyPage'))).toBe(false);
  });

  it('a page that is shared is copied once: the other owner then has it alone', () => {
    const driver = family(
      function* (cpu) {
        yield* store(cpu, PAGE, 2);
        yield* cpu.kernel.wakeUp(cpu, 3 as TaskId, WAKE_USER);
      },
      function* (cpu) {
        yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
        yield* store(cpu, PAGE, 3);
      },
    );
    const copies = driver.trace.filter((t) => t.includes('wpPageCopy: old pte cleared and flushed'));
    expect(copies.map((t) => t.slice(0, 4))).toEqual(['CPU0']);
  });

  it('mprotect to read-only and back does not make a shared page writable', () => {
    const seen: number[] = [];
    family(
      function* (cpu) {
        yield* cpu.kernel.sysMprotect(cpu, PAGE as Vpn, 2, 1);
        yield* cpu.kernel.sysMprotect(cpu, PAGE as Vpn, 2, RW);
        yield* store(cpu, PAGE, 2);
        yield* cpu.kernel.wakeUp(cpu, 3 as TaskId, WAKE_USER);
      },
      function* (cpu) {
        yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
        seen.push(yield* load(cpu, PAGE));
      },
    );
    expect(seen).toEqual([1]);
  });

  it('a store to the zero page gets a zeroed page of its own, without a copy', () => {
    const seen: number[] = [];
    const driver = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysMmap(cpu, PAGE as Vpn, 1, RW, MAP_FIXED);
            seen.push(yield* load(cpu, PAGE));
            yield* store(cpu, PAGE, 7);
            seen.push(yield* load(cpu, PAGE));
          },
        },
      ],
    });
    driver.run();
    expect(seen).toEqual([0, 7]);
    const zero = (driver.geometry.frames - 1) as never;
    expect(driver.columns.frame.words.peek(zero)).toBe(0);
    expect(driver.columns.folio.refcount.peek(zero)).toBe(1);
    expect(driver.trace.some((t) => t.includes('copyPage'))).toBe(false);
  });
});
