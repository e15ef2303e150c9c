/** `tlblab survey`: scenarios against policies, one table: which policy is convicted where, of what, and how soon. */
import { performance } from 'node:perf_hooks';
import { listScenarios, loadScenario } from '../../workloads/index.ts';
import type { Finding } from '../program/finding.ts';
import { requireWritable, writeFinding } from '../report/finding-file.ts';
import { EXIT, note, onInterrupt, print, printJson, status, ToolError } from './exit.ts';
import { requirePolicyName } from './names.ts';
import { unknown } from './options.ts';
import { plainRequest, runHunter } from './run-hunter.ts';
import { surveyBugs } from './survey-bugs.ts';
import { surveyDebug } from './survey-debug.ts';

export interface SurveyOptions {
  readonly scenarios?: string[];
  readonly schedules: number;
  readonly seed: number;
  readonly out: string;
  /** Hunt these bugs, or `all`, instead of scenarios: so many blind hunts, each of so many seconds at most. */
  readonly bugs?: string[];
  readonly seeds: number;
  readonly seconds: number;
  /** Count what the debug mode sees instead of looking for the first conviction. */
  readonly lufDebug?: boolean;
  readonly json?: boolean;
}

/** What became of one policy in one scenario. */
interface Cell {
  readonly scenario: string;
  readonly policy: string;
  readonly verdict: 'violation' | 'clean';
  readonly harm: string | undefined;
  readonly grade: Finding['grade'] | undefined;
  /** Until the first conviction; all of them if there is none. */
  readonly schedules: number;
  /** Of the finding. */
  readonly file: string | undefined;
}

export async function survey(policies: readonly string[], options: SurveyOptions): Promise<number> {
  for (const policy of policies) requirePolicyName(policy);
  const known = listScenarios();
  const names = options.scenarios ?? known;
  for (const name of names) if (!known.includes(name)) throw unknown('scenario', name, known);
  requireWritable(options.out);
  if (options.bugs) return surveyBugs(policies, options.bugs, options);
  if (options.lufDebug) return surveyDebug(policies, names, options);
  const started = performance.now();
  const cells: Cell[] = [];
  const report = (ended: boolean): void => show(cells, policies, options, ended, (performance.now() - started) / 1000);
  onInterrupt(() => report(false));
  let ended = false;
  try {
    for (const name of names) {
      for (const policy of policies) {
        status(`survey: ${name}, ${policy} (${cells.length} of ${names.length * policies.length})`);
        cells.push(await cellOf(name, policy, options));
      }
    }
    ended = true;
  } finally {
    status('');
    if (cells.length > 0) report(ended);
  }
  return cells.some((cell) => cell.verdict === 'violation') ? EXIT.violation : EXIT.clean;
}

async function cellOf(scenario: string, policy: string, { schedules, seed, out }: SurveyOptions): Promise<Cell> {
  let found: { finding: Finding; file: string } | undefined;
  const outcome = await runHunter(plainRequest(policy, { source: loadScenario(scenario), seed, schedules }), {
    seconds: 0,
    found: (finding, final) => {
      if (final) found = { finding, file: writeFinding(finding, out) };
    },
  });
  if (outcome.verdict === 'diverged') throw new ToolError(`${policy} in ${scenario}: one schedule gave two results`);
  const { finding, file } = found ?? { finding: undefined, file: undefined };
  const verdict = finding ? 'violation' : 'clean';
  const { harm, grade } = finding ?? {};
  return { scenario, policy, verdict, harm, grade, schedules: outcome.schedules, file };
}

function show(
  cells: readonly Cell[],
  policies: readonly string[],
  options: SurveyOptions,
  ended: boolean,
  seconds: number,
): void {
  const { schedules, seed } = options;
  const convicted = cells.some((cell) => cell.verdict === 'violation');
  if (options.json) {
    const verdict = !ended ? 'interrupted' : convicted ? 'violation' : 'clean';
    printJson({ verdict, policies, schedules, seed, cells, timing: { seconds } });
    return;
  }
  print(`| scenario | ${policies.map((policy) => `\`${policy}\``).join(' | ')} |`);
  print(`|---|${policies.map(() => '---').join('|')}|`);
  for (const scenario of new Set(cells.map((cell) => cell.scenario))) {
    const row = policies.map((policy) => {
      const cell = cells.find((c) => c.scenario === scenario && c.policy === policy);
      return cell ? inWords(cell) : '';
    });
    print(`| ${scenario} | ${row.join(' | ')} |`);
  }
  note(`${ended ? '' : `not finished, ${cells.length} cells; `}${seconds.toFixed(1)} s`);
}

function inWords({ verdict, harm, grade, schedules }: Cell): string {
  return verdict === 'clean' ? `clean in ${schedules}` : `**${harm}** (${grade}) after ${schedules}`;
}
