/** `tlblab selftest --suite FILE`: does the emulated hardware show what a litmus suite permits, and nothing that it forbids? */
import { performance } from 'node:perf_hooks';
import { type SuiteRow, suiteRow } from '../hunt/suite/suite.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import { parseSuite, type SuiteOutcome } from '../program/suite.ts';
import { readText } from '../report/finding-file.ts';
import { EXIT, note, print, printJson, status } from './exit.ts';

export interface SuiteOptions {
  readonly memory: MemoryModel;
  readonly json?: boolean;
}

/**
 * 1 if an outcome was reached that must not be, or another one than the required; 3 if one was not that must be reachable.
 * Without store buffers some cannot be, so that there it counts only.
 * @throws BadInput for a file that is no suite.
 */
export async function selftestSuite(file: string, { memory, json }: SuiteOptions): Promise<number> {
  const started = performance.now();
  const tests = parseSuite(readText(file, 'a litmus suite'), file);
  const rows = tests.map((test, i) => {
    status(`${i} of ${tests.length} tests: ${test.id}`);
    return suiteRow(test, memory);
  });
  status('');
  const code = codeOf(rows, memory);
  const verdict = code === EXIT.clean ? 'clean' : code === EXIT.violation ? 'violation' : 'failed';
  const sections = [...new Set(rows.map(({ section }) => section))].map((section) =>
    figures(
      section,
      rows.filter((row) => row.section === section),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  if (json) printJson({ verdict, memory, sections, tests: rows, timing: { seconds } });
  else {
    tell(sections, rows);
    print(`verdict: ${verdict} under ${memory}`);
    note(`${seconds.toFixed(1)} s`);
  }
  return code;
}

function codeOf(rows: readonly SuiteRow[], memory: MemoryModel): number {
  const all = new Set(rows.flatMap(({ disagreements }) => disagreements.map((d) => d.is)));
  if (all.has('forbidden') || all.has('not-required')) return EXIT.violation;
  return all.has('unreached') && memory === 'tso' ? EXIT.tool : EXIT.clean;
}

function figures(section: string, rows: readonly SuiteRow[]) {
  return {
    section,
    tests: rows.length,
    decided: rows.filter(({ agrees }) => agrees !== undefined).length,
    agreed: rows.filter(({ agrees }) => agrees === true).length,
    states: rows.reduce((sum, { states }) => sum + states, 0),
  };
}

const SAYS = {
  forbidden: 'reached, and not permitted',
  unreached: 'permitted, and not reached',
  'not-required': 'reached instead of what is required',
} as const;

function tell(sections: readonly ReturnType<typeof figures>[], rows: readonly SuiteRow[]): void {
  print(line('section', 'tests', 'decided', 'agreed', 'states'));
  for (const { section, tests, decided, agreed, states } of sections) {
    print(line(section, ...[tests, decided, agreed, states].map(String)));
  }
  for (const { id, disagreements } of rows) {
    for (const { is, outcome } of disagreements) print(`${id}: ${SAYS[is]}: ${shown(outcome)}`);
  }
}

function line(section: string, ...numbers: string[]): string {
  return section.padEnd(13) + numbers.map((text) => text.padStart(9)).join('');
}

function shown({ reads, mem = {}, map = {} }: SuiteOutcome): string {
  const parts = [
    ...Object.entries(reads).map(([id, v]) => `${id} reads ${v}`),
    ...Object.entries(mem).map(([pa, v]) => `${pa} = ${v}`),
    ...Object.entries(map).map(([va, pa]) => `${va} -> ${pa}`),
  ];
  return parts.join(', ');
}
