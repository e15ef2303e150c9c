import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PATCHES } from '#tlblab/engine/load.js';
import { measure, type Subject } from '#tlblab/measure/experiments.js';
import { measuredJson, measuredTable, measuredText } from '#tlblab/measure/result-json.js';
import { type Source, traceSource, workloadSource } from '#tlblab/measure/sources.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { definePolicy, type Policy } from '#tlblab/policy/policy.js';
import { mmap, munmap, race, write } from '#tlblab/program/builder.js';
import { defineWorkload } from '#tlblab/program/workload.js';

const bare = (policy: Policy): Subject => ({ name: policy.name, policy, patches: [] });
const mainline = bare(policyNamed('mainline'));
const eager = bare(policyNamed('eager'));

/** Threads that map, write and unmap pages of one address space. */
const churn = defineWorkload({
  name: 'churn',
  says: 'maps and unmaps',
  params: {},
  program: ({ cpus, seed }) =>
    race(
      { cpus, geometry: 'small' },
      Object.fromEntries(
        Array.from({ length: cpus }, (_, i) => {
          const page = 64 * (i + 1);
          const pages = 2 + ((seed + i) % 5);
          return [`T${i}`, [mmap(page, pages, 'rw', { fixed: true }), write(page, pages), munmap(page, pages)]];
        }),
      ),
      { name: 'churn', rounds: 4 },
    ),
});

function measured({ name, runs, headline, inference, notes }: Source, policies = [eager]) {
  const result = measure({ workload: name, runs, headline, policies, baseline: mainline, costs: 'bare-metal' });
  return { result, inference, notes };
}

it('gives the same bytes twice', () => {
  const once = () => measured(workloadSource(churn, { cpus: 3, seeds: [1, 2, 3] }));
  const [first, second] = [once(), once()];
  expect(JSON.stringify(measuredJson(first))).toBe(JSON.stringify(measuredJson(second)));
  expect(measuredText(first)).toBe(measuredText(second));
});

it('measures the baseline too, and compares run by run', () => {
  const { result } = measured(workloadSource(churn, { cpus: 3, seeds: [1, 2, 3] }));
  expect(result.policies.map((p) => p.name)).toEqual(['mainline', 'eager']);
  const [base, other] = result.policies;
  expect(base.vsBaseline.requests).toEqual({ median: 0, min: 0, max: 0 });
  // one shootdown per page instead of one per call
  expect(other.samples[0].counters.requests).toBeGreaterThan(base.samples[0].counters.requests);
  expect(other.samples[0].each.every((c, i) => c.accesses === base.samples[0].each[i].accesses)).toBe(true);
});

it('says so when a policy breaks the machine, and goes on with the others', () => {
  const broken = definePolicy({
    name: 'broken',
    says: 'stops the machine',
    base: 'mainline 6.18',
    *flushTlbMmRange(cpu) {
      cpu.bug('no flush today');
    },
  });
  const { result } = measured(workloadSource(churn, { cpus: 2, seeds: [1] }), [bare(broken), eager]);
  expect(result.policies.find((p) => p.name === 'broken')?.failed).toContain('no flush today');
  expect(result.policies.find((p) => p.name === 'eager')?.failed).toBeUndefined();
});

const LOG = new URL('../../workloads/data/strace-node-2workers.log', import.meta.url);

it('runs a recorded trace under every touch inference, and says what was inferred', () => {
  const source = traceSource(readFileSync(LOG, 'utf8'), 'node.log', { cpus: 2, seeds: [7] });
  expect(source.runs.map((r) => r.variant)).toEqual(['touch-on-map', 'none', 'touch-all']);
  expect(source.notes.join('\n')).toContain('934 calls of 13 threads: 834 replayed');
  const runs = source.runs.filter((r) => r.variant !== 'touch-all');
  const { result } = measured({ ...source, runs });
  const [base, other] = result.policies;
  expect(base.samples.map((s) => s.variant)).toEqual(['touch-on-map', 'none']);
  expect(other.samples[0].counters.requests).toBeGreaterThan(base.samples[0].counters.requests);
  expect(base.samples[1].counters.accesses).toBe(0);
});

it('measures a policy with patches beside the same without, and tells all in one table', () => {
  const policy = policyNamed('mainline');
  const patched = { name: 'mainline+t1-14-none', policy, patches: [PATCHES['t1-14-none']] };
  const both = measured(workloadSource(churn, { cpus: 3, seeds: [1, 2] }), [mainline, patched]);
  const [base, other] = both.result.policies;
  expect(base.samples[0].counters.ipisSent).toBeGreaterThan(0);
  expect(other.samples[0].counters.ipisSent).toBe(0);
  const lines = measuredTable(both).split('\n');
  expect(lines[2]).toBe('| policy | requests | ipisSent | handlerRuns | fullFlushes | deferred | cycles |');
  expect(lines[5]).toMatch(/^\| mainline\+t1-14-none \| .* \| 0 \(-100\.0 %\) \|/);
});
