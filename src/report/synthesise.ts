/**
 * Synthesis: from a policy without flush points to a set of them that hunting does not convict and of which none can go.
 * First it grows: what convicts the present set tells which point is missing. Then it shrinks, a point at a time.
 */
import { convicts, dropped, type Effort, Sweep } from '../hunt/flush-points-search.ts';
import { type Excluded, Judge, lossOf, type PointLoss, type PointSearchOptions, type Seen } from './point-loss.ts';

/** Points that were added because of a conviction: one, or several where no single one was enough. */
export interface Forced {
  readonly points: readonly string[];
  readonly seen: Seen;
}

export interface Synthesis {
  readonly forced: readonly Forced[];
  /** The set found, in the order of the policy's list; as far as it has come. */
  readonly points: readonly string[];
  readonly rejected: readonly { readonly point: string; readonly effort: Effort }[];
  /** Why each point of the set cannot go, once that has been tried. */
  readonly needed: readonly PointLoss[];
  /** Causes of convictions that all points together do not cure. */
  readonly uncured: readonly Excluded[];
  /** The search with the final set was done in full; false: time ended it. */
  readonly complete: boolean;
}

/** @param from the points to begin with; `update` is told what is known after each part of the work */
export function synthesise(
  options: PointSearchOptions,
  from: readonly string[],
  update: (sofar: Synthesis) => void,
): Synthesis {
  return new Growth(options, from, update).run();
}

class Growth {
  private readonly forced: Forced[] = [];
  private readonly uncured = new Map<string, Excluded>();
  private readonly needed: PointLoss[] = [];
  private readonly removed: { point: string; effort: Effort }[] = [];
  private readonly all: readonly string[];
  private points: readonly string[];
  private complete = false;

  constructor(
    private readonly options: PointSearchOptions,
    from: readonly string[],
    private readonly update: (sofar: Synthesis) => void,
  ) {
    this.all = options.policy.flushPoints.map((p) => p.name);
    this.points = from;
  }

  run(): Synthesis {
    let bound = this.grow();
    while (!bound) bound = this.grow();
    const absent = dropped(this.options.policy, this.points);
    for (const point of this.points) {
      const loss = this.lossOf(point);
      if (loss.seen) this.needed.push(loss);
      else {
        this.points = this.points.filter((p) => p !== point);
        this.removed.push({ point, effort: loss.effort });
      }
      this.update(this.sofar());
    }
    for (const point of absent) this.removed.push({ point, effort: bound });
    return this.sofar();
  }

  /** Searches with the present set. Undefined: a point was added; else what was searched without need of another. */
  private grow(): Effort | undefined {
    const { options, all, points } = this;
    options.stage(points.length > 0 ? `with ${points.join(', ')}` : 'with no point');
    const sweep = new Sweep(options, points);
    const judge = new Judge(options, points, all, this.uncured);
    for (const sighting of sweep.sightings()) {
      const seen = judge.judge(sighting);
      if (!seen) {
        this.update(this.sofar());
        continue;
      }
      const cure = this.cureOf(seen);
      this.points = all.filter((p) => points.includes(p) || cure.includes(p));
      this.forced.push({ points: cure, seen });
      this.update(this.sofar());
      return undefined;
    }
    this.complete = !options.outOfTime();
    return sweep.effort;
  }

  /** The first single point that makes the program clean, or the fewest of the others without which it is not. */
  private cureOf({ finding }: Seen): string[] {
    const { options, points } = this;
    const missing = dropped(options.policy, points);
    const cures = (more: readonly string[]) => !convicts(options, [...points, ...more], finding);
    const single = missing.find((p) => cures([p]));
    if (single !== undefined) return [single];
    let several = missing;
    for (const p of missing) {
      const fewer = several.filter((q) => q !== p);
      if (cures(fewer)) several = fewer;
    }
    return several;
  }

  /** What forced a point in may need it still; only if not is it searched for what else does. */
  private lossOf(point: string): PointLoss {
    const { options, points } = this;
    const rest = points.filter((p) => p !== point);
    const forced = this.forced.find((f) => f.points.includes(point));
    if (forced && convicts(options, rest, forced.seen.finding) && !convicts(options, points, forced.seen.finding)) {
      const says = options.policy.flushPoints.find((p) => p.name === point)?.says ?? '';
      const effort = { schedules: 0, steps: 0, scenarios: 0, programs: 0 };
      return { point, says, seen: forced.seen, effort, excluded: 0 };
    }
    return lossOf(
      options,
      points,
      point,
      [...this.uncured.values()].map((u) => u.seen),
    );
  }

  private sofar(): Synthesis {
    const { forced, points, removed, needed, uncured, complete } = this;
    return { forced, points, rejected: removed, needed, uncured: [...uncured.values()], complete };
  }
}
