/** What columns tell of a page that get_user_pages() held: no flush was owed, so none is named. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import { buildFinding, FULL_BUDGET } from '#tlblab/report/build-finding.js';
import { ROOT } from '../cli/run.ts';
import { withoutNumbers } from './munmap-touch.ts';

it('a read by a reference says which frame is held, and when that got its new owner', () => {
  const name = 'gup-fast-recheck';
  const source = parseLitmus(readFileSync(`${ROOT}workloads/litmus/${name}.litmus`, 'utf8'), name);
  const { found } = hunt({
    policy: mainline,
    patches: [BUGS['gup-no-recheck']],
    source,
    seed: 1,
    schedules: 2500,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
  const origin = { tool: 'test', policy: 'mainline', patches: ['gup-no-recheck'], seed: 1, plugins: [], mail: false };
  const { columns } = buildFinding(found!, origin, FULL_BUDGET);
  const text = columns.slice(columns.indexOf('\n') + 1).replace(/in frame \d+/, 'in frame #');
  expect(withoutNumbers(text)).toMatchInlineSnapshot(`
    "before: P0: mmap p rw; mmap q rw; store p
       CPU0 (P0)   CPU1 (P1)
     #  madvise p dontneed
     #   gup p fast
     #  pte of p cleared (pfn #)
     #  tlb entry of p (pfn #) dropped
     #  pfn # freed
     #  pfn # handed out to P0
     #  pte of q set: pfn # rw
     #   gup reads p -> 0 (held: pfn #)   FRAME REUSE
    frame-reuse: get_user_pages on CPU1: read of page 8, word 0, in frame #: the frame has a new owner since the
      entry was read"
  `);
});
