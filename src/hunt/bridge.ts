/**
 * The bridge from parallel runs to the stepper: a round that convicted, its start image and the log of its CPUs, becomes a run
 * of the stepper that anybody can repeat. First the round itself is followed until it convicts; then a program is looked for
 * that does the same from a boot, for only such a one can be read, made smaller and replayed elsewhere.
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import type { KeptRound } from '../engine/threads-view.ts';
import type { Harm } from '../oracle/oracle.ts';
import { makesSense } from './check-machine.ts';
import { execute, MAX_STEPS } from './execute.ts';
import { type HuntOptions, hunt, huntingPlan, type RawFinding } from './hunt.ts';
import { type Random, randomFrom } from './random.ts';
import { type Lifted, OperationLog } from './round-program.ts';
import { type StepOrder, shifted, stepsOf, TicketOrder } from './ticket-order.ts';

export interface BridgeOptions {
  readonly hunt: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'costs'>;
  /** As the run had it; only its program and its costs count. */
  readonly plan: MachinePlan;
  readonly round: KeptRound;
  /** What the threads were convicted of. */
  readonly harm: Harm;
  readonly seed: number;
  outOfTime(): boolean;
}

export interface Bridged {
  /** Runs that followed the log, and the first of them that convicted. */
  readonly followed: number;
  readonly convictedIn: number | undefined;
  /** A program from the boot that convicts, with its schedule. */
  readonly found: RawFinding | undefined;
}

/** Followers of the log at most, and the shares of their steps that are not where their ticket is, in turn. */
const FOLLOWERS = 60;
const SHARES = [0, 0.03, 0.1, 0.3, 1];
/** Steps of a follower at most, and behind the end of the log. */
const MOST_STEPS = 400_000;
const TAIL = 100;
/** Operations at the end of the round that are concurrent in a program. */
const LAST = [2, 3, 4, 6, 8, 12, 16, 24, 32];
/** Schedules of each program that agree with the round, and others that are hunted through. */
const AGREEING = 20;
const SCHEDULES = 120;
/** How the finding says that it was found. */
const STRATEGY = 'bridge';
/** What a program that was cut out of another one may come to by itself. */
const BY_CUTTING: readonly Harm[] = ['deadlock', 'livelock', 'leak'];

export function bridge(options: BridgeOptions): Bridged {
  const { plan, round } = options;
  const program = round.repeats ? { ...plan.program, rounds: 2 ** 30 } : plan.program;
  const stepper = new Stepper({ ...plan, program, checks: { access: false, hash: false } });
  stepper.machine.mem.words.set(round.image);
  stepper.machine.mem.rebase();
  const random = randomFrom(options.seed, 3);
  const order = stepsOf(round);
  let last: OperationLog | undefined;
  let followed = 0;
  let convictedIn: number | undefined;
  while (followed < FOLLOWERS && convictedIn === undefined && !options.outOfTime()) {
    const log = new OperationLog(plan.program);
    stepper.watcher = log;
    const share = SHARES[followed % SHARES.length];
    const { convicted } = along(stepper, shifted(order, random, share), random, { most: MOST_STEPS, tail: TAIL });
    followed++;
    if (convicted !== undefined) convictedIn = followed;
    if (!last || convicted !== undefined) last = log;
  }
  const found = last && programOf(last, options, random);
  return { followed, convictedIn, found };
}

/** A run of `stepper` along `order`, and the choices that it made. */
function along(stepper: Stepper, order: StepOrder, random: Random, { most, tail }: { most: number; tail: number }) {
  const choices: number[] = [];
  const { choose } = new TicketOrder(order, random, tail);
  stepper.reset();
  const run = execute(
    stepper,
    (s) => {
      const c = choose(s);
      if (c >= 0) choices.push(c);
      return c;
    },
    most,
  );
  return { ...run, choices };
}

/**
 * Tried in turn: more and more of the last operations at the same time, along the order of the round; then under other schedules.
 * The stepper's oracle sees more than that of the threads, and may call the same race by another harm: such a finding is taken
 * if there is no other.
 */
function programOf(log: OperationLog, options: BridgeOptions, random: Random): RawFinding | undefined {
  const lifted = [...programs(log)];
  let second: RawFinding | undefined;
  for (const search of [agreeing, hunted]) {
    for (const program of lifted) {
      if (options.outOfTime()) return second;
      const found = search(program, options, random);
      if (found?.conviction.harm === options.harm) return found;
      if (found && !BY_CUTTING.includes(found.conviction.harm)) second ??= found;
    }
    if (second) return second;
  }
  return undefined;
}

function* programs(log: OperationLog): Iterable<Lifted> {
  for (const warm of [false, true]) {
    for (const [i, count] of LAST.entries()) {
      if (i > 0 && LAST[i - 1] >= log.count) break;
      const lifted = log.lifted(count, warm);
      if (makesSense(lifted.program)) yield lifted;
    }
  }
}

/** Under schedules that agree with the order of the round. */
function agreeing({ program, order }: Lifted, options: BridgeOptions, random: Random): RawFinding | undefined {
  const plan = huntingPlan(program, options.hunt);
  const stepper = new Stepper({ ...plan, checks: { access: false, hash: false } });
  let second: RawFinding | undefined;
  for (let i = 0; i < AGREEING && !options.outOfTime(); i++) {
    const steps = shifted(order, random, SHARES[i % SHARES.length]);
    const run = along(stepper, steps, random, { most: MAX_STEPS, tail: Number.POSITIVE_INFINITY });
    if (!run.convicted) continue;
    const { convicted: conviction, choices, steps: length } = run;
    const found = { plan, conviction, choices, strategy: STRATEGY, steps: length };
    if (conviction.harm === options.harm) return found;
    second ??= found;
    if (stepper.historyViolation || stepper.historyFailure) break;
  }
  return second;
}

/** Under any schedules. */
function hunted({ program }: Lifted, options: BridgeOptions, random: Random): RawFinding | undefined {
  const outOfTime = (): boolean => options.outOfTime();
  const seed = random.bits();
  const { found } = hunt({ ...options.hunt, source: program, seed, schedules: SCHEDULES, outOfTime });
  return found && { ...found, strategy: STRATEGY };
}
