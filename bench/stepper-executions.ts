/**
 * Executions of a two-CPU race per second, everything on: oracle, access check, hash; beside a bare loop of as many
 * generator turns at the depth of calls that the run has on average. Leaving out one check at a time gives its price; so does
 * what a hunt notes of each step, which comes on top of everything.
 */
import { type Choice, choiceCpu } from '../src/engine/choice.ts';
import type { MachinePlan } from '../src/engine/machine-plan.ts';
import { Stepper } from '../src/engine/stepper.ts';
import { Coverage } from '../src/hunt/coverage.ts';
import { execute } from '../src/hunt/execute.ts';
import { huntingPlan } from '../src/hunt/hunting-plan.ts';
import { LedgerStates } from '../src/hunt/ledger-states.ts';
import { MachineRun } from '../src/hunt/machine-run.ts';
import { randomFrom } from '../src/hunt/random.ts';
import { RandomWalk } from '../src/hunt/strategies/random-walk.ts';
import { chooseFairly } from '../src/hunt/strategies/strategy.ts';
import { NOWHERE } from '../src/memory/memory.ts';
import { policyNamed } from '../src/policy/index.ts';
import { by, load, mmap, munmap, race, write } from '../src/program/builder.ts';
import type { Measured } from './main.ts';
import { INCONCLUSIVE_PERCENT, interleaved, type RoundOptions, type Timing } from './rounds.ts';

const BATCH = 20;
const TARGET_PER_SECOND = 60_000;
const TARGET_RATIO = 3;

/** One CPU unmaps a page that both have touched, the other goes on reading it. */
const PROGRAM = race(
  { cpus: 2 },
  { setup: [mmap(4, 1, 'rw'), ...by('P0', write(4)), ...by('P1', write(4))], P0: [munmap(4)], P1: [load(4), load(4)] },
  { name: 'munmap-read' },
);

export function run(options: RoundOptions): Measured {
  const full = huntingPlan(PROGRAM, { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'timeless' });
  const plans = {
    all: full,
    oracle: { ...full, oracle: undefined },
    accessCheck: { ...full, checks: { access: false, hash: true } },
    hash: { ...full, checks: { access: true, hash: false } },
    everything: { ...full, oracle: undefined, checks: { access: false, hash: false } },
  } satisfies Record<string, MachinePlan>;
  const shape = shapeOf(plans.all);
  const cases = {
    bare: bareLoop(shape.steps, Math.round(shape.depth)),
    covered: executions(full, new Coverage()),
    ...(Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, executions(plan)])) as Record<
      keyof typeof plans,
      () => void
    >),
  };
  const { bare, all, covered, ...without } = interleaved(cases, options);
  const ratio = bare.perSecond / all.perSecond;
  const value = Math.round(all.perSecond * BATCH);
  return {
    name: 'stepper-executions',
    value,
    unit: '1/s',
    versus: Math.round(bare.perSecond * BATCH),
    ratio: Number(ratio.toFixed(2)),
    verdict:
      bare.spreadPercent > INCONCLUSIVE_PERCENT
        ? 'inconclusive'
        : value >= TARGET_PER_SECOND && ratio <= TARGET_RATIO
          ? 'met'
          : 'missed',
    target: `at least ${TARGET_PER_SECOND} 1/s, at most ${TARGET_RATIO} times the bare loop`,
    spreadPercent: Math.round(all.spreadPercent),
    versusSpreadPercent: Math.round(bare.spreadPercent),
    steps: Math.round(shape.steps),
    depth: Number(shape.depth.toFixed(1)),
    pricePercent: Object.fromEntries(Object.entries(without).map(([name, timing]) => [name, price(all, timing)])),
    /** Speed with coverage, of that without; asked for: at least 60. */
    coveredPercent: Math.round((covered.perSecond / all.perSecond) * 100),
  };
}

/** Share of the time of a run that a check takes, in per cent. */
function price(all: Timing, without: Timing): number {
  return Math.round((1 - all.perSecond / without.perSecond) * 100);
}

function executions(plan: MachinePlan, coverage?: Coverage): () => void {
  const stepper = new Stepper(plan);
  const view = new MachineRun(stepper);
  const ledger = new LedgerStates(stepper);
  const strategy = new RandomWalk(randomFrom(1), { actions: 0, ticks: 0 });
  return () => {
    for (let i = 0; i < BATCH; i++) {
      strategy.begin();
      stepper.reset();
      coverage?.begin();
      let last = NOWHERE;
      const run = execute(stepper, (s) => {
        coverage?.stepped(s, last, ledger);
        const c = chooseFairly(strategy, view);
        if (coverage === undefined || c < 0) return c;
        last = s.cpuAt(choiceCpu(c as Choice)).word;
        coverage.step(s, c as Choice);
        return c;
      });
      stepper.machine.mem.hashLow();
      if (run.convicted) throw new Error(`${plan.policy.name} was convicted: ${run.convicted.says}`);
    }
  };
}

/** Mean number of steps and mean depth of calls of the runs that are timed. */
function shapeOf(plan: MachinePlan): { steps: number; depth: number } {
  let steps = 0;
  let depth = 0;
  const runs = 200;
  const stepper = new Stepper(plan);
  const view = new MachineRun(stepper);
  const strategy = new RandomWalk(randomFrom(1), { actions: 0, ticks: 0 });
  stepper.watcher = {
    after: (s, c) => {
      depth += s.depthAt(choiceCpu(c));
    },
  };
  for (let i = 0; i < runs; i++) {
    strategy.begin();
    stepper.reset();
    steps += execute(stepper, () => chooseFairly(strategy, view)).steps;
  }
  return { steps: steps / runs, depth: depth / steps };
}

/** As many turns of a generator that lies `depth` calls deep. */
function bareLoop(steps: number, depth: number): () => void {
  const turns = Math.round(steps);
  return () => {
    for (let i = 0; i < BATCH; i++) {
      const path = nested(depth, turns);
      while (!path.next().done);
    }
  };
}

function* nested(depth: number, turns: number): Generator<undefined, number, undefined> {
  if (depth > 1) return yield* nested(depth - 1, turns);
  for (let i = 0; i < turns; i++) yield;
  return turns;
}
