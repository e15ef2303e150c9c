/** Ablation: the policy as published, then without each of its flush points in turn, all hunted with the same effort. */
import { type Effort, Sweep } from '../hunt/flush-points-search.ts';
import { kindOf } from './causes.ts';
import { lossOf, type PointLoss, type PointSearchOptions, type Seen, seenAs } from './point-loss.ts';

export interface Ablation {
  /** What convicts the policy as published, each cause once. */
  readonly published?: { readonly seen: readonly Seen[]; readonly effort: Effort };
  readonly points: readonly PointLoss[];
}

/** @param update told what is known after each part of the work */
export function ablate(options: PointSearchOptions, update: (sofar: Ablation) => void): Ablation {
  const all = options.policy.flushPoints.map((p) => p.name);
  options.stage('as published');
  const sweep = new Sweep(options, all);
  const causes = new Map<string, Seen>();
  for (const sighting of sweep.sightings()) {
    const cause = kindOf(sighting.raw);
    if (causes.has(cause)) continue;
    causes.set(cause, seenAs(options, all, sighting));
    update({ published: { seen: [...causes.values()], effort: sweep.effort }, points: [] });
  }
  const published = { seen: [...causes.values()], effort: sweep.effort };
  const points: PointLoss[] = [];
  update({ published, points });
  for (const point of all) {
    points.push(lossOf(options, all, point, published.seen));
    update({ published, points });
  }
  return { published, points };
}
