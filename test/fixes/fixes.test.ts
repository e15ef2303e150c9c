/** Each fix cures the scenario of its finding and leaves the others as they were. */
import { describe, expect, it } from 'vitest';
import { FIXES } from '#tlblab/fixes/index.js';
import { lufV11 } from '#tlblab/policy/luf-v11.js';
import { lufV12Flag } from '#tlblab/policy/luf-v12-flag.js';
import { mainline } from '#tlblab/policy/mainline.js';
import type { Policy } from '#tlblab/policy/policy.js';
import type { Program } from '#tlblab/program/program.js';
import { readFinding } from '#tlblab/report/finding-file.js';
import { loadScenario } from '../../dist/workloads/index.js';
import { acquittal, ENOUGH, huntIn } from '../hunt/harm.js';

/** The scenario that convicts the policy with the fixes of `before`, and does not with `fix` beside or instead of them. */
const CHAIN: Record<string, { scenario: string; before: string[]; after: string[] }> = {
  'v11-kept': { scenario: 'reclaim-kept', before: [], after: ['v11-kept'] },
  'v11-protected': { scenario: 'o06-write-protect', before: [], after: ['v11-protected'] },
  'v11-fault': { scenario: 'reclaim-store', before: ['v11-kept'], after: ['v11-kept', 'v11-fault'] },
  'v11-published': {
    scenario: 'unmap-unpublished',
    before: ['v11-kept', 'v11-fault-before', 'v11-protected'],
    after: ['v11-published', 'v11-fault-before', 'v11-protected'],
  },
  'v11-write-before': {
    scenario: 'write-in-flight',
    before: ['v11-published', 'v11-fault-before', 'v11-protected', 'v11-held'],
    after: ['v11-published', 'v11-fault-before', 'v11-protected', 'v11-held', 'v11-write-before'],
  },
  'v11-atomic': { scenario: 'alloc-in-interrupt', before: [], after: ['v11-atomic'] },
  'v11-bulk': { scenario: 'bulk-preempted', before: [], after: ['v11-bulk'] },
  'v11-network': { scenario: 'o10-network-file', before: [], after: ['v11-network'] },
  'v11-at-once': { scenario: 'flushed-at-once', before: [], after: ['v11-at-once'] },
  'v11-invalidated': { scenario: 'shared-disk', before: [], after: ['v11-invalidated'] },
  'v11-fuse': { scenario: 'fuse-store', before: [], after: ['v11-fuse'] },
  'v11-fork': { scenario: 'o06-fork', before: ['v11-protected'], after: ['v11-protected', 'v11-fork'] },
  'v11-lazyfree': { scenario: 'lazyfree-discard', before: [], after: ['v11-lazyfree'] },
  'v11-fault-before': { scenario: 'store-behind-fault', before: ['v11-fault'], after: ['v11-fault-before'] },
  'v12-protected': { scenario: 'o06-write-protect', before: [], after: ['v12-protected'] },
  'v12-at-once': { scenario: 'flushed-at-once', before: [], after: ['v12-at-once'] },
  'v12-paid': { scenario: 'reclaim-preempted', before: [], after: ['v12-paid'] },
  'v12-fault-before': { scenario: 'store-behind-fault', before: [], after: ['v12-fault-before'] },
  'v12-iomap': { scenario: 'iomap-write', before: [], after: ['v12-iomap'] },
  'v12-fuse': { scenario: 'fuse-store', before: [], after: ['v12-fuse'] },
  'v12-lazyfree': { scenario: 'lazyfree-store', before: [], after: ['v12-lazyfree'] },
  'v12-nested': { scenario: 'migrate-reclaim', before: [], after: ['v12-nested'] },
  'v12-fork': { scenario: 'o06-fork', before: ['v12-protected'], after: ['v12-protected', 'v12-fork'] },
  'v12-network': { scenario: 'o10-network-file', before: [], after: ['v12-network'] },
  'v12-takeoff': { scenario: 'alloc-in-interrupt', before: [], after: ['v12-takeoff'] },
};

/** `luf-v12-flag` is luf-v12 with the fix of its first finding. */
const policyOf = (fix: string) => (fix.startsWith('mainline') ? mainline : fix.startsWith('v12') ? lufV12Flag : lufV11);

/** Convicted with the fixes of `before`, and with those of `after` not. */
function expectCure(
  policy: Policy,
  scenario: Program | string,
  before: string[],
  after: string[],
  recorded?: readonly number[],
): void {
  const behind = (fixes: string[], schedules: number) =>
    huntIn(policy, scenario, { schedules, recorded, patches: fixes.map((name) => FIXES[name]) });
  const convict = behind(before, ENOUGH);
  expect(convict.harm).toBeDefined();
  const clean = acquittal(convict);
  expect(behind(after, clean.schedules)).toEqual(clean);
}

/** Fixes of what few schedules convict: that of the finding does; behind it the hunt goes on as it likes. */
const FOLLOWED: Record<string, string> = {
  'v11-held': 'luf-v11-migrate-held',
  'v12-held': 'luf-v12-migrate-held',
  'mainline-moving-tracked': 'mainline-soft-dirty-migration',
  'mainline-merge-tracked': 'mainline-ksm-soft-dirty',
  'mainline-merged-kept': 'mainline-ksm-lazyfree',
  'mainline-swap-recheck': 'mainline-swap-lookup',
  'mainline-drop-again': 'mainline-fuse-moved',
};

it('every fix has its place in the chain', () => {
  expect([...Object.keys(CHAIN), ...Object.keys(FOLLOWED)].sort()).toEqual(Object.keys(FIXES).sort());
});

it.each(Object.entries(FOLLOWED))('%s is needed and suffices', (fix, finding) => {
  const { program, choices } = readFinding(`findings/${finding}.race.json`);
  expectCure(policyOf(fix), program, [], [fix], choices);
});

it.each(Object.entries(CHAIN))('%s is needed and suffices', (fix, { scenario, before, after }) => {
  expectCure(policyOf(fix), scenario, before, after);
});

describe.each(['swap-in-store', 'reuse-store'])('%s, the same for anonymous memory', (scenario) => {
  it.each(['v11-fault-before', 'v12-fault-before'])('needs %s', (fix) => {
    expectCure(policyOf(fix), scenario, fix === 'v11-fault-before' ? ['v11-fault'] : [], [fix]);
  });
});

it('v11-network cures shared-disk-refill, too', () => {
  expectCure(lufV11, 'shared-disk-refill', [], ['v11-network']);
});

it('v12-paid cures diet-of-debts, too', () => {
  expectCure(lufV12Flag, 'diet-of-debts', [], ['v12-paid']);
});

it('v11-atomic cures alloc-under-lock, too', () => {
  expectCure(lufV11, 'alloc-under-lock', [], ['v11-atomic']);
});

it('v11-write-before cures write-in-flight on a file system that writes by iomap, too', () => {
  const { before, after } = CHAIN['v11-write-before'];
  const program = loadScenario('write-in-flight');
  const files = program.files?.map((file) => ({ ...file, iomap: true }));
  expectCure(lufV11, { ...program, files }, before, after);
});
