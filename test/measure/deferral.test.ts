import { expect, it } from 'vitest';
import { countRun } from '#tlblab/measure/experiments.js';
import { workloadSource } from '#tlblab/measure/sources.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { WORKLOADS } from '../../dist/workloads/index.js';

function counted(workload: string, policy: string) {
  const [{ program, seed }] = workloadSource(WORKLOADS.get(workload), { cpus: 3, seeds: [1] }).runs;
  return countRun({ program, policy: policyNamed(policy), patches: [], oracle: undefined, costs: 'bare-metal' }, seed);
}

it.each(['reclaim-pressure', 'page-cache', 'migrate-hot', 'tiering'])(
  '%s interrupts readers, and luf-v11 puts some of it off',
  (workload) => {
    const [eager, mainline, luf] = ['eager', 'mainline', 'luf-v11'].map((policy) => counted(workload, policy));
    expect(mainline.ipisSent).toBeGreaterThan(50);
    expect(mainline.deferred).toBe(0);
    expect(eager.requests).toBeGreaterThan(2 * mainline.requests);
    expect(luf.deferred).toBeGreaterThan(10);
    expect(luf.peakDebtFrames).toBeGreaterThan(10);
    expect(luf.requests).toBeLessThanOrEqual(mainline.requests);
  },
);
