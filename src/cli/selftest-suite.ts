/** `tlblab selftest --suite FILE`: does the emulated hardware show what a litmus suite permits, and nothing that it forbids? */
import { performance } from 'node:perf_hooks';
import { type SuiteRow, suiteRow } from '../hunt/suite/suite.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import { parseSuite, type SuiteOutcome, type Undecided } from '../program/suite.ts';
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
  const undecided: Partial<Record<Undecided, number>> = {};
  for (const { undecided: why } of rows) if (why !== undefined) undecided[why] = (undecided[why] ?? 0) + 1;
  const decided = rows.filter(({ agrees }) => agrees !== undefined);
  return {
    section,
    tests: rows.length,
    decided: decided.length,
    agree: decided.filter(({ agrees }) => agrees).length,
    disagreements: decided.filter(({ agrees }) => !agrees).length,
    undecided,
    states: rows.reduce((sum, { states }) => sum + states, 0),
  };
}

const SAYS = {
  forbidden: 'reached, and not permitted',
  unreached: 'permitted, and not reached',
  'not-required': 'reached instead of what is required',
} as const;

const WHY: Record<Undecided, string> = {
  'not-user-visible': 'the values of the forbidden execution come about legally, too',
  'legality-unknown': 'reached, and the file does not say whether the values come about legally',
  'outcome-open': 'which final memory, reads or place of a fence is meant matters, and is not said',
  'pages-only': 'reached, but legal executions go to these pages, too',
  'shape-open': 'the program is not said in full',
};

function tell(sections: readonly ReturnType<typeof figures>[], rows: readonly SuiteRow[]): void {
  print(line('section', 'tests', 'decided', 'agree', 'disagree', 'states'));
  for (const { section, tests, decided, agree, disagreements, states } of sections) {
    print(line(section, ...[tests, decided, agree, disagreements, states].map(String)));
  }
  for (const { section, undecided } of sections) {
    for (const [why, n] of Object.entries(undecided)) {
      const ids = rows.filter((row) => row.section === section && row.undecided === why).map(({ id }) => id);
      print(`${section}: ${n} undecided, ${why} (${WHY[why as Undecided]}): ${ids.join(', ')}`);
    }
  }
  for (const { id, disagreements } of rows) {
    for (const { is, outcome } of disagreements) print(`${id}: ${SAYS[is]}: ${outcome ? shown(outcome) : 'its shape'}`);
  }
}

function line(section: string, ...numbers: string[]): string {
  return section.padEnd(13) + numbers.map((text) => text.padStart(9)).join('');
}

function shown({ reads, mem = {}, map = {}, pages = {} }: SuiteOutcome): string {
  const parts = [
    ...Object.entries(reads).map(([id, v]) => `${id} reads ${v}`),
    ...Object.entries(pages).map(([id, pa]) => `${id} at ${pa}`),
    ...Object.entries(mem).map(([pa, v]) => `${pa} = ${v}`),
    ...Object.entries(map).map(([va, pa]) => `${va} -> ${pa}`),
  ];
  return parts.join(', ');
}
