/** Each bug, put back, is found where it can happen; the kernel without it is not convicted there. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { loadPatch } from '#tlblab/engine/load.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import type { Patch } from '#tlblab/policy/policy.js';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const SCHEDULES = 2500;

const huntIn = ({ program, memory, seed = 1 }: Scenario, patches: readonly Patch[]) =>
  hunt({
    policy: mainline,
    patches,
    source: program,
    seed,
    memory,
    schedules: SCHEDULES,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });

it('every bug has a scenario', () => {
  expect(Object.keys(SCENARIOS).sort()).toEqual(Object.keys(BUGS).sort());
});

it('bugs go by their id in any case', async () => {
  expect(await loadPatch('T1-01')).toBe(BUGS['t1-01']);
  await expect(loadPatch('T9-99')).rejects.toThrow(/^patch "T9-99": no such name; expected one of t1-01, /);
});

describe.each(Object.keys(BUGS))('%s', (name) => {
  const scenario = SCENARIOS[name];

  it('is found by its harm', () => {
    expect(huntIn(scenario, [BUGS[name]]).found?.conviction.harm).toBe(scenario.harm);
  });

  it('is not found where it is not', () => {
    const { found, schedules } = huntIn(scenario, []);
    expect(found?.conviction).toBeUndefined();
    expect(schedules).toBe(SCHEDULES);
  });
});
