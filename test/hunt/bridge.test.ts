import { afterAll, describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import {
  ADVERSARY,
  type Choice,
  choice,
  choiceArgument,
  choiceCpu,
  choiceKind,
  DELIVER,
  RUN,
} from '#tlblab/engine/choice.js';
import type { MachinePlan } from '#tlblab/engine/machine-plan.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { LOG_ACTS, LOG_DELIVER, LOG_RUN } from '#tlblab/engine/threads/rounds-log.js';
import { type KeptRound, stress } from '#tlblab/engine/threads/threads.js';
import { adversaryActions } from '#tlblab/hardware/adversary.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { bridge } from '#tlblab/hunt/bridge/bridge.js';
import { lastLives } from '#tlblab/hunt/bridge/one-life.js';
import { OperationLog } from '#tlblab/hunt/bridge/round-program.js';
import { thinnedOut } from '#tlblab/hunt/bridge/thin-out.js';
import { type StepOrder, shifted, stepsOf, TicketOrder } from '#tlblab/hunt/bridge/ticket-order.js';
import { makesSense } from '#tlblab/hunt/check-machine.js';
import { execute } from '#tlblab/hunt/execute.js';
import { onFittedMachine, onTinyMachine } from '#tlblab/hunt/fitted-machine.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { pointLabels } from '#tlblab/memory/point.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, dontneed, exit, fork, kswapd, load, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import type { Op, Program } from '#tlblab/program/program.js';
import { WORKLOADS } from '../../dist/workloads/index.js';
import { SCENARIOS } from '../bugs/scenarios.ts';

afterAll(() => POOL.close());

const PROGRAM = race(
  { cpus: 2 },
  {
    setup: [mmap(8, 2, 'rw'), ...by('P0', store(8)), ...by('P1', store(8))],
    P0: [store(8), dontneed(8), load(9), munmap(8)],
    P1: [load(8), store(9), load(8)],
  },
);
const plan = (program: Program, policy = 'mainline') => ({
  program,
  policy: policyNamed(policy),
  patches: [],
  oracle: { strict: false, threads: true },
  costs: 'bare-metal',
});

/** A run of the stepper, logged as threads would have logged it, until `choose` returns -1. */
function logged(described: MachinePlan, choose: (stepper: Stepper) => number): KeptRound {
  const stepper = new Stepper(described);
  const image = stepper.machine.mem.words.slice();
  const logs: number[][] = Array.from({ length: stepper.machine.geometry.cpus }, () => []);
  let ticket = 0;
  execute(stepper, (s) => {
    const c = choose(s) as Choice;
    if (c < 0) return c;
    const id = choiceCpu(c);
    const { point, hw } = s.cpuAt(id);
    const entry = (kind: number, what: number) => logs[id].push((ticket++ << 13) | ((what & 1023) << 3) | kind);
    if (choiceKind(c) === DELIVER) entry(LOG_DELIVER + Math.log2(hw.apic.irr.peek(id)), 0);
    else if (choiceKind(c) === ADVERSARY) {
      entry(LOG_ACTS, choiceArgument(c));
      entry(LOG_ACTS + 1, choiceArgument(c) >> 10);
    } // the first step of a CPU was announced in the round before, and threads do not log that a timer fires
    else if (choiceKind(c) === RUN && point !== 0) entry(LOG_RUN, point);
    return c;
  });
  const labels = ['(start)', ...pointLabels()];
  return { image, logs: logs.map((log) => Int32Array.from(log)), labels, repeats: false };
}

/** At random; every tenth step is one that hardware takes by itself. */
function atRandom(seed: number, choices: number[]): (stepper: Stepper) => number {
  const { below } = randomFrom(seed);
  return (stepper) => {
    const cpu = stepper.cpuAt(below(2) as CpuId);
    const actions: number[] = [];
    const n = below(10) === 0 ? adversaryActions(cpu, stepper.machine.pages, actions) : 0;
    const acts = n > 0 && choices.length > 0 ? choice(ADVERSARY, cpu.id, actions[below(n)]) : undefined;
    const c = acts ?? stepper.choices[below(stepper.choices.length)];
    choices.push(c);
    return c;
  };
}

/** Without the first step of each CPU. */
function withoutFirst(all: readonly number[]): number[] {
  const cpus = all.map((c) => (choiceKind(c as Choice) === ADVERSARY ? -1 : choiceCpu(c as Choice)));
  return all.filter((_, i) => cpus[i] < 0 || cpus.indexOf(cpus[i]) !== i);
}

describe('TicketOrder', () => {
  it('follows the steps of each CPU, and the acts of its hardware, in the order of their tickets', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const choices: number[] = [];
      const round = logged(plan(PROGRAM), atRandom(seed, choices));
      const taken: number[] = [];
      const order = new TicketOrder(stepsOf(round), randomFrom(1), 400);
      execute(new Stepper(plan(PROGRAM)), (s) => {
        const c = order.choose(s);
        taken.push(c);
        return c;
      });
      // the log does not have the first step of a CPU: it is made when the second one's turn has come
      expect(withoutFirst(taken).slice(0, choices.length - 2)).toEqual(withoutFirst(choices));
      expect(choices.some((c) => choiceKind(c as Choice) === ADVERSARY)).toBe(true);
    }
  });

  it('lets hardware act also behind a point at which a CPU of the stepper never stands', () => {
    const [own, other] = stepsOf(logged(plan(PROGRAM), atRandom(3, [])));
    const acts = choice(ADVERSARY, 0, 0);
    const before = [
      { at: -2, label: 'nowhere', choice: undefined, isTimer: false },
      { at: -1, label: undefined, choice: acts, isTimer: false },
    ];
    /** How often hardware does that in the first steps. */
    const times = (steps: StepOrder[number]): number => {
      const order = new TicketOrder([steps, other], randomFrom(1), 0);
      const taken: number[] = [];
      execute(new Stepper(plan(PROGRAM)), (s) => {
        taken.push(order.choose(s));
        return taken.length > 12 ? -1 : taken[taken.length - 1];
      });
      return taken.filter((c) => c === acts).length;
    };
    expect(times([...before, ...own])).toBe(times(own) + 1);
  });

  it('passes over what hardware did that it cannot do here, as on a machine with a smaller TLB', () => {
    const order = stepsOf(logged(plan(PROGRAM), atRandom(3, [])));
    const beyond = choice(ADVERSARY, 0, 500);
    const step = { label: undefined, choice: beyond, isTimer: false };
    const follow = (steps: StepOrder[number]): number[] => {
      const { choose } = new TicketOrder([steps, order[1]], randomFrom(1), 0);
      const taken: number[] = [];
      execute(new Stepper(plan(PROGRAM)), (s) => {
        taken.push(choose(s));
        return taken[taken.length - 1];
      });
      return taken;
    };
    const own = follow(order[0]);
    expect(follow(order[0].flatMap((s) => [{ ...step, at: s.at - 0.1 }, s]))).toEqual(own);
  });

  it('places a step behind its own ticket and before the next one of its CPU', () => {
    const order = stepsOf(logged(plan(PROGRAM), atRandom(3, [])));
    const random = randomFrom(5);
    let moved = 0;
    for (let i = 0; i < 20; i++) {
      for (const [id, steps] of shifted(order, random, 0.5).entries()) {
        for (const [k, { at, ...step }] of steps.entries()) {
          const { at: ticket, ...own } = order[id][k];
          expect(step).toEqual(own);
          expect(at).toBeGreaterThanOrEqual(ticket);
          expect(at).toBeLessThan(order[id][k + 1]?.at ?? ticket + 1);
          if (at !== ticket) moved++;
        }
      }
    }
    expect(moved).toBeGreaterThan(100);
    expect(shifted(order, random, 0)).toBe(order);
  });
});

describe('OperationLog', () => {
  /** The lowest CPU that can run: P0 until it waits for P1, and then P1 before it takes the interrupt. */
  const lowest = ({ choices }: Stepper): number => choices[0];

  it('makes what ended before the last operations the history, in the order of their ends', () => {
    const stepper = new Stepper(plan(PROGRAM));
    const log = new OperationLog(PROGRAM);
    stepper.watcher = log;
    execute(stepper, lowest);
    const { program, order } = log.lifted(log.cut(2, false));
    const own = program.history.slice(PROGRAM.history.length).map(({ task, op }) => `${task} ${op.do}`);
    expect(own).toEqual(['P0 store', 'P1 load', 'P1 store', 'P1 load', 'P0 madvise']);
    expect(program.tasks.map((t) => t.ops)).toEqual([PROGRAM.tasks[0].ops.slice(-2), []]);
    // of what P1 did, only the interrupt that P0 waits for is left
    expect(order[0].length).toBeGreaterThan(20);
    expect(order[1].every(({ label }) => !label?.startsWith('access'))).toBe(true);
  });

  it('leaves a daemon what it does, which neither begins nor ends in a round', () => {
    const daemon = { cpu: 1, kthread: true, ops: [kswapd()] };
    const program = race(
      { cpus: 2, override: { watermarkMin: 2, watermarkLow: 3, watermarkHigh: 4, swapSlots: 4 } },
      { setup: [mmap(8, 1, 'rw')], P0: [store(8), load(8)], kswapd0: daemon },
    );
    const stepper = new Stepper(plan(program));
    const log = new OperationLog(program);
    stepper.watcher = log;
    execute(stepper, lowest);
    expect(log.lifted(log.cut(1, false)).program.tasks.map(({ ops }) => ops.map((op) => op.do))).toEqual([
      ['load'],
      ['kswapd'],
    ]);
  });

  it('has an operation that a task could leave in its midst from its beginning on', () => {
    const program = race(
      { cpus: 2 },
      { setup: [mmap(8, 1, 'rw')], P0: [store(8), { do: 'offline', cpu: 1 }], P1: [load(8)] },
    );
    const stepper = new Stepper(plan(program));
    const log = new OperationLog(program);
    stepper.watcher = log;
    execute(stepper, (s) => (s.machine.columns.cpuhp.inactive.peek(1 as never) === 1 ? -1 : lowest(s)));
    const { program: lifted } = log.lifted(log.cut(1, false));
    expect(lifted.tasks.map(({ ops }) => ops.map((op) => op.do))).toEqual([['offline'], ['load']]);
    expect(lifted.history.map(({ task, op }) => `${task} ${op.do}`)).toEqual(['P0 mmap', 'P0 store']);
  });

  it('waits for no flag that nobody posts, and in its history for none', () => {
    const setup = [mmap(8, 1, 'rw')];
    const program = race(
      { cpus: 2, override: { flags: 2 } },
      {
        ...{ setup, P0: [store(8), { do: 'post', flag: 'a' }, store(8), { do: 'await', flag: 'b' }] },
        ...{ P1: [{ do: 'await', flag: 'a' }, load(8), { do: 'post', flag: 'b' }] },
      },
    );
    const stepper = new Stepper(plan(program));
    const log = new OperationLog(program);
    stepper.watcher = log;
    // given up when P1 has loaded, and before it posts
    const { user } = stepper.machine.columns;
    execute(stepper, (s) => (user.pc.peek(3 as never) === 3 ? -1 : lowest(s)));
    const whole = log.lifted(log.cut(9, false)).program;
    expect(whole.tasks.map(({ ops }) => ops.map((op) => op.do))).toEqual([
      ['store', 'post', 'store', 'await'],
      ['await', 'load', 'post'],
    ]);
    const last = log.lifted(log.cut(1, false)).program;
    expect(last.tasks.map(({ ops }) => ops.map((op) => op.do))).toEqual([['await'], ['post']]);
    expect(last.history.map(({ op }) => op.do)).toEqual(['mmap', 'store', 'post', 'store', 'load']);
  });

  it('makes operations of the history concurrent if the round was one of the history', () => {
    const stepper = new Stepper(plan(PROGRAM));
    const { machine } = stepper;
    const booted = new Stepper(plan({ ...PROGRAM, history: [] })).machine;
    machine.mem.words.set(booted.mem.words);
    machine.mem.words[machine.columns.program.turn.at(0)] = 0;
    machine.mem.rebase();
    const log = new OperationLog(PROGRAM);
    stepper.watcher = log;
    stepper.reset();
    execute(stepper, (s) => (machine.columns.program.turn.peek(0) === 3 ? -1 : lowest(s)));
    const { program } = log.lifted(log.cut(2, false));
    expect(program.history.map(({ task, op }) => `${task} ${op.do}`)).toEqual(['P0 mmap']);
    expect(program.tasks.map(({ ops }) => ops.map((op) => op.do))).toEqual([['store'], ['store']]);
  });
});

describe('lastLives', () => {
  const program = race({ cpus: 2 }, { P0: [fork('C')], C: { cpu: 1, forkedBy: 'P0', ops: [load(8)] } });
  const act = (task: number, op: Op) => ({ task, op });
  const fork1 = act(0, fork('C'));
  const [early, late] = [load(8), load(9)].map((op) => act(1, op));
  const end = act(1, exit());

  it('leaves out what a forked task did before its last fork', () => {
    expect(lastLives(program, [fork1, early, end, fork1], [late])).toEqual({ history: [fork1], concurrent: [late] });
    expect(lastLives(program, [fork1, early], [end, fork1, late])).toEqual({ history: [], concurrent: [fork1, late] });
  });

  it('gives a fork to a task that was there before, one that has exited among them', () => {
    expect(lastLives(program, [early], [late])).toEqual({ history: [fork1, early], concurrent: [late] });
    expect(lastLives(program, [fork1, early, end], [late])).toEqual({ history: [fork1], concurrent: [late] });
    expect(lastLives(program, [act(0, load(8))], [])).toEqual({ history: [act(0, load(8))], concurrent: [] });
  });
});

describe('onFittedMachine', () => {
  it('has fewer pages and address spaces, and what the program says of its frames', () => {
    const program = WORKLOADS.get('munmap-storm').program({ cpus: 2, seed: 3, scale: 1 });
    const fitted = onFittedMachine({ ...program, machine: { ...program.machine, override: { frames: 1000 } } });
    expect(fitted.machine.override).toEqual({ frames: 1000, files: 1, levels: 45, mms: 2 });
    expect(makesSense(fitted)).toBe(true);
    expect(onFittedMachine(fitted)).toBe(fitted);
    expect(makesSense(onTinyMachine(fitted))).toBe(true);
  });
});

describe('thinnedOut', () => {
  it('leaves the operations without which there is no harm', () => {
    const program = race(
      { cpus: 2 },
      {
        setup: [mmap(8, 4, 'rw'), ...by('P1', store(8), store(9), load(10)), store(11)],
        P0: [load(9), load(10), munmap(8), load(9), load(10)],
        P1: [load(9), load(10), load(8), load(9)],
      },
    );
    const settings = { policy: policyNamed('never'), patches: [], strict: false, costs: 'bare-metal' };
    const { found } = hunt({ ...settings, source: program, seed: 1, schedules: 200, outOfTime: () => false });
    const { plan: small, conviction } = thinnedOut(found!, randomFrom(1), () => false);
    expect(conviction.harm).toBe(found!.conviction.harm);
    const count = small.program.history.length + small.program.tasks.reduce((sum, { ops }) => sum + ops.length, 0);
    expect(count).toBeLessThanOrEqual(4);
    expect(thinnedOut(found!, randomFrom(1), () => true)).toBe(found);
  });
});

describe('bridge', () => {
  // a flush left out, a table that a walk of the hardware finds freed, and a race of two operations
  it.each(['t1-14', 't2-15', 't1-01'])('makes a run from a boot of the logged round of %s', (bug) => {
    const { program } = SCENARIOS[bug];
    const settings = { policy: policyNamed('mainline'), patches: [BUGS[bug]], strict: false, costs: 'bare-metal' };
    const hunted = hunt({ ...settings, source: program, seed: 1, schedules: 20_000, outOfTime: () => false });
    const { choices, conviction } = hunted.found!;
    const { harm } = conviction;
    const described = { ...plan(program), patches: [BUGS[bug]] };
    const round = logged(described, new ExactReplay(choices).choose);
    const { found } = bridge({ hunt: settings, plan: described, round, harm, seed: 1, outOfTime: () => false });
    expect(found?.conviction.harm).toBe(harm);
    const again = execute(new Stepper(found!.plan), new ExactReplay(found!.choices).choose);
    expect(again.convicted?.says).toBe(found!.conviction.says);
  });

  it('makes a run of the stepper, from a boot, of what threads were convicted of', async () => {
    const program = WORKLOADS.get('munmap-storm').program({ cpus: 2, seed: 3, scale: 1 });
    const { policy: _, ...description } = plan(program);
    const result = await stress({
      plan: { ...description, policy: 'never', patches: [] },
      seed: 3,
      operations: 100_000,
      delay: { point: 'user: between two operations', micros: 200 },
      keepRounds: true,
      logEntries: 1 << 14,
    });
    expect(result.verdict).toBe('violation');
    const settings = { policy: policyNamed('never'), patches: [], strict: false, costs: 'bare-metal' };
    const { found } = bridge({
      hunt: settings,
      plan: plan(program, 'never'),
      round: result.round!,
      harm: result.findings[0].harm,
      seed: 1,
      outOfTime: () => false,
    });
    expect(found?.strategy).toBe('bridge');
    for (const _turn of ['first', 'second']) {
      const again = execute(new Stepper(found!.plan), new ExactReplay(found!.choices).choose);
      expect(again.convicted?.says).toBe(found!.conviction.says);
    }
  });
});
