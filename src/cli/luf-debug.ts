/** `hunt --luf-debug`: what the debug mode and the policy's own audit see, held against the oracle; no conviction ends it. */
import type { DebugTally, MechanismTally } from '../hunt/debug-tally.ts';
import { MECHANISMS, READINGS } from '../oracle/luf-debug.ts';
import { BadInput } from '../program/bad-input.ts';
import type { HuntRequest } from '../report/hunter-protocol.ts';
import { EXIT, note, print, printJson, status } from './exit.ts';
import { runDebugTally } from './run-hunter.ts';

export interface LufDebugOptions {
  /** `MECHANISM[:READING]`, or `all`. */
  readonly lufDebug: string;
  readonly scenario?: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** The rows that `--luf-debug` asks for. @throws BadInput for what is neither a mechanism nor `all`. */
export function requireMechanisms(asked: string): (row: MechanismTally) => boolean {
  const [mechanism, reading, ...rest] = asked.split(':');
  const known = mechanism === 'all' || (MECHANISMS as readonly string[]).includes(mechanism);
  const read = reading === undefined || (READINGS as readonly string[]).includes(reading);
  if (!known || !read || rest.length > 0) {
    const expected = `MECHANISM[:READING] with ${MECHANISMS.join(', ')} or all, and ${READINGS.join(' or ')}`;
    throw new BadInput({ what: 'no such debug mode', where: `--luf-debug "${asked}"`, expected });
  }
  return (row) => (mechanism === 'all' || row.mechanism === mechanism) && (!reading || row.reading === reading);
}

/** @throws UsageError, ToolError as hunts do. */
export async function debugHunt(request: HuntRequest, seconds: number, options: LufDebugOptions): Promise<number> {
  const wanted = requireMechanisms(options.lufDebug);
  const { tally, seconds: took } = await runDebugTally(request, {
    seconds,
    progress: ({ schedules }) => status(`hunt ${request.policy} in debug mode: ${schedules} schedules`),
  });
  status('');
  const rows = tally.mechanisms.filter(wanted);
  const { schedules, steps, violations, harms } = tally;
  const verdict = violations > 0 ? 'violation' : 'clean';
  if (options.json) {
    const { policy, seed } = request;
    const scenario = options.scenario ?? 'fuzz';
    const debug = rows.length === 1 ? rows[0] : rows;
    const { touched, audit } = tally;
    printJson({
      verdict,
      policy,
      scenario,
      seed,
      schedules,
      steps,
      violations,
      harms,
      touched,
      debug,
      audit,
      timing: { seconds: took },
    });
  } else {
    print(debugTable(tally, rows));
    print(auditText(tally, request.policy));
    print(`verdict: ${verdict} (${violations} of ${schedules} schedules${harmsOf(tally)})`);
    note(`${took.toFixed(1)} s`);
  }
  return violations > 0 ? EXIT.violation : EXIT.clean;
}

/** One line for each mechanism and reading. Rules 0, 1, 2: times seen broken, in all executions. */
function debugTable({ schedules, violations, touched }: DebugTally, rows: readonly MechanismTally[]): string {
  const head = ['mechanism', 'reading', 'caught', 'false alarms', 'rule 0', 'rule 1', 'rule 2', 'interrupts'];
  const legal = schedules - violations;
  const cells = rows.map((row) => [
    row.mechanism,
    row.reading,
    `${row.caught}/${violations}`,
    `${row.falseAlarms}/${legal}`,
    ...row.convicted.map((n, rule) => `${n + row.legal[rule]}`),
    (row.interrupts / Math.max(schedules, 1)).toFixed(2),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const cost = `marks: ${(touched / Math.max(schedules, 1)).toFixed(1)} accesses a schedule; interrupts: a schedule, if each break were answered with the flush`;
  return [line(head), ...cells.map(line), cost].join('\n');
}

/** One line, and one more for each kind of inconsistency. */
function auditText({ audit }: DebugTally, policy: string): string {
  if (audit === null) return `audit: ${policy} keeps no ledger that could be audited`;
  const { checks, inconsistencies } = audit;
  const head = `audit: ${checks} checks of the ledger, ${inconsistencies.length > 0 ? 'inconsistent' : 'consistent'}`;
  const lines = inconsistencies.map(
    ({ kind, convicted, legal, says }) =>
      `  ${kind} in ${convicted + legal} schedules, ${convicted} of them convicted: ${says}`,
  );
  return [head, ...lines].join('\n');
}

function harmsOf({ harms }: DebugTally): string {
  const all = Object.entries(harms).map(([harm, n]) => `${harm} ${n}`);
  return all.length > 0 ? `: ${all.join(', ')}` : '';
}
