/**
 * The bridge from parallel runs to the stepper: a round that convicted, its start image and the log of its CPUs, becomes a run
 * of the stepper that anybody can repeat. First the round itself is followed until it convicts; then a program is looked for
 * that does the same from a boot, for only such a one can be read, made smaller and replayed elsewhere.
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import type { KeptRound } from '../engine/threads-view.ts';
import { makesSense } from './check-machine.ts';
import { execute } from './execute.ts';
import { type HuntOptions, hunt, huntingPlan, type RawFinding } from './hunt.ts';
import { type Random, randomFrom } from './random.ts';
import { OperationLog } from './round-program.ts';
import { follow } from './schedule.ts';
import { TicketOrder } from './ticket-order.ts';

export interface BridgeOptions {
  readonly hunt: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'costs'>;
  /** As the run had it; only its program and its costs count. */
  readonly plan: MachinePlan;
  readonly round: KeptRound;
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

/** Followers of the log at most, and by how many places they shift steps, in turn. */
const FOLLOWERS = 60;
const SHIFTS = [0, 1, 2, 4, 8, 16];
/** Steps of a follower at most. */
const MOST_STEPS = 400_000;
/** Operations at the end of the round that are concurrent in a program. */
const LAST = [2, 3, 4, 6, 8, 12, 16];
/** How the finding says that it was found. */
const STRATEGY = 'bridge';
/** Schedules tried for each program. */
const SCHEDULES = 120;

export function bridge(options: BridgeOptions): Bridged {
  const { plan, round } = options;
  // tasks go on repeating their operations
  const program = { ...plan.program, rounds: 2 ** 30 };
  const stepper = new Stepper({ ...plan, program, checks: { access: false, hash: false } });
  stepper.machine.mem.words.set(round.image);
  stepper.machine.mem.rebase();
  const random = randomFrom(options.seed, 3);
  let last: OperationLog | undefined;
  let followed = 0;
  let convictedIn: number | undefined;
  while (followed < FOLLOWERS && convictedIn === undefined && !options.outOfTime()) {
    const { log, harm: seen } = followLog(stepper, options, random, SHIFTS[followed % SHIFTS.length]);
    followed++;
    if (seen !== undefined) convictedIn = followed;
    if (!last || seen !== undefined) last = log;
  }
  const found = last && programOf(last, options, random);
  return { followed, convictedIn, found };
}

function followLog(stepper: Stepper, { plan, round }: BridgeOptions, random: Random, shift: number) {
  const log = new OperationLog(plan.program);
  stepper.reset();
  stepper.watcher = log;
  const run = execute(stepper, new TicketOrder(round, random, shift).choose, MOST_STEPS);
  stepper.watcher = undefined;
  return { log, harm: run.convicted?.harm };
}

/**
 * Tried in turn: more and more of the last operations at the same time, under the schedule of the round and under others.
 * The stepper's oracle sees more than that of the threads, and may call the same race by another harm.
 */
function programOf(log: OperationLog, options: BridgeOptions, random: Random): RawFinding | undefined {
  const settings = options.hunt;
  for (const count of LAST) {
    if (options.outOfTime()) break;
    const { program, choices } = log.lifted(count);
    if (!makesSense(program)) continue;
    const plan = huntingPlan(program, settings);
    const { conviction, ...guided } = follow(new Stepper(plan), choices);
    if (conviction) return { ...guided, plan, conviction, strategy: STRATEGY };
    const outOfTime = (): boolean => options.outOfTime();
    const seed = random.bits();
    const { found } = hunt({ ...settings, source: program, seed, schedules: SCHEDULES, outOfTime });
    if (found) return { ...found, strategy: STRATEGY };
  }
  return undefined;
}
