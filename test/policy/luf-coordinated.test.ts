/** luf-coordinated: when its thread flushes what was put off, who pays, and what its two flush points are for. */
import { afterAll, describe, expect, it } from 'vitest';
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { stress } from '#tlblab/engine/threads/threads.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { Verifier } from '#tlblab/hunt/verify/verify.js';
import { countRun } from '#tlblab/measure/experiments.js';
import { lufCoordinated } from '#tlblab/policy/luf-coordinated.js';
import { LUF } from '#tlblab/policy/luf-tables.js';
import { lufV11 } from '#tlblab/policy/luf-v11.js';
import type { Policy } from '#tlblab/policy/policy.js';
import { by, load, migrate, mmap, race, read, reclaim } from '#tlblab/program/builder.js';
import type { Op } from '#tlblab/program/program.js';
import { loadScenario, WORKLOADS } from '../../dist/workloads/index.js';

const PAGES = 8;
/** Of 31 frames three may wait; more than six, and whoever notices pays. */
const FRAMES = 31;
/** The reader's CPU, the one that puts flushes off, and the last one, on which nothing but the thread runs. */
const [READER, PAYER, FLUSHER] = [0, 1, 2] as CpuId[];
const [NOBODY, THREAD, INLINE] = [
  { requests: [0, 0, 0], owed: true },
  { requests: [0, 0, 1], owed: false },
  { requests: [0, 1, 0], owed: false },
];

/** K does `ops` to a file that the reader has read; then timers fire on those CPUs, each when nothing else is to be done. */
function flushes(ops: Op[], { ticks = [] as CpuId[], drop = '' } = {}) {
  const program = race(
    { cpus: 3, override: { frames: FRAMES, pcpHigh: 16 } },
    {
      setup: [mmap(8, PAGES, 'r', { fixed: true, shared: true, file: 'f' }), read(8, PAGES)],
      P0: [],
      K: { cpu: PAYER, kthread: true, ops },
    },
    { files: [{ name: 'f', pages: PAGES }] },
  );
  const patches = drop === '' ? [] : [dropPoint(lufCoordinated, drop)];
  const stepper = new Stepper(
    huntingPlan(program, { policy: lufCoordinated, patches, strict: false, costs: 'bare-metal' }),
  );
  const { columns, handles } = stepper.machine;
  const requests = () => [READER, PAYER, FLUSHER].map((id) => columns.kcount.requests.peek(id));
  const before = requests();
  expect(stepper.run(({ choices }) => choices[0], 10_000)).toBe('finished');
  for (const id of ticks) {
    stepper.step(stepper.tickChoice(id) as never);
    expect(stepper.run(({ choices }) => choices[0], 10_000)).toBe('finished');
  }
  const owed = handles[0].wordsOf(LUF).ubcFlushRequired.peek(0) === 1;
  return { requests: requests().map((n, id) => n - before[id]), owed };
}

describe('under pressure', () => {
  it('the thread flushes, on its CPU, once more than an eighth of the frames wait; until then nobody does', () => {
    expect(flushes([reclaim('f', 0, 3)])).toEqual(NOBODY);
    expect(flushes([reclaim('f', 0, 4)])).toEqual(THREAD);
    expect(flushes([reclaim('f', 0, 2), reclaim('f', 2, 2)])).toEqual(THREAD);
    expect(flushes([migrate('f', 0, 4)])).toEqual(THREAD);
  });

  it('whoever notices pays himself once twice as many wait', () => {
    // one list of reclaim is looked at when it is done
    expect(flushes([reclaim('f', 0, 7)])).toEqual(INLINE);
  });

  it('without the flush point nobody does', () => {
    for (const n of [4, 7]) expect(flushes([reclaim('f', 0, n)], { drop: 'pressure' })).toEqual(NOBODY);
  });
});

describe('by timer', () => {
  const one = [reclaim('f', 0)];

  it('the thread flushes when a CPU has its second tick since the oldest debt', () => {
    expect(flushes(one, { ticks: [READER] })).toEqual(NOBODY);
    expect(flushes(one, { ticks: [READER, PAYER, FLUSHER] })).toEqual(NOBODY);
    expect(flushes(one, { ticks: [READER, READER] })).toEqual(THREAD);
    expect(flushes(one, { ticks: [FLUSHER, READER, FLUSHER] })).toEqual(THREAD);
  });

  it('flushes once, and not for nothing', () => {
    expect(flushes(one, { ticks: [READER, READER, READER, READER, PAYER, PAYER] })).toEqual(THREAD);
    expect(flushes([], { ticks: [READER, READER] })).toEqual({ requests: [0, 0, 0], owed: false });
  });

  it('needs no pressure, and pressure needs no timer', () => {
    expect(flushes(one, { ticks: [READER, READER], drop: 'pressure' })).toEqual(THREAD);
    expect(flushes([reclaim('f', 0, 4)], { drop: 'timer' })).toEqual(THREAD);
  });

  it('without the flush point nobody flushes', () => {
    expect(flushes(one, { ticks: [READER, READER], drop: 'timer' })).toEqual(NOBODY);
  });
});

describe('what is owed', () => {
  /** A reader goes through the file again and again; the daemon takes whatever it maps. */
  const program = race(
    { cpus: 3, geometry: 'small', override: { frames: 512, filePages: 256 } },
    {
      setup: [mmap(32, 192, 'r', { fixed: true, shared: true, file: 'f' }), read(32, 192), ...by('P1', read(32, 192))],
      P0: [load(32)],
      P1: [load(33)],
      K: { cpu: 2, kthread: true, ops: [reclaim('f', 0, 192)] },
    },
    { files: [{ name: 'f', pages: 192 }] },
  );
  const peak = (policy: Policy): number =>
    countRun({ program, policy, patches: [], oracle: undefined, costs: 'bare-metal' }, 1).peakDebtFrames;

  it('is bounded where v11 lets it grow: twice the limit and a batch', () => {
    const bound = 2 * (512 >> 3) + 31;
    expect(peak(lufV11)).toBeGreaterThan(bound);
    expect(peak(lufCoordinated)).toBeLessThanOrEqual(bound);
    expect(peak(lufCoordinated)).toBeGreaterThan(0);
  });
});

describe('conformance', () => {
  afterAll(() => POOL.close());

  const source = { policy: lufCoordinated, patches: [], strict: false, costs: 'bare-metal', outOfTime: () => false };

  it.each(['munmap-touch', 'dontneed-touch', 'seed-page-cache', 'truncate-touch'])(
    'in the stepper it is clean in %s, as v11 is',
    (scenario) => {
      const hunted = hunt({ ...source, source: loadScenario(scenario), seed: 7, schedules: 500 });
      expect(hunted).toMatchObject({ found: undefined, diverged: false, schedules: 500 });
    },
  );

  it('every state of a program in which the thread flushes can be reached', () => {
    const small = race(
      { cpus: 2, override: { frames: 15 } },
      {
        setup: [mmap(8, 2, 'r', { fixed: true, shared: true, file: 'f' }), read(8, 2)],
        P0: [],
        K: { cpu: 1, kthread: true, ops: [reclaim('f', 0, 2)] },
      },
      { files: [{ name: 'f', pages: 2 }] },
    );
    const verified = new Verifier(huntingPlan(small, source)).run(() => false);
    expect(verified).toMatchObject({ complete: true, diverged: false, found: undefined });
  });

  it.each(['munmap-storm', 'reclaim-pressure', 'migrate-hot'])('in threads it is clean on %s', async (workload) => {
    const program = WORKLOADS.get(workload).program({ cpus: 3, seed: 3, scale: 1 });
    const oracle = { strict: false, threads: true };
    const plan = { program, policy: 'luf-coordinated', patches: [], oracle, costs: 'timeless', audit: true };
    const result = await stress({ plan, seed: 3, operations: 1000, tickEvery: 500 });
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    expect(result.audit?.checks).toBeGreaterThan(0);
    expect(result.audit?.found).toEqual({});
  });

  it('in threads its own thread runs: without any other flush point than the timer, debts are paid', async () => {
    const program = race(
      { cpus: 2 },
      {
        setup: [mmap(8, 8, 'r', { fixed: true, shared: true, file: 'f' })],
        P0: [read(8, 8)],
        K: { cpu: 1, kthread: true, ops: [reclaim('f', 0, 8)] },
      },
      { files: [{ name: 'f', pages: 8 }] },
    );
    const patches = ['drop:pressure', 'drop:fileWrite', 'drop:allocate', 'drop:lostRace'];
    const plan = { program, policy: 'luf-coordinated', patches, oracle: undefined, costs: 'timeless' };
    const paid = async (more: string[]) => {
      const run = await stress({
        plan: { ...plan, patches: [...patches, ...more] },
        seed: 3,
        operations: 2000,
        tickEvery: 200,
      });
      expect(run).toMatchObject({ verdict: 'clean', says: '' });
      return run.counters.avoided;
    };
    expect(await paid([])).toBeGreaterThan(0);
    expect(await paid(['drop:timer'])).toBe(0);
  });
});
