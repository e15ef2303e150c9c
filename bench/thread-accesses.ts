/**
 * User accesses per second of one CPU of the threads engine, TLB and oracle on, all hits, beside a bare loop of as many
 * `Atomics.load`. Timed in this thread, where the bare loop can take turns with it; what two real threads do at the same
 * time is given as a detail, because they share the memory's caches.
 */

import type { MachinePlan } from '../src/engine/machine-plan.ts';
import { MachineShape } from '../src/engine/machine-shape.ts';
import { stress } from '../src/engine/threads/threads.ts';
import { WorkerCpu } from '../src/engine/threads/worker-cpu.ts';
import { bindControl, bootImage, type RunLimits } from '../src/engine/threads/worker-machine.ts';
import type { CpuId } from '../src/hardware/types.ts';
import { policyNamed } from '../src/policy/index.ts';
import type { Program } from '../src/program/program.ts';
import type { Measured } from './main.ts';
import { INCONCLUSIVE_PERCENT, interleaved, type RoundOptions } from './rounds.ts';

const PAGES = 64;
const FIRST_PAGE = 64;
/** Operations in a call that is timed; each touches all pages. */
const TOUCHES = 512;
const TARGET_PER_SECOND = 30_000_000;

/** Every CPU loads from its own pages, again and again. */
function program(cpus: number): Program {
  const mine = (cpu: number): number => FIRST_PAGE + cpu * PAGES;
  const names = Array.from({ length: cpus }, (_, cpu) => `P${cpu}`);
  return {
    name: 'touch',
    machine: { cpus, geometry: 'small' },
    tasks: names.map((name, cpu) => ({ name, cpu, mm: 0, ops: [{ do: 'touch', page: mine(cpu), pages: PAGES }] })),
    history: names.flatMap((task, cpu) => [
      { task, op: { do: 'mmap', page: mine(cpu), pages: PAGES, prot: 'rw', fixed: true } },
      { task, op: { do: 'touch', page: mine(cpu), pages: PAGES, write: true } },
    ]),
  };
}

export async function run(options: RoundOptions): Promise<Measured> {
  const { bare, engine, noOracle } = interleaved(
    { bare: bareLoop(), engine: accesses(true), noOracle: accesses(false) },
    options,
  );
  const perCall = TOUCHES * PAGES;
  const value = engine.perSecond * perCall;
  const ratio = bare.perSecond / engine.perSecond;
  const inconclusive = bare.spreadPercent > INCONCLUSIVE_PERCENT;
  return {
    name: 'thread-accesses',
    value: Math.round(value),
    unit: '1/s',
    versus: Math.round(bare.perSecond * perCall),
    ratio: Number(ratio.toFixed(2)),
    verdict: inconclusive ? 'inconclusive' : value >= TARGET_PER_SECOND ? 'met' : 'missed',
    target: `at least ${TARGET_PER_SECOND} 1/s for each CPU`,
    spreadPercent: Math.round(engine.spreadPercent),
    versusSpreadPercent: Math.round(bare.spreadPercent),
    oraclePricePercent: Math.round((1 - engine.perSecond / noOracle.perSecond) * 100),
    twoThreadsEach: await together(options),
  };
}

/** Runs the only CPU of a machine from one rest to the next. */
function accesses(withOracle: boolean): () => void {
  const limits: RunLimits = { repeat: true, restart: false, roundOperations: 0, operations: TOUCHES, logEntries: 0 };
  const plan: MachinePlan = {
    program: program(1),
    policy: policyNamed('mainline'),
    patches: [],
    oracle: withOracle ? { strict: false, threads: true } : undefined,
    costs: 'timeless',
  };
  const shared = bootImage(plan, limits, false);
  const { control } = bindControl(new MachineShape(plan), limits, shared);
  const injection = { seed: 1, chaos: 0, tickEvery: 0, breathes: false };
  const cpu = new WorkerCpu(plan, shared, 0 as CpuId, limits, injection, () => performance.now());
  return () => {
    control.run.stop.store(0, 0);
    control.board.operations.store(0 as CpuId, 0);
    const violation = cpu.run();
    if (violation) throw new Error(`mainline was convicted: ${violation.says}`);
  };
}

function bareLoop(): () => void {
  const words = new Int32Array(new SharedArrayBuffer(PAGES * 64 * Int32Array.BYTES_PER_ELEMENT));
  let sum = 0;
  return () => {
    for (let i = 0; i < TOUCHES; i++) {
      for (let page = 0; page < PAGES; page++) sum = (sum + Atomics.load(words, page * 64)) | 0;
    }
  };
}

/** Accesses per second of each of two CPUs in threads of their own, median of runs as long as the rounds. */
async function together({ rounds, milliseconds }: RoundOptions): Promise<number> {
  const rates: number[] = [];
  const plan = {
    program: program(2),
    policy: 'mainline',
    patches: [],
    oracle: { strict: false, threads: true },
    costs: 'timeless',
  };
  for (let round = 0; round < rounds; round++) {
    const { accesses, seconds, says } = await stress({
      plan,
      seed: 1,
      seconds: milliseconds / 250,
      roundOperations: 0,
    });
    if (says !== '') throw new Error(says);
    rates.push(accesses / seconds / 2);
  }
  rates.sort((a, b) => a - b);
  return Math.round(rates[(rates.length - 1) >> 1]);
}
