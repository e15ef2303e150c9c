/**
 * What the loss of a flush point does: the first conviction of the policy without it that the policy with it does not
 * have. Ablation asks it of every point of a policy, synthesis of every point that it has chosen.
 */
import { DROP, isPluginPath } from '../engine/load.ts';
import {
  convicts,
  convictsAlike,
  dropped,
  type Effort,
  type SearchPlan,
  type Sighting,
  Sweep,
} from '../hunt/flush-points-search.ts';
import type { Finding } from '../program/finding.ts';
import { buildFinding, FULL_BUDGET, NO_BUDGET } from './build-finding.ts';
import { kindOf } from './causes.ts';

export interface PointSearchOptions extends SearchPlan {
  readonly tool: string;
  /** As the person named it: a built-in name or a path. */
  readonly named: string;
  /** Polled while a finding is worked on; true ends that early. */
  abandoned(): boolean;
  /** A new part of the work begins, with a time limit of its own. */
  stage(says: string): void;
}

/** A conviction, shrunk, and where it was seen. */
export interface Seen {
  readonly finding: Finding;
  /** Harm, operation that ended the translation, access that showed it. */
  readonly cause: string;
  readonly scenario: string | undefined;
  /** Schedules until then. */
  readonly schedules: number;
}

export interface PointLoss {
  readonly point: string;
  readonly says: string;
  /** What the loss does; undefined: nothing that was found. */
  readonly seen: Seen | undefined;
  readonly effort: Effort;
  /** Convictions that the policy has with the point, too. */
  readonly excluded: number;
}

/** Looks for what the policy with the points `present` loses with `point`. @param known causes that it is convicted for anyway */
export function lossOf(
  options: PointSearchOptions,
  present: readonly string[],
  point: string,
  known: readonly Seen[],
): PointLoss {
  const rest = present.filter((p) => p !== point);
  const says = options.policy.flushPoints.find((p) => p.name === point)?.says ?? '';
  options.stage(`without ${point}`);
  const sweep = new Sweep(options, rest);
  const judge = new Judge(options, rest, present, new Map(known.map((seen) => [seen.cause, { seen, count: 0 }])));
  for (const sighting of sweep.sightings()) {
    const seen = judge.judge(sighting);
    if (seen) return { point, says, seen, effort: sweep.effort, excluded: judge.nrExcluded };
  }
  return { point, says, seen: undefined, effort: sweep.effort, excluded: judge.nrExcluded };
}

/** Convictions of one cause that are not due to missing points. */
export interface Excluded {
  /** The first one. */
  readonly seen: Seen;
  count: number;
}

/** Convictions of one cause that are shrunk although others of it were excluded. */
const SHRUNK = 8;

/** Sorts out convictions that are not due to the missing points. */
export class Judge {
  /** Convictions of the policy with the points `less` are judged by whether it has them with `more`, too. */
  constructor(
    private readonly options: PointSearchOptions,
    private readonly less: readonly string[],
    private readonly more: readonly string[],
    /** By cause. */
    private readonly excluded = new Map<string, Excluded>(),
  ) {}

  get nrExcluded(): number {
    return [...this.excluded.values()].reduce((sum, e) => sum + e.count, 0);
  }

  /** The finding, if the policy with more points is clean on its program. */
  judge(sighting: Sighting): Seen | undefined {
    const { options, more } = this;
    const { raw } = sighting;
    const asFound = { program: raw.plan.program, choices: raw.choices };
    const known = this.excluded.get(kindOf(raw));
    // shrinking takes long: not again for what is the same run with more points, or has turned out to be the same often
    if (
      known &&
      (convictsAlike(options, more, asFound) || (known.count > SHRUNK && convicts(options, more, asFound)))
    ) {
      known.count++;
      return undefined;
    }
    const seen = seenAs(options, this.less, sighting);
    if (!convicts(options, more, seen.finding)) return seen;
    // shrinking may have gone over to a cause that the policy has anyway
    if (!convicts(options, more, asFound)) return seenAs(options, this.less, sighting, NO_BUDGET);
    if (known) known.count++;
    else this.excluded.set(seen.cause, { seen, count: 1 });
    return undefined;
  }
}

/** The finding of a sighting under the policy with those points. */
export function seenAs(
  { policy, named, tool, seed, abandoned }: PointSearchOptions,
  points: readonly string[],
  { raw, scenario, schedules }: Sighting,
  budget = FULL_BUDGET,
): Seen {
  const patches = dropped(policy, points).map((name) => `${DROP}${name}`);
  const plugins = [named].filter(isPluginPath);
  const finding = buildFinding(raw, { tool, policy: named, patches, seed, plugins, mail: false }, budget, abandoned);
  return { finding, cause: kindOf(raw), scenario, schedules };
}
