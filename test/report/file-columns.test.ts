/** What columns tell of files: where a page lies, who changed it, and since when the stale read is stale. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { buildFinding, FULL_BUDGET } from '#tlblab/report/build-finding.js';
import { ROOT } from '../cli/run.ts';
import { huntNever, withoutNumbers } from './munmap-touch.ts';

/** The columns from their heads to the verdict. */
async function columnsOf(scenario: string): Promise<string> {
  const found = await huntNever(readFileSync(`${ROOT}workloads/litmus/${scenario}.litmus`, 'utf8'));
  const origin = { tool: 'test', policy: 'never', patches: [], seed: 7, plugins: [], mail: false };
  const { columns } = buildFinding(found, origin, FULL_BUDGET);
  const lines = withoutNumbers(columns).split('\n');
  return lines.slice(lines.findIndex((l) => l.includes('CPU0 (P0)')) + 1, -2).join('\n');
}

it('a write(2) is told once, where it stores, and the verdict says since when the page has changed', async () => {
  expect(await columnsOf('seed-page-cache')).toMatchInlineSnapshot(`
    " #   reclaim f[0]
     #   pte of p cleared (pfn #), flush owed to CPU0
     #   f[0] leaves the page cache (pfn #)
     #   pfn # freed
     #   reclaim f[0] returned
     #   f[0] cached in pfn #
     #   write f[0] = 2
     #  load p -> 0 (tlb: pfn #)   STALE READ
    stale-read: CPU0: load of page 8, word 0 through a stale translation, ended by reclaim at step #: it returns
      0 although 2 is what the word holds; f[0] is 2 since step #"
  `);
});

it('a store through another mapping of the page names the page', async () => {
  expect(await columnsOf('reclaim-write')).toMatchInlineSnapshot(`
    " #   reclaim f[0]
     #   pte of p cleared (pfn #), flush owed
       to CPU0
     #   f[0] leaves the page cache (pfn #)
     #   pfn # freed
     #   reclaim f[0] returned
     #   f[0] cached in pfn #
     #   store p = 2 (tlb: pfn #, f[0])
     #  load p -> 0 (tlb: pfn #)   STALE READ
    stale-read: CPU0: load of page 8, word 0 through a stale translation, ended by reclaim at step #: it returns
      0 although 2 is what the word holds; f[0] is 2 since step #"
  `);
});

it('a page that migrates is told to have another frame', async () => {
  expect(await columnsOf('migrate-read-shared')).toMatchInlineSnapshot(`
    " #   migrate f[0]
     #   pte of p cleared (pfn #), flush owed
       to CPU0
     #   f[0]: pfn # -> # in the page cache
     #   pte of p set: pfn # r
     #   pfn # freed
     #   migrate f[0] returned
     #   store p = 2 (tlb: pfn #, f[0])
     #  load p -> 0 (tlb: pfn #)   STALE READ
    stale-read: CPU0: load of page 8, word 0 through a stale translation, ended by migrate at step #: it returns
      0 although 2 is what the word holds; f[0] is 2 since step #"
  `);
});

it('a private copy is no page of the file', async () => {
  expect(await columnsOf('file-cow')).toMatchInlineSnapshot(`
    " #  pte of p cleared (pfn #), flush owed to CPU1
     #  pte of p set: pfn # rw
     #  store p = 2 (tlb: pfn #)
     #  store p = 2 returned
     #   load p -> 0 (tlb: pfn #)   STALE READ
    stale-read: CPU1: load of page 8, word 0 through a stale translation, ended by fault at step #: it returns 0
      although 2 is what the word holds"
  `);
});
