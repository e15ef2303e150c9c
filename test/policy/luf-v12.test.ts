/** LUF v12: which of its demands flush, and what the flag that they miss is for. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { by, fileRead, fileWrite, load, migrate, mmap, race, reclaim } from '#tlblab/program/builder.js';
import type { Op } from '#tlblab/program/program.js';
import { harmOf } from '../hunt/harm.js';

type Steps = { task: string; op: Op }[];

/** Interrupts sent by operations done one after another, behind a read-only mapping of `f` that CPU 0 and CPU 1 have read. */
function ipis(policy: string, then: Steps, override: Record<string, number> = {}): number {
  const warm: Steps = [
    mmap(8, 4, 'r', { fixed: true, shared: true, file: 'f' }),
    ...[8, 9, 10].map((page) => load(page)),
    ...by('P1', load(8), load(9), load(10)),
  ].map((step) => ('task' in step ? step : { task: 'P0', op: step })) as Steps;
  const sent = (setup: Steps): number => {
    const program = race(
      { cpus: 3, override },
      { setup: [...warm, ...setup], P0: [], P1: [], K: { kthread: true, ops: [] } },
      {
        files: [
          { name: 'f', pages: 4 },
          { name: 'g', pages: 2 },
        ],
      },
    );
    const of = { policy: POLICIES[policy], patches: [], strict: false, costs: 'bare-metal' };
    const { ipisSent } = new Stepper(huntingPlan(program, of)).machine.columns.count;
    return [0, 1, 2].reduce((sum, id) => sum + ipisSent.peek(id as never), 0);
  };
  return sent(then) - sent([]);
}

const reclaimed = by('K', reclaim('f', 0)) as Steps;
const writes = by('P1', fileWrite('f', 0)) as Steps;

describe('luf-v12', () => {
  it('reclaim of a page that is mapped read-only sends nothing', () => {
    expect(ipis('luf-v12', reclaimed)).toBe(0);
  });

  it('the frame is paid for when it leaves the list of its CPU', () => {
    const before = [...reclaimed, ...(by('P0', fileRead('g', 0)) as Steps)];
    expect(ipis('luf-v12', before)).toBe(0);
    expect(ipis('luf-v12', [...before, ...(by('K', migrate('g', 0)) as Steps)])).toBe(2);
  });

  it('a write to the file demands a flush of the mapping: none is sent, as posted; with the flag it is', () => {
    expect(ipis('luf-v12', [...reclaimed, ...writes])).toBe(0);
    expect(ipis('luf-v12-flag', [...reclaimed, ...writes])).toBeGreaterThan(0);
  });

  it('in the zone one flush pays for all frames of its batch', () => {
    const three = by('K', reclaim('f', 0, 3)) as Steps;
    const small = { pcpHigh: 0, frames: 9 };
    expect(ipis('luf-v12', three, small)).toBe(0);
    const takes = by('K', ...[0, 1].map((page) => migrate('g', page))) as Steps;
    const cached = by('P0', fileRead('g', 0)) as Steps;
    expect(ipis('luf-v12', [...three, ...cached, ...takes], small)).toBe(2);
  });
});

describe('what a task switch does to the batch of a task', () => {
  const found = (policy: string) => harmOf(POLICIES[policy], 'reclaim-preempted', { schedules: 200 });

  it.each(['luf-v12', 'luf-v12-flag'])('%s forgets it', (policy) => {
    expect(found(policy)).toMatch(/^(frame-reuse|lost-write)$/);
  });
  it.each(['luf-v11', 'mainline'])('%s does not', (policy) => {
    expect(found(policy)).toBeUndefined();
  });
});
