import { describe, expect, it } from 'vitest';
import { choiceCpu, choiceKind, DELIVER, RUN } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { COST_PROFILES, type CostProfile, ipiDeliveryCycles } from '#tlblab/hardware/costs.js';
import { type CpuId, VECTOR_CALL_FUNCTION, VECTORS } from '#tlblab/hardware/types.js';
import { Clock } from '#tlblab/measure/clock.js';
import { countersOf, countersSince } from '#tlblab/measure/counters.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, compute, mmap, munmap, race, read, sleep, wake, write } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

const costs = COST_PROFILES['bare-metal'] as CostProfile;
const CPUS = [0, 1] as CpuId[];

function stepperOf(program: Program): Stepper {
  return new Stepper({
    program,
    policy: policyNamed('mainline'),
    patches: [],
    oracle: { strict: false, threads: false },
    costs: 'bare-metal',
  });
}

function count(program: Program, tickCycles = 0) {
  const stepper = stepperOf(program);
  const { columns, geometry } = stepper.machine;
  const before = countersOf(columns, geometry.cpus);
  const clock = new Clock(stepper, { tickCycles });
  expect(stepper.run(clock.choose, 100_000)).toBe('finished');
  return countersSince(before, countersOf(columns, geometry.cpus), clock.times);
}

const MAPPED = [mmap(4, 2, 'rw'), ...by('A', write(4, 2)), ...by('B', read(4, 2))];
const munmapRace = race({ cpus: 2 }, { setup: MAPPED, A: [munmap(4, 2)], B: [read(4), read(5)] });

describe('Clock', () => {
  it('runs the CPU whose clock is lowest, among those that can run', () => {
    const stepper = stepperOf(munmapRace);
    const { cycles } = stepper.machine.columns.regs;
    let steps = 0;
    stepper.watcher = {
      before: (s, c) => {
        if (choiceKind(c) !== RUN) return;
        steps++;
        const others = s.choices.filter((o) => choiceKind(o) === RUN).map((o) => cycles.peek(choiceCpu(o)));
        expect(cycles.peek(choiceCpu(c))).toBe(Math.min(...others));
      },
    };
    expect(stepper.run(new Clock(stepper, { tickCycles: 0 }).choose, 100_000)).toBe('finished');
    expect(steps).toBeGreaterThan(20);
  });

  it('takes an interrupt no earlier than its delivery time after the send, and at once when it is due', () => {
    const stepper = stepperOf(munmapRace);
    const { regs, apic } = stepper.machine.columns;
    const waits: number[] = [];
    stepper.watcher = {
      after: (_, c) => {
        if (choiceKind(c) !== DELIVER) return;
        const sent = apic.sentAt.peek(CPUS[0], CPUS[1] * VECTORS + VECTOR_CALL_FUNCTION);
        waits.push(regs.cycles.peek(choiceCpu(c)) - costs.handler - sent);
      },
    };
    stepper.run(new Clock(stepper, { tickCycles: 0 }).choose, 100_000);
    // CPU1 has ended its program and waits: nothing keeps it from the interrupt
    expect(waits).toEqual([ipiDeliveryCycles(costs, CPUS[0], CPUS[1])]);
  });

  it('does the same twice', () => {
    expect(count(munmapRace)).toEqual(count(munmapRace));
  });

  it('wakes a waiting CPU at the time of the event that wakes it, and counts no idle time', () => {
    const long = 1_000_000;
    const counted = count(race({ cpus: 2 }, { A: [compute(long), wake('B')], B: [sleep(), compute(long)] }));
    expect(counted.makespanCycles).toBeGreaterThanOrEqual(2 * long);
    expect(counted.cycles).toBeGreaterThanOrEqual(2 * long);
    // asleep, CPU1 was idle for as long as CPU0 computed
    expect(counted.cycles).toBeLessThan(2.1 * long);
  });

  it('counts waiting for an acknowledgement as time of the CPU that waits', () => {
    const { waitCycles, cycles } = count(munmapRace);
    expect(waitCycles).toBeGreaterThan(0);
    expect(waitCycles).toBeLessThanOrEqual(costs.deliveryNear + costs.handler + 10_000);
    expect(cycles).toBeGreaterThan(waitCycles);
  });

  it('ticks busy CPUs and leaves idle ones alone', () => {
    const program = race({ cpus: 2 }, { A: Array.from({ length: 20 }, () => compute(1000)) });
    const run = (tickCycles: number) => {
      const stepper = stepperOf(program);
      stepper.run(new Clock(stepper, { tickCycles }).choose, 100_000);
      return CPUS.map((id) => stepper.machine.columns.count.interrupts.peek(id));
    };
    expect(run(0)).toEqual([0, 0]);
    const [busy, idle] = run(5000);
    expect(busy).toBeGreaterThan(0);
    expect(idle).toBe(0);
  });
});

describe('counters', () => {
  it('count one shootdown six ways', () => {
    expect(count(munmapRace)).toMatchObject({
      requests: 1,
      targets: 1,
      skipped: 0,
      ipisSent: 1,
      handlerRuns: 1,
      'handler.flushed': 1,
      'handler.wrongMm': 0,
      'handler.alreadyCurrent': 0,
    });
  });

  it('leave the interrupts of the scheduler out of the IPIs', () => {
    const counted = count(race({ cpus: 2 }, { A: [compute(100_000), wake('B')], B: [sleep()] }));
    expect(counted.ipisSent).toBe(0);
  });
});
