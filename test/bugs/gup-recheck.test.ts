/**
 * What keeps get_user_pages_fast() from a page that has been handed out again: interrupts off, for which every flush waits here,
 * or the second look at the entry. Either is enough; the bug gup-no-recheck has neither.
 */
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { definePatch } from '#tlblab/bugs/patch.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import type { Patch } from '#tlblab/policy/policy.js';
import { SCENARIOS } from './scenarios.ts';

const { gupFast, gupFastPte } = BUGS['gup-no-recheck'].routines;
const part = (name: string, routines: object): Patch =>
  definePatch({ name, says: 'a part of gup-no-recheck', source: 'this test', ...routines });

const harmOf = (patches: readonly Patch[]) =>
  hunt({
    policy: mainline,
    patches,
    source: SCENARIOS['gup-no-recheck'].program,
    seed: 1,
    schedules: 2500,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  }).found?.conviction.harm;

it('is enough by itself, one like the other', () => {
  expect(harmOf([part('interrupts-on', { gupFast })])).toBeUndefined();
  expect(harmOf([part('no-second-look', { gupFastPte })])).toBeUndefined();
  expect(harmOf([part('neither', { gupFast, gupFastPte })])).toBe('frame-reuse');
});
