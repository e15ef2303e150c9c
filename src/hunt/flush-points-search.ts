/**
 * The search that ablation and synthesis share: a policy with some of its flush points, hunted in scenarios and then in
 * generated programs with the same effort whatever the points are, so that what is found can be compared.
 */
import { dropPoint } from '../bugs/drop-point.ts';
import { Stepper } from '../engine/stepper.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Program } from '../program/program.ts';
import { hunt, type RawFinding } from './hunt.ts';
import { HUNTING_COSTS, huntingPlan } from './hunting-plan.ts';
import { follow } from './schedule.ts';

export interface SearchPlan {
  readonly policy: Policy;
  readonly scenarios: readonly Scenario[];
  readonly seed: number;
  /** Schedules of one sweep at most: half of them in scenarios, the others in generated programs. */
  readonly schedules: number;
  /** Polled between schedules; true ends the sweep, or the check. */
  outOfTime(): boolean;
  /** Told from time to time how many schedules the sweep has run. */
  progress?(schedules: number): void;
}

interface Scenario {
  readonly name: string;
  readonly program: Program;
}

/** What has been searched. */
export interface Effort {
  readonly schedules: number;
  readonly steps: number;
  readonly scenarios: number;
  /** Generated ones. */
  readonly programs: number;
}

/** A conviction of a sweep. */
export interface Sighting {
  readonly raw: RawFinding;
  /** The scenario; undefined: a generated program. */
  readonly scenario: string | undefined;
  /** Schedules of the sweep so far. */
  readonly schedules: number;
}

/** Convictions of one scenario at most: the first one may not be the one that is asked for. */
const SCENARIO_TURNS = 4;
/** Schedules that a scenario gets at most, however many there are for all. */
const SCENARIO_MOST = 500;
/** A program counts as clean after so many times the schedules in which others were convicted, and so many at least. */
const CHECK_TIMES = 4;
const CHECK_LEAST = 1000;

/** One pass over everything that is searched, with the points named. */
export class Sweep {
  private readonly spent = { schedules: 0, steps: 0, scenarios: 0, programs: 0 };

  constructor(
    private readonly plan: SearchPlan,
    private readonly points: readonly string[],
  ) {}

  get effort(): Effort {
    return { ...this.spent };
  }

  /** Convictions one after another; whoever has seen enough stops asking. */
  *sightings(): Generator<Sighting> {
    const { plan, spent } = this;
    for (const { name, program } of plan.scenarios) {
      spent.scenarios++;
      const end = spent.schedules + scenarioShare(plan);
      for (let turn = 0; turn < SCENARIO_TURNS && spent.schedules < end && !plan.outOfTime(); turn++) {
        const { found } = this.hunt(program, end - spent.schedules, turn);
        if (!found) break;
        yield { raw: found, scenario: name, schedules: spent.schedules };
      }
    }
    for (let turn = 0; spent.schedules < plan.schedules && !plan.outOfTime(); turn++) {
      const { found, programs } = this.hunt('fuzz', plan.schedules - spent.schedules, turn);
      spent.programs += programs;
      if (found) yield { raw: found, scenario: undefined, schedules: spent.schedules };
    }
  }

  /** Each turn has a seed of its own. */
  private hunt(source: Program | 'fuzz', schedules: number, turn: number): ReturnType<typeof hunt> {
    const { plan, spent } = this;
    const patches = dropsFor(plan.policy, this.points);
    const seed = (plan.seed + Math.imul(turn, 0x9e3779b1)) >>> 0;
    const before = spent.schedules;
    const result = hunt({
      ...SETTINGS,
      ...{ policy: plan.policy, patches, source, schedules, seed },
      outOfTime: () => plan.outOfTime(),
      progress: (now) => plan.progress?.(before + now.schedules),
    });
    if (result.diverged) throw new Diverged();
    spent.schedules += result.schedules;
    spent.steps += result.steps;
    return result;
  }
}

/** A schedule run twice gave two results: a fault of the tool. */
export class Diverged extends Error {
  constructor() {
    super('one schedule run twice gave two results: the model is not deterministic');
  }
}

/** A run that convicts the policy with some of its points. */
export interface Run {
  readonly program: Program;
  readonly choices: readonly number[];
}

/** Is the policy with these points convicted, too, under the same schedule, as far as it is possible? */
export function convictsAlike({ policy }: SearchPlan, points: readonly string[], { program, choices }: Run): boolean {
  const patches = dropsFor(policy, points);
  const stepper = new Stepper(huntingPlan(program, { policy, patches, ...SETTINGS }));
  return follow(stepper, choices).conviction !== undefined;
}

/**
 * Is the policy with these points convicted in that program? Tried: the same schedule, then schedules that begin like it, then the
 * same search as elsewhere; both with several times the schedules. Not ended by time.
 */
export function convicts(plan: SearchPlan, points: readonly string[], run: Run): boolean {
  if (convictsAlike(plan, points, run)) return true;
  const { policy, seed } = plan;
  const schedules = Math.max(CHECK_LEAST, CHECK_TIMES * scenarioShare(plan));
  const outOfTime = (): boolean => {
    plan.outOfTime();
    return false;
  };
  const patches = dropsFor(policy, points);
  const { program: source, choices: recorded } = run;
  const search = { ...SETTINGS, policy, patches, source, schedules, seed, outOfTime };
  // a narrow race is found around the schedule that shows it, and hardly anywhere else
  if (hunt({ ...search, strategies: ['replay'], recorded }).found) return true;
  return hunt(search).found !== undefined;
}

const SETTINGS = { strict: false, costs: HUNTING_COSTS } as const;

function scenarioShare({ schedules, scenarios }: SearchPlan): number {
  return Math.min(SCENARIO_MOST, Math.max(1, Math.floor(schedules / 2 / Math.max(1, scenarios.length))));
}

/** Points of the policy that are not among those named. */
export function dropped(policy: Policy, points: readonly string[]): string[] {
  return policy.flushPoints.map((p) => p.name).filter((name) => !points.includes(name));
}

function dropsFor(policy: Policy, points: readonly string[]): Patch[] {
  return dropped(policy, points).map((name) => dropPoint(policy, name));
}
