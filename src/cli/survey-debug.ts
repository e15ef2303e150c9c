/** `survey --luf-debug`: what a marker in the entry, a flag of the VMA and a marker in the slot see, scenario by scenario. */
import { performance } from 'node:perf_hooks';
import { loadScenario } from '../../workloads/index.ts';
import type { DebugTally } from '../hunt/debug-tally.ts';
import { EXIT, note, print, printJson, status } from './exit.ts';
import { plainRequest, runDebugTally } from './run-hunter.ts';
import type { SurveyOptions } from './survey.ts';

/** @throws UsageError, ToolError as hunts do. */
export async function surveyDebug(
  policies: readonly string[],
  names: readonly string[],
  options: SurveyOptions,
): Promise<number> {
  const started = performance.now();
  const { schedules, seed } = options;
  const tallies: { policy: string; scenario: string; tally: DebugTally }[] = [];
  for (const policy of policies) {
    for (const scenario of names) {
      status(`survey in debug mode: ${scenario}, ${policy}`);
      const request = plainRequest(policy, { source: loadScenario(scenario), seed, schedules });
      const { tally } = await runDebugTally(request, { seconds: 0 });
      tallies.push({ policy, scenario, tally });
    }
  }
  status('');
  const seconds = (performance.now() - started) / 1000;
  if (options.json) printJson({ policies, schedules, seed, tallies, timing: { seconds } });
  else {
    for (const policy of policies)
      table(
        policy,
        tallies.filter((t) => t.policy === policy),
      );
    note(`${seconds.toFixed(1)} s`);
  }
  return tallies.some(({ tally }) => tally.violations > 0) ? EXIT.violation : EXIT.clean;
}

/** Each cell: caught of what the oracle convicts; false alarms of what it does not. */
function table(policy: string, tallies: readonly { scenario: string; tally: DebugTally }[]): void {
  const heads = tallies[0]?.tally.mechanisms.map((m) => `${m.mechanism} ${m.reading}`) ?? [];
  print(`| \`${policy}\` | convicted | ${heads.join(' | ')} |`);
  print(`|---|---|${heads.map(() => '---').join('|')}|`);
  for (const { scenario, tally } of tallies) {
    const { violations, schedules, harms } = tally;
    const cells = tally.mechanisms.map(({ caught, falseAlarms }) => {
      const alarms = share(falseAlarms, schedules - violations);
      return violations > 0 ? `${share(caught, violations)}; ${alarms}` : `-; ${alarms}`;
    });
    const convicted = violations > 0 ? `${Object.keys(harms).join(', ')} ${share(violations, schedules)}` : 'no';
    print(`| ${scenario} | ${convicted} | ${cells.join(' | ')} |`);
  }
  print('');
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Number(((part / whole) * 100).toPrecision(2))} %`;
}
