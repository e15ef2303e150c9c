import { afterAll, describe, expect, it } from 'vitest';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { LOG_RUN, logKind, logTicket } from '#tlblab/engine/threads/rounds-log.js';
import { type StressOptions, stress } from '#tlblab/engine/threads/threads.js';
import { WORKLOADS } from '../../dist/workloads/index.js';

function options(policy: string, workload: string, cpus: number, more: Partial<StressOptions> = {}): StressOptions {
  const program = WORKLOADS.get(workload).program({ cpus, seed: 3, scale: 1 });
  const plan = { program, policy, patches: [], oracle: { strict: false, threads: true }, costs: 'timeless' };
  return { plan, seed: 3, operations: 1000, ...more };
}

afterAll(() => POOL.close());

describe('correct policies under stress', () => {
  it.each(['mainline', 'eager'].flatMap((policy) => WORKLOADS.names.map((workload) => [policy, workload] as const)))(
    '%s is clean on %s',
    async (policy, workload) => {
      const result = await stress(options(policy, workload, 3, { chaos: 0.01 }));
      expect(result).toMatchObject({ verdict: 'clean', says: '' });
      expect(result.operations).toBeGreaterThanOrEqual(1000);
    },
  );
});

describe('never under stress', () => {
  it('is convicted on munmap-storm with a delay between operations, and its last round is kept', async () => {
    const delay = { point: 'user: between two operations', micros: 200 };
    const more = { operations: 100_000, delay, keepRounds: true, logEntries: 1 << 14 };
    const result = await stress(options('never', 'munmap-storm', 2, more));
    expect(result.verdict).toBe('violation');
    expect(result.findings[0].violation?.harm).toMatch(/^(frame-reuse|table-reuse|rights-bypass|va-reuse)$/);
    const logs = result.round?.logs ?? [];
    expect(logs).toHaveLength(2);
    // one place in the order of the round for each entry, and each CPU's entries in its own order
    const tickets = logs.map((log) => [...log].map(logTicket));
    expect(new Set(tickets.flat()).size).toBe(tickets.flat().length);
    for (const own of tickets) expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(logs.some((log) => [...log].some((entry) => logKind(entry) === LOG_RUN))).toBe(true);
  });
});
