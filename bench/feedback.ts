/**
 * Does making programs from those of the corpus (`hunt --fuzz --feedback`) find convicts sooner than fresh programs alone?
 * `npm run -s feedback -- 4000 6`: pairs of hunts of 4,000 schedules, 6 seeds for each convict. Time plays no part.
 */
import { loadPatch, loadPolicy } from '../src/engine/load.ts';
import { Fuzz } from '../src/hunt/fuzz.ts';
import { hunt } from '../src/hunt/hunt.ts';
import { HUNTING_COSTS } from '../src/hunt/hunting-plan.ts';

/** Policies with what is put back or mended in them: convicts that generated programs find, but not at once. */
const CONVICTS: readonly (readonly [policy: string, ...patches: string[]])[] = [
  ['luf-v11', 'v11-atomic', 'v11-fault-before', 'v11-protected'],
  ['luf-v12'],
  ['luf-v12-flag', 'v12-takeoff'],
  ['luf-coordinated'],
  ['mainline', 't1-01'],
  ['mainline', 't1-13'],
  ['mainline', 't1-15'],
  ['mainline', 't2-05'],
];

const [schedules, seeds] = [process.argv[2] ?? 4000, process.argv[3] ?? 6].map(Number);
if (!(Number.isInteger(schedules) && schedules > 0 && Number.isInteger(seeds) && seeds > 0)) {
  console.error(`feedback: "${process.argv.slice(2).join(' ')}": expected numbers of schedules and of seeds`);
  process.exit(2);
}

const sums = { pairs: 0, fresh: 0, feedback: 0, sooner: 0, later: 0 };
for (const [name, ...names] of CONVICTS) {
  const policy = await loadPolicy(name);
  const patches = await Promise.all(names.map(loadPatch));
  /** Schedules until the hunt convicted; Infinity if it did not. */
  const needed = (seed: number, feedback: boolean): number => {
    const fuzz = new Fuzz({ seed, feedback });
    const options = { strict: false, costs: HUNTING_COSTS, outOfTime: () => false } as const;
    const result = hunt({ policy, patches, source: 'fuzz', fuzz, seed, schedules, ...options });
    return result.found ? result.schedules : Number.POSITIVE_INFINITY;
  };
  const cells: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const [fresh, fed] = [needed(seed, false), needed(seed, true)];
    sums.pairs++;
    if (Number.isFinite(fresh)) sums.fresh++;
    if (Number.isFinite(fed)) sums.feedback++;
    if (fed < fresh) sums.sooner++;
    if (fed > fresh) sums.later++;
    cells.push(`${inWords(fresh)}/${inWords(fed)}`);
  }
  console.log(`${[name, ...names].join(' + ')}: ${cells.join(' ')}`);
}
const { pairs, fresh, feedback, sooner, later } = sums;
console.log(
  `${pairs} pairs of hunts, at most ${schedules} schedules: fresh programs convicted in ${fresh}, feedback in ${feedback}; ` +
    `where they differed, feedback was sooner in ${sooner}, later or without result in ${later}`,
);

function inWords(needed: number): string {
  return Number.isFinite(needed) ? `${needed}` : '-';
}
