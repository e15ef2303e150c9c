import { afterAll, describe, expect, it } from 'vitest';
import { choiceArgument, choiceCpu, choiceKind, DELIVER, RUN } from '#tlblab/engine/choice.js';
import { LOG_DELIVER, LOG_RUN } from '#tlblab/engine/rounds-log.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { type KeptRound, stress } from '#tlblab/engine/threads.js';
import { POOL } from '#tlblab/engine/threads-pool.js';
import { bridge } from '#tlblab/hunt/bridge.js';
import { execute } from '#tlblab/hunt/execute.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { OperationLog } from '#tlblab/hunt/round-program.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { TicketOrder } from '#tlblab/hunt/ticket-order.js';
import { pointLabels } from '#tlblab/memory/point.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, dontneed, load, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';
import { WORKLOADS } from '../../dist/workloads/index.js';

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

/** A run at random in the stepper, logged as threads would have logged it. */
function loggedRun(seed: number): { choices: number[]; round: KeptRound } {
  const { below } = randomFrom(seed);
  const stepper = new Stepper(plan(PROGRAM));
  const image = stepper.machine.mem.words.slice();
  const logs: number[][] = [[], []];
  const choices: number[] = [];
  const run = execute(stepper, ({ choices: now, cpuAt }) => {
    const c = now[below(now.length)];
    const cpu = cpuAt.call(stepper, choiceCpu(c));
    const low =
      choiceKind(c) === DELIVER ? LOG_DELIVER + Math.log2(cpu.hw.apic.irr.peek(cpu.id)) : (cpu.point << 3) | LOG_RUN;
    // the first step of a CPU was announced in the round before
    if (choiceKind(c) !== RUN || cpu.point !== 0) logs[choiceCpu(c)].push((choices.length << 13) | low);
    choices.push(c);
    return c;
  });
  expect(run.convicted).toBeUndefined();
  const labels = ['(start)', ...pointLabels()];
  return { choices, round: { image, logs: logs.map((log) => Int32Array.from(log)), labels } };
}

describe('TicketOrder', () => {
  it('follows the steps of each CPU in the order of their tickets', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { choices, round } = loggedRun(seed);
      const stepper = new Stepper(plan(PROGRAM));
      const taken: number[] = [];
      const order = new TicketOrder(round, randomFrom(1), 0);
      execute(stepper, (s) => {
        const c = order.choose(s);
        taken.push(c);
        return c;
      });
      // the log does not have the first step of a CPU: it is made when the second one's turn has come
      const withoutFirst = (all: number[]): number[] => {
        const cpus = all.map((c) => choiceCpu(c as never));
        return all.filter((_, i) => cpus.indexOf(cpus[i]) !== i);
      };
      expect(withoutFirst(taken).slice(0, choices.length - 2)).toEqual(withoutFirst(choices));
      expect(taken.every((c) => c < 0 || choiceArgument(c as never) === 0)).toBe(true);
    }
  });
});

describe('OperationLog', () => {
  it('makes what ended before the last operations the history, in the order of their ends', () => {
    const stepper = new Stepper(plan(PROGRAM));
    const log = new OperationLog(PROGRAM);
    stepper.watcher = log;
    // the lowest CPU that can run: P0 until it waits for P1, and then P1 before it takes the interrupt
    execute(stepper, ({ choices }) => choices[0]);
    const { program, choices } = log.lifted(2);
    const own = program.history.slice(PROGRAM.history.length).map(({ task, op }) => `${task} ${op.do}`);
    expect(own).toEqual(['P0 store', 'P1 load', 'P1 store', 'P1 load', 'P0 madvise']);
    expect(program.tasks.map((t) => t.ops)).toEqual([PROGRAM.tasks[0].ops.slice(-2), []]);
    expect(choices.length).toBeGreaterThan(2);
  });
});

describe('bridge', () => {
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
