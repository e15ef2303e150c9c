/** Each bug, put back, is found where it can happen; the kernel without it is not convicted there. */
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { loadPatch } from '#tlblab/engine/load.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { acquittal, ENOUGH, huntIn } from '../hunt/harm.js';
import { SCENARIOS } from './scenarios.ts';

it('every bug has a scenario', () => {
  expect(Object.keys(SCENARIOS).sort()).toEqual(Object.keys(BUGS).sort());
});

it('bugs go by their id in any case', async () => {
  expect(await loadPatch('T1-01')).toBe(BUGS['t1-01']);
  await expect(loadPatch('T9-99')).rejects.toThrow(/^patch "T9-99": no such name; expected one of t1-01, /);
});

it.each(Object.keys(BUGS))('%s is found by its harm, and not where it is not', (name) => {
  const { program, memory, strategies, harm, seed = 1 } = SCENARIOS[name];
  const convict = huntIn(mainline, program, { schedules: ENOUGH, patches: [BUGS[name]], memory, strategies, seed });
  expect(convict.harm).toBe(harm);
  const clean = acquittal(convict);
  expect(huntIn(mainline, program, { schedules: clean.schedules, memory, strategies, seed })).toEqual(clean);
});
