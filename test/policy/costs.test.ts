/** What one reclaim of a page that another CPU reads costs under each policy, and what is paid when the frame is used again. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { HUNTING_COSTS, huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { type Counters, countersOf } from '#tlblab/measure/counters.js';
import { POLICIES } from '#tlblab/policy/index.js';
import {
  awaits,
  by,
  fileWrite,
  load,
  migrate,
  mmap,
  munmap,
  post,
  race,
  reclaim,
  store,
} from '#tlblab/program/builder.js';
import type { Op, Prot } from '#tlblab/program/program.js';

const FILE = { files: [{ name: 'f', pages: 4 }] };

type Costs = Pick<Counters, 'requests' | 'ipisSent' | 'deferred' | 'avoided' | 'merged' | 'peakDebtFrames'>;

/** P1 maps pages from 8 on from the file and reads them (or stores to them, if it may); P0 does `ops`, CPU by CPU as far as it goes. */
function costs(policy: string, ops: Op[], { prot = 'r' as Prot, pages = 1, frames = 40, cpus = 2 } = {}): Costs {
  const use = Array.from({ length: pages }, (_, i) => (prot === 'r' ? load(8 + i) : store(8 + i)));
  const program = race(
    { cpus, override: { pcpHigh: 8, frames } },
    {
      setup: [
        mmap(16, 4, 'rw', { fixed: true }),
        ...by('P1', mmap(8, pages, prot, { fixed: true, shared: true, file: 'f' }), ...use),
      ],
      P0: [...ops, post('done')],
      P1: { cpu: 1, mm: 1, ops: [awaits('done')] },
    },
    FILE,
  );
  const stepper = new Stepper(
    huntingPlan(program, { policy: POLICIES[policy], patches: [], strict: false, costs: HUNTING_COSTS }),
  );
  const before = countersOf(stepper.machine.columns, cpus);
  expect(stepper.run((s) => s.choices[0], 10_000)).toBe('finished');
  const after = countersOf(stepper.machine.columns, cpus);
  const since = (name: keyof Counters): number => after[name] - before[name];
  return {
    requests: since('requests'),
    ipisSent: since('ipisSent'),
    deferred: since('deferred'),
    avoided: since('avoided'),
    merged: since('merged'),
    peakDebtFrames: after.peakDebtFrames,
  };
}

const NOTHING = { requests: 0, ipisSent: 0, deferred: 0, avoided: 0, merged: 0, peakDebtFrames: 0 };
const FLUSHED = { ...NOTHING, requests: 1, ipisSent: 1 };
const DEFERRED = { ...NOTHING, deferred: 1, peakDebtFrames: 1 };

describe('one reclaim of a page mapped read-only', () => {
  it.each([
    ['never', NOTHING],
    ['eager', FLUSHED],
    ['mainline', FLUSHED],
    ['xen-clock', DEFERRED],
    ['luf-v11', DEFERRED],
    ['luf-coordinated', DEFERRED],
    // v12 counts no frames that wait
    ['luf-v12', { ...DEFERRED, peakDebtFrames: 0 }],
  ])('%s', (policy, expected) => {
    expect(costs(policy, [reclaim('f', 0)])).toEqual(expected);
  });
});

describe.each(['xen-clock', 'luf-v11', 'luf-coordinated'])('%s', (policy) => {
  it('pays when the frame is allocated again', () => {
    expect(costs(policy, [reclaim('f', 0), store(16)])).toEqual({ ...DEFERRED, requests: 1, ipisSent: 1 });
  });

  it('pays once', () => {
    const allocates = [store(16), store(17), store(18)];
    expect(costs(policy, [reclaim('f', 0), ...allocates])).toMatchObject({ ipisSent: 1, deferred: 1 });
  });

  it('pays at a write to the file', () => {
    expect(costs(policy, [reclaim('f', 0), fileWrite('f', 0)])).toMatchObject({ ipisSent: 1, deferred: 1 });
  });

  it('puts a migration off, too', () => {
    expect(costs(policy, [migrate('f', 0)])).toEqual(DEFERRED);
  });

  it('does not put off what was writable', () => {
    expect(costs(policy, [reclaim('f', 0)], { prot: 'rw' })).toMatchObject({ deferred: 0, peakDebtFrames: 0 });
    expect(costs(policy, [reclaim('f', 0)], { prot: 'rw' }).ipisSent).toBeGreaterThan(0);
  });

  it('leaves other flushes alone', () => {
    expect(costs(policy, [store(16), munmap(16, 4)])).toEqual(costs('mainline', [store(16), munmap(16, 4)]));
  });
});

describe('luf-coordinated', () => {
  // the thread that flushes runs on the last CPU, which nobody else uses
  const four = { pages: 4, frames: 31, cpus: 3 };

  it('flushes once more than an eighth of the frames wait for it', () => {
    expect(costs('luf-coordinated', [reclaim('f', 0, 3)], four)).toMatchObject({ ipisSent: 0, peakDebtFrames: 3 });
    expect(costs('luf-coordinated', [reclaim('f', 0, 4)], four)).toMatchObject({ ipisSent: 1, peakDebtFrames: 4 });
    expect(costs('luf-v11', [reclaim('f', 0, 4)], four)).toMatchObject({ ipisSent: 0, peakDebtFrames: 4 });
  });

  it('credits nothing for a flush that it sends after all', () => {
    const paid = costs('luf-coordinated', [reclaim('f', 0, 3), reclaim('f', 3)], four);
    expect(paid).toMatchObject({ deferred: 2, avoided: 1, ipisSent: 1 });
  });
});
