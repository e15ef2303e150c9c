/**
 * What the log costs from which a violation of a parallel run is made a finding: operations per second of two threads that
 * map, touch and unmap, with the log of each round and without it. Both are truly parallel runs of the whole engine.
 */
import { stress } from '../src/engine/threads/threads.ts';
import { WORKLOADS } from '../workloads/index.ts';
import type { Measured } from './main.ts';
import { INCONCLUSIVE_PERCENT, type RoundOptions } from './rounds.ts';

const LOG_ENTRIES = 1 << 15;
const MOST_TIMES = 2;

export async function run({ rounds, milliseconds }: RoundOptions): Promise<Measured> {
  const logged: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    logged.push(await operationsPerSecond(LOG_ENTRIES, milliseconds));
    bare.push(await operationsPerSecond(0, milliseconds));
  }
  const [value, versus] = [median(logged), median(bare)];
  const ratio = versus / value;
  const spread = (Math.max(...bare) - Math.min(...bare)) / versus;
  const inconclusive = spread * 100 > INCONCLUSIVE_PERCENT;
  return {
    name: 'round-log',
    value: Math.round(value),
    unit: 'operations/s',
    versus: Math.round(versus),
    ratio: Number(ratio.toFixed(2)),
    verdict: inconclusive ? 'inconclusive' : ratio <= MOST_TIMES ? 'met' : 'missed',
    target: `at most ${MOST_TIMES} times slower than without a log`,
    versusSpreadPercent: Math.round(spread * 100),
  };
}

async function operationsPerSecond(logEntries: number, milliseconds: number): Promise<number> {
  const program = WORKLOADS.get('munmap-storm').program({ cpus: 2, seed: 1, scale: 1 });
  const plan = {
    program,
    policy: 'mainline',
    patches: [],
    oracle: { strict: false, threads: true },
    costs: 'timeless',
  };
  const { operations, seconds, says } = await stress({
    plan,
    seed: 1,
    seconds: milliseconds / 250,
    keepRounds: logEntries > 0,
    logEntries,
  });
  if (says !== '') throw new Error(says);
  return operations / seconds;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[(values.length - 1) >> 1];
}
