/** LUF v11: when its flushes happen. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { by, fileRead, fileWrite, load, migrate, mmap, race, reclaim, store } from '#tlblab/program/builder.js';
import type { Op } from '#tlblab/program/program.js';

/** Interrupts sent by operations done one after another, behind a mapping of `f` that CPU 0 and CPU 1 have read. */
function ipis(policy: string, then: { task: string; op: Op }[], prot: 'r' | 'rw' = 'r'): number {
  const warm = [mmap(8, 2, prot, { fixed: true, shared: true, file: 'f' }), load(8), ...by('P1', load(8))];
  const program = (setup: { task: string; op: Op }[]) =>
    race(
      { cpus: 3 },
      {
        setup: [...warm, ...(prot === 'rw' ? [store(8)] : []), ...setup],
        P0: [],
        P1: [],
        K: { kthread: true, ops: [] },
      },
      {
        files: [
          { name: 'f', pages: 2 },
          { name: 'g', pages: 2 },
        ],
      },
    );
  const sent = (setup: { task: string; op: Op }[]): number => {
    const of = { policy: POLICIES[policy], patches: [], strict: false, costs: 'bare-metal' };
    const { machine } = new Stepper(huntingPlan(program(setup), of));
    const { ipisSent } = machine.columns.count;
    return [0, 1, 2].reduce((sum, id) => sum + ipisSent.peek(id as never), 0);
  };
  return sent(then) - sent([]);
}

const reclaimed = by('K', reclaim('f', 0));

describe('luf-v11', () => {
  it('reclaim of a page that is mapped read-only sends nothing; mainline tells both readers', () => {
    expect(ipis('mainline', reclaimed)).toBe(2);
    expect(ipis('luf-v11', reclaimed)).toBe(0);
  });

  it('a page that is mapped writable is flushed at once', () => {
    expect(ipis('luf-v11', reclaimed, 'rw')).toBe(ipis('mainline', reclaimed, 'rw'));
    expect(ipis('luf-v11', reclaimed, 'rw')).toBeGreaterThan(0);
  });

  it('the flush is paid when the frame is handed out again, by whoever takes it', () => {
    // g is mapped nowhere. The daemon frees to the list of its CPU, and takes from there what g moves to
    const before = [...reclaimed, ...by('P0', fileRead('g', 0))];
    expect(ipis('luf-v11', before)).toBe(0);
    expect(ipis('luf-v11', [...before, ...by('K', migrate('g', 0))])).toBe(2);
    expect(ipis('mainline', [...before, ...by('K', migrate('g', 0))])).toBe(2);
  });

  it('write(2) pays for it, too', () => {
    expect(ipis('luf-v11', [...reclaimed, ...by('K', reclaim('f', 1))])).toBe(0);
    expect(ipis('luf-v11', [...reclaimed, ...by('P1', fileWrite('g', 0))])).toBeGreaterThan(0);
  });

  it('one flush pays for all that was put off before it', () => {
    const two = [...by('P0', load(9)), ...by('P1', load(9)), ...by('K', reclaim('f', 0, 2))];
    expect(ipis('mainline', two)).toBe(2);
    expect(ipis('luf-v11', [...two, ...by('P1', fileWrite('g', 0)), ...by('P1', fileWrite('g', 1))])).toBe(
      ipis('luf-v11', [...two, ...by('P1', fileWrite('g', 0))]),
    );
  });
});
