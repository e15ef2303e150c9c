import { describe, expect, it } from 'vitest';
import type { Pfn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { rcuReadLock } from '#tlblab/kernel/rcu/rcu.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, type DriverOptions, KernelDriver } from './driver.ts';

const READS = point('test: walks without a lock');
const IN_USER = point('test: in user mode');

/** Frames freed by callbacks, in order; freeing itself is not under test. */
function recorded(options: Omit<DriverOptions, 'routines'>): { d: KernelDriver; freed: number[] } {
  const freed: number[] = [];
  const routines = {
    *freePage(_cpu: Cpu, pfn: Pfn): Path<void> {
      freed.push(pfn);
    },
  };
  return { d: new KernelDriver({ ...options, routines }), freed };
}

/** In a read-side section for as long as the test does not let it go on. */
const reader: Body = function* (cpu) {
  rcuReadLock(cpu);
  cpu.at(READS, NOWHERE);
  yield;
  yield* cpu.kernel.rcuReadUnlock(cpu);
  cpu.at(IN_USER, NOWHERE);
  yield;
};

const deferAndWait = (...frames: number[]): Body =>
  function* (cpu) {
    for (const pfn of frames) yield* cpu.kernel.rcuDefer(cpu, pfn as Pfn);
    yield* cpu.kernel.rcuBarrier(cpu);
  };

describe('rcu', () => {
  it('a table is not freed while a reader that may be in it goes on', () => {
    const { d, freed } = recorded({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: deferAndWait(7, 8) },
        { cpu: 1, mm: 1, body: reader },
      ],
    });
    d.runTo(1, 'walks without a lock');
    // the interrupt of the expedited grace period finds the reader inside
    d.runTo(0, 'waits for the call');
    const interrupt = { cpu: d.cpuAt(1).id, deliver: true };
    d.step(interrupt);
    while (d.choices().some((c) => c.cpu === 0) === false) d.step({ cpu: d.cpuAt(1).id, deliver: false });
    d.runTo(0, 'waits for a quiescent state');
    expect(freed).toEqual([]);
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(freed).toEqual([7, 8]);
  });

  /** Orders in which a table was freed although a section that began before it was unhooked went on. */
  function freedUnderReader(seeds: number, routines = {}): number {
    let wrong = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const early = new Set<number>();
      let unhooked = false;
      let freedEarly = false;
      const reads: Body = function* (cpu) {
        for (let i = 0; i < 3; i++) {
          rcuReadLock(cpu);
          if (!unhooked) early.add(cpu.id);
          cpu.at(READS, NOWHERE);
          for (let step = 0; step < 12; step++) yield;
          early.delete(cpu.id);
          yield* cpu.kernel.rcuReadUnlock(cpu);
        }
      };
      const d = new KernelDriver({
        cpus: 3,
        routines: {
          *freePage(): Path<void> {
            freedEarly ||= early.size > 0;
          },
          ...routines,
        },
        tasks: [
          {
            cpu: 0,
            mm: 1,
            *body(cpu) {
              unhooked = true;
              yield* deferAndWait(7)(cpu);
            },
          },
          { cpu: 1, mm: 1, body: reads },
          { cpu: 2, mm: 1, body: reads },
        ],
      });
      d.run({ choose: atRandom(seed * 7919), tickEvery: seed % 2 === 0 ? 11 : 0 });
      expect(d.allDone(), d.whoWaits()).toBe(true);
      if (freedEarly) wrong++;
    }
    return wrong;
  }

  it('no order frees a table under a reader', () => {
    expect(freedUnderReader(200)).toBe(0);
  });

  it('a grace period that does not ask whether a reader was interrupted does', () => {
    const hasty = {
      *rcuExpHandler(cpu: Cpu): Path<void> {
        yield* cpu.kernel.rcuQs(cpu);
      },
    };
    expect(freedUnderReader(100, hasty)).toBeGreaterThan(0);
  });

  it('ticks and idle CPUs let it end', () => {
    const { d, freed } = recorded({
      cpus: 3,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* cpu.kernel.rcuDefer(cpu, 7 as Pfn);
            for (let i = 0; i < 60; i++) {
              cpu.at(IN_USER, NOWHERE);
              yield;
              yield* cpu.kernel.rcuAdvance(cpu);
            }
          },
        },
        {
          cpu: 1,
          mm: 1,
          *body(cpu) {
            for (let i = 0; i < 60; i++) {
              cpu.at(IN_USER, NOWHERE);
              yield;
            }
          },
        },
      ],
    });
    d.run({ tickEvery: 20 });
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(freed).toEqual([7]);
  });

  it('too many callbacks pay for a grace period at once', () => {
    const { d, freed } = recorded({
      cpus: 2,
      override: { frames: 40 },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            for (let pfn = 10; pfn < 15; pfn++) yield* cpu.kernel.rcuDefer(cpu, pfn as Pfn);
          },
        },
        { cpu: 1, mm: 1, body: function* () {} },
      ],
    });
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(freed).toEqual([10, 11, 12, 13, 14]);
  });
});
