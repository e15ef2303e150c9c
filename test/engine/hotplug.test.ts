/** Programs whose CPUs go and come back, in both engines. */
import { afterAll, describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { stress } from '#tlblab/engine/threads/threads.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { generateProgram, swarmTraits } from '#tlblab/hunt/generate/generator.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import type { TaskId } from '#tlblab/kernel/types.js';
import { mainline } from '#tlblab/policy/mainline.js';
import {
  by,
  device,
  load,
  mmap,
  move,
  munmap,
  offline,
  online,
  race,
  sleep,
  store,
  wake,
  write,
} from '#tlblab/program/builder.js';
import { isHotplug, perCpuThreads } from '#tlblab/program/hotplug.js';
import type { Program } from '#tlblab/program/program.js';

const SETTINGS = { policy: mainline, patches: [], strict: false, costs: 'bare-metal' };

/** Two CPUs go and come back while tasks that were there map, sleep, move and interrupt. */
const BUSY = race(
  { cpus: 3, geometry: 'small' },
  {
    P0: [offline(1), offline(2), mmap(32, 3, 'rw', { fixed: true }), write(32, 3), online(2), munmap(32, 3), online(1)],
    P1: [mmap(64, 2, 'rw', { fixed: true }), write(64, 2), wake('P2'), move(1), load(64), munmap(64, 2)],
    P2: [mmap(96, 2, 'rw', { fixed: true }), sleep(), store(96), device(2), device(1), offline(0), online(0)],
  },
  { name: 'busy' },
);

afterAll(() => POOL.close());

describe('in threads', () => {
  it('tasks leave CPUs that go, and every operation is done', async () => {
    const plan = {
      program: BUSY,
      policy: 'mainline',
      patches: [],
      oracle: { strict: false, threads: true },
      costs: 'timeless',
    };
    const result = await stress({ plan, seed: 3, operations: 800, repeat: 'program', chaos: 0.01 });
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    expect(result.restarts).toBeGreaterThan(5);
  });

  it('generated programs are clean', async () => {
    const { bits } = randomFrom(17);
    for (let seed = 1; seed <= 6; ) {
      const program = generateProgram(bits, { ...swarmTraits(bits), unplug: 100 });
      if (perCpuThreads(program).length === 0) continue;
      const oracle = { strict: false, threads: true };
      const plan = { program, policy: 'mainline', patches: [], oracle, costs: 'timeless' };
      const { verdict, says } = await stress({ plan, seed: seed++, seconds: 0.5, repeat: 'program', chaos: 0.05 });
      expect({ program: program.name, verdict, says }).toEqual({ program: program.name, verdict: 'clean', says: '' });
    }
  });
});

describe('in the stepper', () => {
  /** Where things are when the history is over. */
  const stateAfter = (program: Program) => {
    const stepper = new Stepper(huntingPlan(program, SETTINGS));
    expect(stepper.historyFailure).toBeUndefined();
    return stepper.machine.columns;
  };

  it('a CPU that has gone in the history is gone in the concurrent part, and its tasks are elsewhere', () => {
    const setup = [mmap(8, 1, 'rw', { fixed: true }), ...by('P1', store(8), offline(1)), ...by('P0', load(8))];
    const { cpuMasks, tasks, cpuhp } = stateAfter(race({ cpus: 2 }, { setup, P0: [load(8)], P1: [load(8)] }));
    expect([cpuMasks.online.peek(0), cpuhp.dead.peek(1 as CpuId)]).toEqual([1, 1]);
    expect(tasks.cpu.peek(3 as TaskId)).toBe(0);
  });

  it('a device that means a CPU that is offline interrupts one that is online', () => {
    const setup = [...by('P0', offline(1), device(1))];
    const { softnet } = stateAfter(race({ cpus: 2 }, { setup, P0: [], P1: [] }));
    expect([softnet.qlen.peek(0 as CpuId), softnet.qlen.peek(1 as CpuId)]).toEqual([1, 0]);
  });

  it('mainline is clean where CPUs go and come back in every program', () => {
    const { bits } = randomFrom(23);
    let went = 0;
    for (let programs = 0; programs < 40; programs++) {
      const program = generateProgram(bits, { ...swarmTraits(bits), unplug: 100 });
      if (program.tasks.some((t) => t.ops.some(isHotplug))) went++;
      const options = { ...SETTINGS, source: program, seed: programs, schedules: 24, outOfTime: () => false };
      const { found } = hunt(options);
      expect({ program: program.name, found: found?.conviction }).toEqual({ program: program.name, found: undefined });
    }
    expect(went).toBeGreaterThan(20);
  });

  it('machines whose CPUs stay have no threads for it', () => {
    const program = race({ cpus: 2 }, { P0: [load(8)], P1: [move(0)] });
    const { machine } = new Stepper(huntingPlan(program, SETTINGS));
    expect(machine.program.tasks.map((t) => t.name)).toEqual(['P0', 'P1']);
    expect(perCpuThreads(program)).toEqual([]);
    expect(machine.columns.cpuhp.thread.peek(0 as CpuId)).toBe(0);
  });
});
