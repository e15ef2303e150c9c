/** What columns tell of a store that left no mark: the flush that it slipped by, and none where none was owed. */
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import type { Patch } from '#tlblab/policy/policy.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import { buildFinding, FULL_BUDGET } from '#tlblab/report/build-finding.js';

function owedIn(text: string, patches: readonly Patch[]): string {
  const { found } = hunt({
    policy: mainline,
    patches,
    source: parseLitmus(text, 'tracking'),
    seed: 7,
    schedules: 100,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
  expect(found?.conviction.harm).toBe('missed-tracking');
  const origin = { tool: 'test', policy: 'mainline', patches: [], seed: 7, plugins: [], mail: false };
  return buildFinding(found!, origin, FULL_BUDGET).owed;
}

it('the flush is owed to the CPU that stored, not to the one that asked', () => {
  const text = `TLB tracking
{ machine: cpus=2, geometry=tiny; p = mmap(rw); P0: store p = 1; P1: store p = 2; }
 P0           | P1            ;
 clearrefs    | await cleared ;
 post cleared | store p = 3   ;
 await stored | post stored   ;
 pagemap p    |               ;
`;
  expect(owedIn(text, [BUGS['t1-08']])).toMatch(
    /^clearrefs \(P0 on CPU0, step \d+\) owed CPU1 a flush of p; CPU1 holds p -> pfn \d+ since .*; no IPI was sent to it$/,
  );
});

it('no flush is named if the mark was taken behind the store', () => {
  const text = `TLB tracking
{ machine: cpus=2, geometry=tiny; task K: cpu=1, kthread; p = mmap(rw); q = mmap(rw); P0: store p = 1; }
 P0          | K                        ;
 clearrefs   | await s                  ;
 store p = 1 | ksm p of P0 with q of P0 ;
 store q = 1 | post m                   ;
 post s      |                          ;
 await m     |                          ;
 pagemap q   |                          ;
`;
  expect(owedIn(text, [])).toBe('');
});
