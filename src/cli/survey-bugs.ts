/**
 * `survey --bugs`: the bundled bugs against the hunter. Each is hunted blind, in generated programs, once per seed; then every
 * strategy alone in the program of the smallest finding.
 */
import { performance } from 'node:perf_hooks';
import { CATALOGUE } from '../bugs/catalogue.ts';
import { BUGS } from '../bugs/index.ts';
import { DEFAULT_MIX } from '../hunt/portfolio.ts';
import { BadInput } from '../program/bad-input.ts';
import type { Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import { type BugRow, blindTable, catalogueTable, type StrategyCell, strategyTable } from '../report/bug-tables.ts';
import { writeFinding } from '../report/finding-file.ts';
import { EXIT, note, onInterrupt, print, printJson, status, ToolError } from './exit.ts';
import { unknown } from './options.ts';
import { type HuntOutcome, plainRequest, runHunter } from './run-hunter.ts';
import type { SurveyOptions } from './survey.ts';

const UNLIMITED = 2 ** 31 - 1;

/** @param policy the kernel to which the mistakes are put back @throws UsageError, ToolError as hunts do. */
export async function surveyBugs(
  policies: readonly string[],
  bugs: readonly string[],
  options: SurveyOptions,
): Promise<number> {
  const [policy] = policies;
  if (policies.length > 1)
    throw new BadInput({ what: `${policies.length} policies`, where: '--bugs', expected: 'one' });
  const names = bugs[0] === 'all' ? Object.keys(BUGS) : bugs.map((name) => name.toLowerCase());
  for (const name of names) if (!Object.hasOwn(BUGS, name)) throw unknown('bug', name, Object.keys(BUGS));
  const started = performance.now();
  const rows: BugRow[] = [];
  const report = (ended: boolean): void => show(rows, policy, options, ended, (performance.now() - started) / 1000);
  onInterrupt(() => report(false));
  for (const name of names) rows.push(await rowOf(policy, name, options));
  status('');
  report(true);
  return rows.some(({ blind }) => blind.smallest !== undefined) ? EXIT.violation : EXIT.clean;
}

async function rowOf(policy: string, bug: string, options: SurveyOptions): Promise<BugRow> {
  const { seeds, seconds: bound, seed } = options;
  const schedules: number[] = [];
  const seconds: number[] = [];
  let smallest: Finding | undefined;
  for (let i = 0; i < seeds; i++) {
    status(`survey of bugs: ${bug}, blind, ${i + 1} of ${seeds}`);
    const { outcome, finding, after } = await convicted(policy, bug, 'fuzz', seed + i, UNLIMITED, bound);
    if (finding === undefined) continue;
    schedules.push(outcome.schedules);
    seconds.push(after);
    if (smallest === undefined || sizeOf(finding) < sizeOf(smallest)) smallest = finding;
  }
  const blind = { seeds, schedules, seconds, smallest };
  if (smallest === undefined) return { bug, blind, strategies: [] };
  writeFinding(smallest, options.out);
  const strategies: StrategyCell[] = [];
  for (const strategy of DEFAULT_MIX) {
    status(`survey of bugs: ${bug}, ${strategy}`);
    const most = options.schedules;
    const { outcome, finding } = await convicted(policy, bug, smallest.program, seed, most, bound, strategy);
    strategies.push({ strategy, found: finding !== undefined, schedules: outcome.schedules });
  }
  return {
    bug,
    blind: { ...blind, smallest: { cpus: smallest.cpus, steps: smallest.steps, harm: smallest.harm } },
    strategies,
  };
}

/** Fewer CPUs count more than fewer steps. */
function sizeOf({ cpus, steps }: Finding): number {
  return cpus * 2 ** 32 + steps;
}

/** One hunt until the first conviction that is not there without the bug, too, and the seconds until then, start of the worker included. */
async function convicted(
  policy: string,
  bug: string,
  source: Program | 'fuzz',
  seed: number,
  schedules: number,
  seconds: number,
  strategy?: (typeof DEFAULT_MIX)[number],
): Promise<{ outcome: HuntOutcome; finding: Finding | undefined; after: number }> {
  const began = performance.now();
  let after = Number.NaN;
  const request = { ...plainRequest(policy, { source, seed, schedules }), patches: [bug] };
  const outcome = await runHunter(
    { ...request, strategies: strategy === undefined ? undefined : [strategy] },
    {
      seconds,
      found: (_, final) => {
        if (!final) after = (performance.now() - began) / 1000;
      },
    },
  );
  if (outcome.verdict === 'diverged') throw new ToolError(`${policy} with ${bug}: one schedule gave two results`);
  const finding = outcome.findings.find(({ id }) => !outcome.anyway.has(id));
  return { outcome, finding, after };
}

function show(rows: readonly BugRow[], policy: string, options: SurveyOptions, ended: boolean, seconds: number): void {
  const { seeds, seconds: bound, schedules, seed } = options;
  if (options.json) {
    const timed = rows.map(({ bug, blind }) => ({ bug, seconds: blind.seconds }));
    const bugs = rows.map(({ bug, blind: { seconds: _, ...blind }, strategies }) => ({ bug, blind, strategies }));
    const verdict = ended ? 'done' : 'interrupted';
    printJson({
      verdict,
      policy,
      seeds,
      seed,
      schedules,
      catalogue: CATALOGUE,
      bugs,
      timing: { seconds, bound, bugs: timed },
    });
    return;
  }
  const tables = [
    catalogueTable(CATALOGUE, Object.values(BUGS)),
    [`Blind: ${seeds} seeds from ${seed} on, at most ${bound} s each.`],
    blindTable(rows, CATALOGUE),
    [`Each strategy alone, at most ${schedules} schedules and ${bound} s:`],
    strategyTable(rows, DEFAULT_MIX),
  ];
  print(tables.map((lines) => lines.join('\n')).join('\n\n'));
  note(`${ended ? '' : `not finished, ${rows.length} bugs; `}${seconds.toFixed(1)} s`);
}
