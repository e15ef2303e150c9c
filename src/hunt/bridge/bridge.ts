/**
 * The bridge from parallel runs to the stepper: a round that convicted, its start image and the log of its CPUs, becomes a run
 * of the stepper that anybody can repeat. First the round itself is followed until it convicts; then a program is looked for
 * that does the same from a boot, for only such a one can be read, made smaller and replayed elsewhere.
 */
import type { MachinePlan } from '../../engine/machine-plan.ts';
import { Stepper } from '../../engine/stepper.ts';
import type { KeptRound } from '../../engine/threads/view.ts';
import type { Harm } from '../../oracle/oracle.ts';
import { makesSense } from '../check-machine.ts';
import { type HuntOptions, hunt, type RawFinding } from '../hunt.ts';
import { type Random, randomFrom } from '../random.ts';
import { agreeing, along, type Runnable, runnable, SHARES, UNCHECKED } from './agreeing.ts';
import { type Lifted, OperationLog } from './round-program.ts';
import { thinnedOut } from './thin-out.ts';
import { shifted, stepsOf } from './ticket-order.ts';

export interface BridgeOptions {
  readonly hunt: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'costs'>;
  /** As the run had it; only its program and its costs count. */
  readonly plan: MachinePlan;
  readonly round: KeptRound;
  /** What the threads were convicted of. */
  readonly harm: Harm;
  readonly seed: number;
  readonly outOfTime: () => boolean;
}

export interface Bridged {
  /** Runs that followed the log, and the first of them that convicted. */
  readonly followed: number;
  readonly convictedIn: number | undefined;
  /** A program from the boot that convicts, with its schedule. */
  readonly found: RawFinding | undefined;
}

/** Followers of the log at most. */
const FOLLOWERS = 60;
/** Steps of a follower at most, and behind the end of the log. */
const MOST_STEPS = 400_000;
const TAIL = 100;
/** Operations at the end of the round that are concurrent in a program. */
const LAST = [2, 3, 4, 6, 8, 12, 16, 24, 32];
/** In a sweep over the programs, schedules of each that agree with the round, and those that are hunted through. */
const AGREEING = 20;
const SCHEDULES = 120;
/** Sweeps at most, if there is time. */
const SWEEPS = 12;
/** How the finding says that it was found. */
const STRATEGY = 'bridge';
/** What a program that was cut out of another one may come to by itself. */
const BY_CUTTING: readonly Harm[] = ['deadlock', 'livelock', 'leak'];

export function bridge(options: BridgeOptions): Bridged {
  const { plan, round } = options;
  const program = round.repeats ? { ...plan.program, rounds: 2 ** 30 } : plan.program;
  const stepper = new Stepper({ ...plan, program, checks: UNCHECKED });
  stepper.machine.mem.words.set(round.image);
  stepper.machine.mem.rebase();
  const random = randomFrom(options.seed, 3);
  const order = stepsOf(round);
  const { outOfTime } = options;
  let last: OperationLog | undefined;
  let followed = 0;
  let convictedIn: number | undefined;
  while (followed < FOLLOWERS && convictedIn === undefined && !outOfTime()) {
    const log = new OperationLog(plan.program);
    stepper.watcher = log;
    const share = SHARES[followed % SHARES.length];
    const { convicted } = along(stepper, shifted(order, random, share), random, {
      most: MOST_STEPS,
      tail: TAIL,
      outOfTime,
    });
    followed++;
    if (convicted !== undefined) convictedIn = followed;
    if (!last || convicted !== undefined) last = log;
  }
  const raw = last && programOf(last, options, random);
  const found = raw && { ...thinnedOut(raw, random, outOfTime), strategy: STRATEGY };
  return { followed, convictedIn, found };
}

/**
 * Tried in turn: more and more of the last operations at the same time, along the order of the round; then under other schedules
 * that agree with its log, and under any, again and again. The stepper's oracle sees more than that of the threads, and may call
 * the same race by another harm: such a finding is taken if there is no other.
 */
function programOf(log: OperationLog, options: BridgeOptions, random: Random): RawFinding | undefined {
  const { outOfTime } = options;
  const candidates: Runnable[] = [];
  const others: RawFinding[] = [];
  const isIt = (found: RawFinding | undefined): boolean => {
    if (found && !BY_CUTTING.includes(found.conviction.harm)) others.push(found);
    return found?.conviction.harm === options.harm;
  };
  for (const lifted of programs(log)) {
    if (outOfTime()) return others[0];
    const candidate = runnable(lifted, options.hunt);
    candidates.push(candidate);
    const found = agreeing(candidate, random, 0, outOfTime);
    if (isIt(found)) return found;
  }
  if (others.length > 0) return others[0];
  for (let sweep = 0; sweep < SWEEPS && others.length === 0; sweep++) {
    for (let i = 1; i < AGREEING && others.length === 0; i++) {
      for (const candidate of candidates) {
        if (outOfTime()) return others[0];
        const found = agreeing(candidate, random, SHARES[i % SHARES.length], outOfTime);
        if (isIt(found)) return found;
      }
    }
    for (const { plan } of others.length === 0 ? candidates : []) {
      if (outOfTime()) return others[0];
      const seed = random.bits();
      const { found } = hunt({ ...options.hunt, source: plan.program, seed, schedules: SCHEDULES, outOfTime });
      if (isIt(found)) return found;
    }
  }
  return others[0];
}

function* programs(log: OperationLog): Iterable<Lifted> {
  for (const warm of [false, true]) {
    for (const [i, count] of LAST.entries()) {
      if (i > 0 && LAST[i - 1] >= log.count) break;
      const lifted = log.lifted(log.cut(count, warm));
      if (makesSense(lifted.program)) yield lifted;
    }
  }
}
