import { afterAll, describe, expect, it } from 'vitest';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { type StressOptions, type StressResult, StressRun, stress } from '#tlblab/engine/threads/threads.js';
import { by, exit, fork, load, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

const oracle = { strict: false, threads: true };
const plugin = (name: string): string => `test/engine/plugins/${name}.mjs`;

/** Every CPU maps, fills, reads and unmaps pages that its neighbour reads. */
function storm(cpus: number): Program {
  const region = (i: number): number => 32 * (1 + (i % cpus));
  return {
    name: 'storm',
    machine: { cpus, geometry: 'small' },
    tasks: Array.from({ length: cpus }, (_, i) => ({
      name: `P${i}`,
      cpu: i,
      mm: 0,
      ops: [
        { do: 'mmap', page: region(i), pages: 3, prot: 'rw', fixed: true },
        { do: 'touch', page: region(i), pages: 3, write: true },
        { do: 'touch', page: region(i + 1), pages: 3 },
        { do: 'munmap', page: region(i), pages: 3 },
        { do: 'touch', page: region(i + 1), pages: 3 },
      ],
    })),
    history: [],
  };
}

function options(policy: string, cpus: number, more: Partial<StressOptions> = {}): StressOptions {
  const plan = { program: storm(cpus), policy, patches: [], oracle, costs: 'timeless' };
  return { plan, seed: 7, operations: 2000, ...more };
}

afterAll(() => POOL.close());

describe('threads', () => {
  it.each([2, 4, 8])('runs mainline on %i CPUs to the bound of operations, and acquits it', async (cpus) => {
    const result = await stress(options('mainline', cpus));
    expect(result).toMatchObject({ verdict: 'clean', says: '', findings: [], interrupted: false });
    expect(result.operations).toBeGreaterThanOrEqual(2000);
    expect(result.rounds).toBeGreaterThan(2);
    expect(result.counters.ipisSent).toBeGreaterThan(0);
    expect(result.counters.accesses).toBe(result.accesses);
  });

  it('acquits eager under chaos', async () => {
    expect(await stress(options('eager', 4, { chaos: 0.05 }))).toMatchObject({ verdict: 'clean', says: '' });
  });

  it('convicts never, which leaves translations of what is unmapped', async () => {
    const delay = { point: 'user: between two operations', micros: 200 };
    const result = await stress(options('never', 2, { operations: 200_000, delay }));
    expect(result.verdict).toBe('violation');
    expect(['frame-reuse', 'rights-bypass', 'va-reuse', 'table-reuse']).toContain(result.findings[0].harm);
    expect(result.findings[0].violation?.stale ?? true).toBe(true);
  });

  it('asks at rest what entries would do that nobody uses, and keeps the log of the round that left them', async () => {
    const program = race(
      { cpus: 2 },
      { setup: [mmap(8, 2, 'rw', { fixed: true }), store(8), ...by('P1', load(8))], P0: [munmap(8)], P1: [load(9)] },
    );
    const run = (policy: string): Promise<StressResult> =>
      stress({
        plan: { program, policy, patches: [], oracle, costs: 'timeless' },
        seed: 1,
        repeat: 'no',
        keepRounds: true,
        logEntries: 1000,
      });
    expect(await run('mainline')).toMatchObject({ verdict: 'clean' });
    const { verdict, findings, round } = await run('never');
    expect(verdict).toBe('violation');
    expect(findings[0]).toMatchObject({ harm: 'rights-bypass', violation: { probe: true, vpn: 8 } });
    expect(round?.logs.every((log) => log.length > 0)).toBe(true);
  });

  it('reports a broken assertion of the kernel as such', async () => {
    const result = await stress(options(plugin('asserts'), 2));
    expect(result.verdict).toBe('violation');
    expect(result.findings[0]).toMatchObject({ harm: 'kernel-assert' });
    expect(result.says).toContain('a flush was asked for');
  });

  it("runs a policy's own thread, however often the program begins again", async () => {
    const result = await stress(options(plugin('counts'), 2));
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    // one munmap in five operations wakes it; wakes do not add up
    expect(result.counters.promoted).toBeGreaterThan(10);
    expect(result.counters.promoted).toBeLessThanOrEqual(result.operations / 5 + 2);
    const again = await stress(options(plugin('counts'), 2, { operations: 500, repeat: 'program' }));
    expect(again).toMatchObject({ verdict: 'clean', says: '' });
    expect(again.restarts).toBeGreaterThan(20);
    expect(again.counters.promoted).toBeGreaterThan(again.restarts);
  });

  it('contains a path that throws', async () => {
    const result = await stress(options(plugin('throws'), 4));
    expect(result).toMatchObject({ verdict: 'error', seed: 7 });
    expect(result.says).toContain('out of ideas');
  });

  it('contains a thread that ends', async () => {
    const result = await stress(options(plugin('exits'), 2));
    expect(result).toMatchObject({ verdict: 'error', seed: 7 });
    expect(result.says).toContain('ended with code 3');
  });

  it('ends a plug-in that passes no point any more, and says where it was seen last', async () => {
    const result = await stress(options(plugin('hangs'), 2, { patience: 1 }));
    expect(result).toMatchObject({ verdict: 'error', seed: 7 });
    expect(result.says).toMatch(/^hang: no operation ended for 1 s, and CPU\d reaches no point; it was last seen at "/);
  });

  it('says who waits for what when every CPU waits', async () => {
    const result = await stress(options(plugin('waits'), 2, { patience: 1 }));
    expect(result.verdict).toBe('deadlock');
    expect(result.findings[0].harm).toBe('deadlock');
    expect(result.says).toMatch(
      /CPU\d waits at "waits: for a generation that nobody raises" for mm\[1\]\.tlbGen to change/,
    );
    expect(result.says).toMatch(/CPU0 .*; CPU1 /);
  });

  it('refuses a policy, a point and a machine that do not exist', async () => {
    await expect(stress(options('nevre', 2))).rejects.toThrow('policy "nevre": no such name');
    const delay = { point: 'nowhere', micros: 1 };
    await expect(stress(options('mainline', 2, { delay }))).rejects.toThrow('no point "nowhere"');
    const impossible = options('mainline', 2);
    const program = { ...impossible.plan.program, machine: { cpus: 2, override: { frames: 1 } } };
    await expect(stress({ ...impossible, plan: { ...impossible.plan, program } })).rejects.toThrow('frames = 1');
  });

  it('stops at a signal, and completes its streams', async () => {
    const abort = new AbortController();
    const run = new StressRun(options('mainline', 2, { operations: undefined, signal: abort.signal }));
    const looks: number[] = [];
    let completed = false;
    run.progress$.subscribe({
      next: ({ operations }) => {
        looks.push(operations);
        if (looks.length === 3) abort.abort();
      },
      complete: () => {
        completed = true;
      },
    });
    expect(await run.result).toMatchObject({ verdict: 'clean', interrupted: true });
    expect(completed).toBe(true);
    expect(looks[2]).toBeGreaterThan(looks[0]);
  });

  it('begins a scenario again, history included, when all its tasks have ended', async () => {
    const result = await stress(options('mainline', 2, { operations: 500, repeat: 'program' }));
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    // each time, two tasks do five operations
    expect(result.restarts).toBeGreaterThan(20);
  });

  it.each([0, 1, 2])('runs a child of the history on CPU %i, also if that one was at rest', async (cpu) => {
    const program = race(
      { cpus: 3 },
      {
        setup: [
          ...by('P0', mmap(4, 1, 'rw', { fixed: true }), store(4), fork('C')),
          ...by('C', store(4), exit()),
          ...by('P0', store(4)),
        ],
        P0: [load(4)],
        C: { cpu, forkedBy: 'P0', ops: [] },
      },
      { name: 'born-in-history' },
    );
    const plan = { program, policy: 'mainline', patches: [], oracle, costs: 'timeless' };
    expect(await stress({ plan, seed: 7, repeat: 'no', tickEvery: 0 })).toMatchObject({ verdict: 'clean', says: '' });
  });

  it('starts a program again when all its tasks have ended', async () => {
    const program: Program = {
      name: 'ends',
      machine: { cpus: 2, geometry: 'tiny' },
      tasks: [0, 1].map((cpu) => ({
        name: `P${cpu}`,
        cpu,
        mm: 0,
        ops: [{ do: 'store', page: 4 }, { do: 'exit' }],
      })),
      history: [{ task: 'P0', op: { do: 'mmap', page: 4, pages: 1, prot: 'rw', fixed: true } }],
    };
    const plan = { program, policy: 'mainline', patches: [], oracle, costs: 'timeless' };
    const result = await stress({ plan, seed: 1, operations: 200 });
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    expect(result.restarts).toBeGreaterThan(10);
    // counters go on counting from one start to the next
    expect(result.accesses).toBeGreaterThan(result.restarts);
  });
});
