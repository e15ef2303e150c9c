/**
 * Time of a cross-call between two CPUs that both run user code: call queued, interrupt sent, delivered at a point of the
 * target, handled, acknowledged. Beside it two bare threads that answer each other through words, spinning. Both sides are
 * sampled call by call, because a mean would show the host's scheduler instead.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { MachinePlan } from '../src/engine/machine-plan.ts';
import { MachineShape } from '../src/engine/machine-shape.ts';
import { stress } from '../src/engine/threads/threads.ts';
import type { Program } from '../src/program/program.ts';
import { ANSWER, END, RING } from './ipi-bare.ts';
import timer, { SAMPLES, TIMES } from './ipi-timer.ts';
import type { Measured } from './main.ts';
import { INCONCLUSIVE_PERCENT, type RoundOptions } from './rounds.ts';

const TARGET_NS = 2000;
/** Pages that the target touches meanwhile, all hits. */
const PAGES = 32;
const PAGE = 64;

const PROGRAM: Program = {
  name: 'ipi',
  machine: { cpus: 2, geometry: 'small' },
  tasks: [
    {
      name: 'sender',
      cpu: 0,
      mm: 0,
      ops: [
        { do: 'store', page: PAGE },
        { do: 'madvise', page: PAGE, advice: 'dontneed' },
      ],
    },
    { name: 'target', cpu: 1, mm: 0, ops: [{ do: 'touch', page: 2 * PAGE, pages: PAGES }] },
  ],
  history: [
    { task: 'sender', op: { do: 'mmap', page: PAGE, pages: 1, prot: 'rw', fixed: true } },
    { task: 'target', op: { do: 'mmap', page: 2 * PAGE, pages: PAGES, prot: 'rw', fixed: true, populate: true } },
  ],
};

export async function run({ rounds, milliseconds }: RoundOptions): Promise<Measured> {
  const engine: Percentiles[] = [];
  const bare: Percentiles[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await bareRoundTrip());
    engine.push(await engineRoundTrip(milliseconds));
  }
  const value = median(engine.map((p) => p.p50));
  const versus = median(bare.map((p) => p.p50));
  const bareSpread = spreadPercent(bare.map((p) => p.p50));
  const inconclusive = bareSpread > INCONCLUSIVE_PERCENT;
  return {
    name: 'ipi-round-trip',
    value,
    unit: 'ns',
    versus,
    ratio: Number((value / versus).toFixed(2)),
    verdict: inconclusive ? 'inconclusive' : value <= TARGET_NS ? 'met' : 'missed',
    target: `at most ${TARGET_NS} ns between two running CPUs`,
    spreadPercent: spreadPercent(engine.map((p) => p.p50)),
    versusSpreadPercent: bareSpread,
    p99: median(engine.map((p) => p.p99)),
    versusP99: median(bare.map((p) => p.p99)),
  };
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

async function engineRoundTrip(milliseconds: number): Promise<Percentiles> {
  const policy = new URL('./ipi-timer.js', import.meta.url).pathname;
  const plan = { program: PROGRAM, policy, patches: [], oracle: undefined, costs: 'timeless' };
  const result = await stress({
    plan,
    seed: 1,
    seconds: Math.max(milliseconds, 50) / 1000,
    roundOperations: 0,
    tickEvery: 0,
    keepRounds: true,
  });
  if (result.says !== '' || result.round === undefined) throw new Error(`ipi-round-trip: ${result.says}`);
  const { layout } = new MachineShape({ ...plan, policy: timer, patches: [] } satisfies MachinePlan);
  const { from } = layout.range(TIMES.name);
  const taken = Math.min(result.round.image[from], SAMPLES);
  return percentiles([...result.round.image.subarray(from + 1, from + 1 + taken)]);
}

async function bareRoundTrip(): Promise<Percentiles> {
  const words = new Int32Array(new SharedArrayBuffer(256));
  const far = new Worker(new URL('./ipi-bare.js', import.meta.url), { workerData: words });
  await once(far, 'message');
  const samples: number[] = [];
  for (let ring = 1; ring <= SAMPLES * 2; ring++) {
    const before = performance.now();
    Atomics.store(words, RING, ring);
    while (Atomics.load(words, ANSWER) !== ring);
    samples.push(Math.round((performance.now() - before) * 1e6));
  }
  Atomics.store(words, END, 1);
  await far.terminate();
  return percentiles(samples.slice(SAMPLES));
}

function percentiles(samples: readonly number[]): Percentiles {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)];
  return { p50: at(0.5), p99: at(0.99) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}

function spreadPercent(values: readonly number[]): number {
  return Math.round(((Math.max(...values) - Math.min(...values)) / median(values)) * 100);
}
