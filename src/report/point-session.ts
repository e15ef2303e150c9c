/** A search over flush points on behalf of a person, who is told what is known so far. */
import { listScenarios, loadScenario } from '../../workloads/index.ts';
import { loadPolicy, requireDrop } from '../engine/load.ts';
import { BadInput } from '../program/bad-input.ts';
import { type PointsRequest, PROGRESS, STOP_ALL, stops } from './hunter-protocol.ts';
import type { PointSearchOptions } from './point-loss.ts';

/** Runs a search over flush points. @throws BadInput if the policy has none, or not those to begin with */
export async function withPointSearch<T>(
  { tool, policy: named, seed, schedules, from }: PointsRequest,
  shared: SharedArrayBuffer,
  told: (sofar: T | string) => void | Promise<void>,
  work: (options: PointSearchOptions, update: (sofar: T) => void) => T,
): Promise<T> {
  const words = new Int32Array(shared);
  const policy = await loadPolicy(named);
  for (const point of from) requireDrop(point, policy);
  if (policy.flushPoints.length === 0) {
    throw new BadInput({
      what: 'no flush points',
      where: `policy ${policy.name}`,
      expected: 'a policy with flushPoints',
    });
  }
  const telling: (void | Promise<void>)[] = [];
  const tell = (what: T | string): void => {
    telling.push(told(what));
  };
  const options: PointSearchOptions = {
    ...{ tool, named, policy, seed, schedules },
    scenarios: listScenarios().map((name) => ({ name, program: loadScenario(name) })),
    outOfTime: () => {
      Atomics.add(words, PROGRESS.beat, 1);
      return Atomics.load(words, PROGRESS.over) >= words[PROGRESS.stage];
    },
    abandoned: () => stops(words, STOP_ALL),
    progress: (done) => {
      words[PROGRESS.schedules] = done;
    },
    stage: (says) => {
      Atomics.add(words, PROGRESS.stage, 1);
      tell(says);
    },
  };
  try {
    return work(options, tell);
  } finally {
    // the answer must not overtake what is told on the way
    await Promise.all(telling);
  }
}
