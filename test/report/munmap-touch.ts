/** The convict that the tests of findings share: a page is used after another CPU unmapped it, and nothing was flushed. */
import { loadPolicy } from '#tlblab/engine/load.js';
import { hunt, type RawFinding } from '#tlblab/hunt/hunt.js';
import type { Finding } from '#tlblab/program/finding.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import { buildFinding, FULL_BUDGET } from '#tlblab/report/build-finding.js';

export const MUNMAP_TOUCH = `TLB munmap-touch
{
  machine: cpus=2, geometry=tiny;
  p = mmap(rw);
  P1: store p;
}
 P0       | P1     ;
 munmap p | load p ;
`;

export async function huntNever(text = MUNMAP_TOUCH, seed = 7): Promise<RawFinding> {
  const { found } = hunt({
    policy: await loadPolicy('never'),
    patches: [],
    source: parseLitmus(text, 'test.litmus'),
    seed,
    schedules: 2000,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
  if (!found) throw new Error('never was not convicted');
  return found;
}

export async function neverFinding({ mail = false } = {}): Promise<Finding> {
  const origin = { tool: 'test', policy: 'never', patches: [], seed: 7, plugins: [], mail };
  return buildFinding(await huntNever(), origin, FULL_BUDGET);
}

/** Steps, frames and blanks as they come from the model are not what a snapshot of columns is about. */
export function withoutNumbers(columns: string): string {
  return columns
    .replace(/^ *\d+(?= {2})/gm, ' #')
    .replace(/step \d+/g, 'step #')
    .replace(/pfn \d+( -> \d+)?/g, (_, next) => (next ? 'pfn # -> #' : 'pfn #'))
    .replace(/ +$/gm, '')
    .replace(/ {3,}/g, '   ');
}
