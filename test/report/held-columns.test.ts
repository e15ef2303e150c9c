/** What columns tell of a page that get_user_pages() held: no flush was owed, so none is named. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import { buildFinding, FULL_BUDGET } from '#tlblab/report/build-finding.js';
import { ROOT } from '../cli/run.ts';

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
  expect(columns).toMatch(
    /pfn (\d+) freed\n(?:.*\n)*.*pfn \1 handed out to P0\n(?:.*\n)*.*gup reads p -> \S+ \(held: pfn \1\) {3}FRAME REUSE/,
  );
  expect(columns).toMatch(
    /frame-reuse: get_user_pages on CPU1: .*the frame has a new owner since the\s+entry was read/,
  );
  expect(columns).not.toMatch(/owe/);
});
