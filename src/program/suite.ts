/**
 * Litmus suites of x86 memory transistency as others publish them, in one JSON form: programs of loads, stores, page-table
 * stores and INVLPGs with the outcomes that are permitted and forbidden. Four sections, each optional:
 *
 *     tables       programs, each with its permitted outcomes (all of them) and forbidden ones
 *     tso          one outcome each, by what is read (not what memory holds in the end): forbidden, permitted or required;
 *                  every word starts with 0
 *     handwritten  programs whose verdict is about one shape of execution; decided where `outcomes` holds tables
 *     synthesized  one forbidden execution each; decided where its values alone betray it
 *
 * Threads are lists of events; an event is named `thread.index`. A page table entry names a physical page, and each page
 * holds one word.
 */
import { z } from 'zod';
import { BadInput } from './bad-input.ts';
import { parsed } from './schema.ts';

export type SuiteSection = 'handwritten' | 'tables' | 'tso' | 'synthesized';

export type SuiteOp =
  | { readonly op: 'R'; readonly va: string }
  | { readonly op: 'W'; readonly va: string; readonly value: number }
  /** A locked read-modify-write: reads, and stores `value`. */
  | { readonly op: 'RMW'; readonly va: string; readonly value: number }
  | { readonly op: 'WPTE'; readonly va: string; readonly pa: string }
  /** `after`: what this invalidation is owed to; on another CPU it is the interrupt handler, and follows it. */
  | { readonly op: 'INVLPG'; readonly va: string; readonly after: string | undefined }
  | { readonly op: 'MFENCE' };

/** An operation, and the name of its event. */
export type SuiteEvent = SuiteOp & { readonly id: string };

export interface SuiteProgram {
  readonly threads: readonly (readonly SuiteEvent[])[];
  /** The physical page of each virtual one, and what each holds. */
  readonly map: Readonly<Record<string, string>>;
  readonly mem: Readonly<Record<string, number>>;
}

/** What is not given is not compared. */
export interface SuiteOutcome {
  readonly reads: Readonly<Record<string, number>>;
  readonly mem?: Readonly<Record<string, number>>;
  readonly map?: Readonly<Record<string, string>>;
}

/** One program and what is said about its outcomes. */
export interface SuiteCase {
  readonly program: SuiteProgram;
  readonly permitted: readonly SuiteOutcome[];
  readonly forbidden: readonly SuiteOutcome[];
  /** Every execution ends in one of these. */
  readonly required: readonly SuiteOutcome[];
  /** `permitted` lists every outcome of a legal execution. */
  readonly complete: boolean;
  /** A forbidden outcome may come about legally, too: reached, it decides nothing. */
  readonly ambiguous: boolean;
}

export interface SuiteTest {
  readonly section: SuiteSection;
  readonly id: string;
  /** Empty: values do not decide it. */
  readonly cases: readonly SuiteCase[];
}

const name = z.string().min(1);
const number = z.int();
const eventId = z.string().regex(/^\d+\.\d+$/, 'the name of an event, thread.index');
const flags = z.array(z.string()).optional();

const event = z.discriminatedUnion('op', [
  z.object({ op: z.literal('R'), va: name, reads: number.optional(), rmw_with: eventId.optional(), flags }),
  z.object({ op: z.literal('W'), va: name, val: number, flags }),
  z.object({ op: z.literal('WPTE'), va: name, pa: name }),
  z.object({ op: z.literal('INVLPG'), va: name, for: eventId.optional() }),
  z.object({ op: z.literal('MFENCE') }),
]);
type FileEvent = z.infer<typeof event>;
const EVENTS = event.options.map((o) => o.shape.op.value);

const threads = z.array(z.array(event)).min(1).max(6);
const init = z.object({ map: z.record(name, name), mem: z.record(name, number) });
const outcome = z.object({ reads: z.record(eventId, number), mem: z.record(name, number), map: z.record(name, name) });
const outcomes = { permitted: z.array(outcome), forbidden: z.array(outcome) };
const table = z.object({ threads, init, ...outcomes });

const suite = z.object({
  handwritten: z.array(z.object({ id: name, outcomes: z.array(table).optional() })).optional(),
  tables: z.array(table.extend({ id: name })).optional(),
  tso: z.array(z.object({ id: name, verdict: z.enum(['forbidden', 'permitted', 'required']), threads })).optional(),
  synthesized: z
    .array(
      z.object({
        id: name,
        user_visible: z.boolean().nullable(),
        threads,
        init,
        outcome: z.object({
          reads: z.record(eventId, number),
          mem: z.record(name, number),
          pte: z.record(name, z.object({ pa: name })),
        }),
      }),
    )
    .optional(),
});

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
  const { handwritten = [], tables = [], tso = [], synthesized = [] } = parsed(suite, value, place, EVENTS);
  const at = (section: SuiteSection, i: number): string => place(`${section}[${i}]`);
  const tests: SuiteTest[] = [
    ...handwritten.map(({ id, outcomes = [] }, i) => ({
      section: 'handwritten' as const,
      id,
      cases: outcomes.map((t, k) => caseOf(t, `${at('handwritten', i)}.outcomes[${k}]`)),
    })),
    ...tables.map((t, i) => ({ section: 'tables' as const, id: t.id, cases: [caseOf(t, at('tables', i))] })),
    ...tso.map(({ id, verdict, threads }, i) => {
      const program = fencesPlaced(programOf(threads, zeroes(threads), at('tso', i)));
      const { reads } = outcomeRead(threads);
      const said = { ...NOTHING_SAID, ambiguous: storedByMany(threads), [verdict]: [{ reads }] };
      return { section: 'tso' as const, id, cases: [{ program, ...said }] };
    }),
    ...synthesized.map(({ id, user_visible, threads, init, outcome: { reads, mem, pte } }, i) => {
      const map = Object.fromEntries(Object.entries(pte).map(([va, { pa }]) => [va, pa]));
      const program = programOf(threads, init, at('synthesized', i));
      requireReads(program, reads, at('synthesized', i));
      const one = { program, ...NOTHING_SAID, forbidden: [{ reads, mem, map }], ambiguous: user_visible === null };
      return { section: 'synthesized' as const, id, cases: user_visible === false ? [] : [one] };
    }),
  ];
  if (tests.length > 0) return tests;
  throw new BadInput({ what: 'no test', where, expected });
}

const NOTHING_SAID = { permitted: [], forbidden: [], required: [], complete: false, ambiguous: false };

function caseOf({ threads, init, permitted, forbidden }: z.infer<typeof table>, where: string): SuiteCase {
  const program = programOf(threads, init, where);
  for (const { reads } of [...permitted, ...forbidden]) requireReads(program, reads, where);
  return { ...NOTHING_SAID, program, permitted, forbidden, complete: true };
}

/** @throws BadInput for an outcome that says what an event has read that reads nothing. */
function requireReads({ threads }: SuiteProgram, reads: SuiteOutcome['reads'], where: string): void {
  const readers = threads.flat().flatMap(({ op, id }) => (op === 'R' || op === 'RMW' ? [id] : []));
  const other = Object.keys(reads).find((id) => !readers.includes(id));
  if (other === undefined) return;
  throw new BadInput({
    what: other,
    where: `${where}: reads`,
    expected: `one of ${readers.join(', ') || '(no event reads)'}`,
  });
}

/**
 * The sources of the section list the fences of a thread behind its accesses, and their place is not kept. Behind a store
 * that only loads follow there is one place where a fence orders anything: between them.
 */
function fencesPlaced(program: SuiteProgram): SuiteProgram {
  const threads = program.threads.map((events) => {
    const [first, ...rest] = events;
    const last = rest.pop();
    const between = first?.op === 'W' && last?.op === 'MFENCE' && rest.length > 0 && rest.every(({ op }) => op === 'R');
    return between ? [first, last, ...rest] : events;
  });
  return { ...program, threads };
}

/** May the order of stores to one page be part of the outcome? Then what is read alone does not say which outcome it is. */
function storedByMany(threads: readonly (readonly FileEvent[])[]): boolean {
  const pages = threads.flatMap((events) => [...new Set(events.flatMap((e) => (e.op === 'W' ? [e.va] : [])))]);
  return new Set(pages).size < pages.length;
}

/** Physical pages of their own, all 0. */
function zeroes(threads: readonly (readonly FileEvent[])[]): z.infer<typeof init> {
  const vas = [...new Set(threads.flat().flatMap((e) => ('va' in e ? [e.va] : [])))].sort();
  return {
    map: Object.fromEntries(vas.map((va) => [va, `P${va}`])),
    mem: Object.fromEntries(vas.map((va) => [`P${va}`, 0])),
  };
}

function outcomeRead(threads: readonly (readonly FileEvent[])[]): { reads: Record<string, number> } {
  const reads = threads.flatMap((events, t) =>
    events.flatMap((e, k) => (e.op === 'R' && e.reads !== undefined ? [[`${t}.${k}`, e.reads] as const] : [])),
  );
  return { reads: Object.fromEntries(reads) };
}

/** @throws BadInput for a page that is not mapped, a remap that does not exist, or halves of a locked operation apart. */
function programOf(
  threads: readonly (readonly FileEvent[])[],
  { map, mem }: z.infer<typeof init>,
  where: string,
): SuiteProgram {
  const remaps = new Set(
    threads.flatMap((events, t) => events.flatMap((e, k) => (e.op === 'WPTE' ? [`${t}.${k}`] : []))),
  );
  const wrong = (t: number, k: number, field: string, what: string, expected: string): BadInput =>
    new BadInput({ what, where: `${where}.threads[${t}][${k}].${field}`, expected });
  for (const [va, pa] of Object.entries(map)) {
    if (mem[pa] === undefined)
      throw new BadInput({ what: pa, where: `${where}.init.map.${va}`, expected: 'a page of init.mem' });
  }
  const read = (events: readonly FileEvent[], t: number): SuiteEvent[] => {
    const list: SuiteEvent[] = [];
    for (let k = 0; k < events.length; k++) {
      const e = events[k];
      const id = `${t}.${k}`;
      if (e.op !== 'MFENCE' && map[e.va] === undefined) throw wrong(t, k, 'va', e.va, 'a page of init.map');
      switch (e.op) {
        case 'R': {
          const half = e.rmw_with !== undefined || e.flags?.includes('RMW');
          const other = events[k + 1];
          if (!half) list.push({ id, op: 'R', va: e.va });
          else if (other?.op === 'W' && other.va === e.va) {
            list.push({ id, op: 'RMW', va: e.va, value: other.val });
            k++;
          } else throw wrong(t, k, 'op', 'half of a locked operation', `a store to ${e.va} next`);
          break;
        }
        case 'W':
          list.push({ id, op: 'W', va: e.va, value: e.val });
          break;
        case 'WPTE':
          if (mem[e.pa] === undefined) throw wrong(t, k, 'pa', e.pa, 'a page of init.mem');
          list.push({ id, op: 'WPTE', va: e.va, pa: e.pa });
          break;
        case 'INVLPG':
          if (e.for !== undefined && !remaps.has(e.for)) throw wrong(t, k, 'for', e.for, 'the name of a WPTE');
          list.push({ id, op: 'INVLPG', va: e.va, after: e.for });
          break;
        case 'MFENCE':
          list.push({ id, op: 'MFENCE' });
      }
    }
    return list;
  };
  return { threads: threads.map(read), map, mem };
}
