/**
 * Litmus suites of x86 memory transistency as others publish them, in one JSON form: programs of loads, stores, page-table
 * stores and INVLPGs with what is permitted and forbidden. Four sections, each optional:
 *
 *     tables       programs, each with its permitted outcomes (all of them) and forbidden ones
 *     tso          one outcome each, by what is read and what memory holds in the end: forbidden, permitted or required;
 *                  every word starts with 0. What memory holds is not told, only how many executions the source lists
 *     handwritten  one shape of execution each, permitted or forbidden: which accesses share a page. Where `outcomes` holds
 *                  tables, these are taken instead
 *     synthesized  one forbidden execution each; decided where its values alone betray it
 *
 * Threads are lists of events; an event is named `thread.index`. A page table entry names a physical page, and each page
 * holds one word.
 */
import { BadInput } from './bad-input.ts';
import { parsed } from './schema.ts';
import { EVENTS, type FileEvent, type FileInit, type FileTable, suiteFile } from './suite-file.ts';
import { programOf, type SuiteProgram } from './suite-program.ts';
import { shapeOf } from './suite-shape.ts';

export type SuiteSection = 'handwritten' | 'tables' | 'tso' | 'synthesized';

/** Why a test is not decided. */
export type Undecided =
  /** The values of the forbidden execution come about legally, too. */
  | 'not-user-visible'
  /** The values were reached, and whether they come about legally is not said. */
  | 'legality-unknown'
  /** The file leaves open which final memory, which reads or which place of a fence is meant, and it matters. */
  | 'outcome-open'
  /** A forbidden shape was reached, but legal executions have it, too. */
  | 'pages-only'
  /** The program is not said in full. */
  | 'shape-open';

/** What is not given is not compared. */
export interface SuiteOutcome {
  readonly reads: Readonly<Record<string, number>>;
  readonly mem?: Readonly<Record<string, number>>;
  readonly map?: Readonly<Record<string, string>>;
  /** The physical page that each access went to. */
  readonly pages?: Readonly<Record<string, string>>;
}

/** A program and outcomes of it. */
export interface TableCase {
  readonly is: 'table';
  readonly program: SuiteProgram;
  readonly permitted: readonly SuiteOutcome[];
  readonly forbidden: readonly SuiteOutcome[];
  /** `permitted` lists every outcome of a legal execution. */
  readonly complete: boolean;
  /** Why what is reached decides nothing: `legality-unknown` of what is forbidden, `not-user-visible` of anything. */
  readonly undecided: 'legality-unknown' | 'not-user-visible' | undefined;
}

export type SuiteVerdict = 'forbidden' | 'permitted' | 'required';

/** An outcome of which the reads are given: of an execution that the source lists among `alternatives` of them. */
export interface ReadsCase {
  readonly is: 'reads';
  readonly program: SuiteProgram;
  readonly verdict: SuiteVerdict;
  readonly reads: SuiteOutcome['reads'];
  readonly alternatives: number | undefined;
}

/** Pairs of accesses that go to the same physical page, and to different ones. */
export interface ShapeCase {
  readonly is: 'shape';
  readonly verdict: 'forbidden' | 'permitted';
  /** Every program that can have the shape: who uses which page is not said in full. */
  readonly programs: readonly SuiteProgram[];
  readonly same: readonly (readonly [string, string])[];
  readonly different: readonly (readonly [string, string])[];
}

export type SuiteCase = TableCase | ReadsCase | ShapeCase;

export interface SuiteTest {
  readonly section: SuiteSection;
  readonly id: string;
  /** Empty: shape-open. */
  readonly cases: readonly SuiteCase[];
}

/** @throws BadInput for the first thing that is wrong: `where: tables[3].threads[0][1].va: …` */
export function parseSuite(text: string, where: string): SuiteTest[] {
  const expected = 'a suite with sections handwritten, tables, tso or synthesized';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadInput({ what: (error as Error).message, where, expected });
  }
  const place = (path: string): string => (path === '' ? where : `${where}: ${path}`);
  const { handwritten = [], tables = [], tso = [], synthesized = [] } = parsed(suiteFile, value, place, EVENTS);
  const at = (section: SuiteSection, i: number): string => place(`${section}[${i}]`);
  const tests: SuiteTest[] = [
    ...handwritten.map((shape, i) => ({
      section: 'handwritten' as const,
      id: shape.id,
      cases: shape.outcomes
        ? shape.outcomes.map((t, k) => tableCase(t, `${at('handwritten', i)}.outcomes[${k}]`))
        : shapeOf(shape, at('handwritten', i)),
    })),
    ...tables.map((t, i) => ({ section: 'tables' as const, id: t.id, cases: [tableCase(t, at('tables', i))] })),
    ...tso.map(({ id, verdict, threads, alternatives }, i) => {
      requireNoRemap(threads, at('tso', i));
      const program = programOf(threads, zeroes(threads), at('tso', i));
      const one = { is: 'reads' as const, program, verdict, reads: readsOf(threads), alternatives };
      return { section: 'tso' as const, id, cases: [one] };
    }),
    ...synthesized.map(({ id, user_visible, threads, init, outcome: { reads, mem, pte } }, i) => {
      const map = Object.fromEntries(Object.entries(pte).map(([va, { pa }]) => [va, pa]));
      const [permitted, forbidden] = user_visible === false ? [[{ reads, mem, map }], []] : [[], [{ reads, mem, map }]];
      const table = tableCase({ threads, init, permitted, forbidden }, at('synthesized', i));
      const undecided = { true: undefined, false: 'not-user-visible', null: 'legality-unknown' } as const;
      const one = { ...table, complete: false, undecided: undecided[`${user_visible}`] };
      return { section: 'synthesized' as const, id, cases: [one] };
    }),
  ];
  if (tests.length > 0) return tests;
  throw new BadInput({ what: 'no test', where, expected });
}

function tableCase({ threads, init, permitted, forbidden }: FileTable, where: string): TableCase {
  const program = programOf(threads, init, where);
  for (const outcome of [...permitted, ...forbidden]) requireKnown(program, outcome, where);
  return { is: 'table', program, permitted, forbidden, complete: true, undecided: undefined };
}

/** @throws BadInput for an outcome that tells of an event that reads nothing, or of a page that there is not. */
function requireKnown({ threads, map, mem }: SuiteProgram, outcome: SuiteOutcome, where: string): void {
  const readers = threads.flat().flatMap(({ op, id }) => (op === 'R' || op === 'RMW' ? [id] : []));
  const among = (names: readonly string[], known: readonly string[], field: string, none: string): void => {
    const what = names.find((name) => !known.includes(name));
    if (what === undefined) return;
    throw new BadInput({ what, where: `${where}: ${field}`, expected: `one of ${known.join(', ') || none}` });
  };
  among(Object.keys(outcome.reads), readers, 'reads', '(no event reads)');
  among(Object.keys(outcome.mem ?? {}), Object.keys(mem), 'mem', '(no page)');
  among(Object.keys(outcome.map ?? {}), Object.keys(map), 'map', '(no page)');
  among(Object.values(outcome.map ?? {}), Object.keys(mem), 'map', '(no page)');
}

/** @throws BadInput for a page-table store where no page has an entry that is told of. */
function requireNoRemap(threads: readonly (readonly FileEvent[])[], where: string): void {
  const t = threads.findIndex((events) => events.some(({ op }) => op === 'WPTE'));
  if (t < 0) return;
  const k = threads[t].findIndex(({ op }) => op === 'WPTE');
  throw new BadInput({ what: 'WPTE', where: `${where}.threads[${t}][${k}].op`, expected: 'no page-table store here' });
}

/** Physical pages of their own, all 0. */
function zeroes(threads: readonly (readonly FileEvent[])[]): FileInit {
  const vas = [...new Set(threads.flat().flatMap((e) => ('va' in e ? [e.va] : [])))].sort();
  return {
    map: Object.fromEntries(vas.map((va) => [va, `P${va}`])),
    mem: Object.fromEntries(vas.map((va) => [`P${va}`, 0])),
  };
}

function readsOf(threads: readonly (readonly FileEvent[])[]): Record<string, number> {
  const reads = threads.flatMap((events, t) =>
    events.flatMap((e, k) => (e.op === 'R' && e.reads !== undefined ? [[`${t}.${k}`, e.reads] as const] : [])),
  );
  return Object.fromEntries(reads);
}
