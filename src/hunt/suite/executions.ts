/**
 * Candidate executions of a program without page-table stores, and which of them total store order allows. From the axioms
 * alone (Owens, Sarkar, Sewell, TPHOLs 2009; in the form of Alglave, Maranget, Tautschnig, TOPLAS 2014), with no machine: a
 * candidate says from which store each load reads, and in which order the stores of each page come.
 */
import { factorial, oneOfEach, permutations } from '../../program/combinations.ts';
import type { SuiteOutcome } from '../../program/suite.ts';
import type { SuiteProgram } from '../../program/suite-program.ts';

export interface Candidate {
  readonly outcome: Required<Pick<SuiteOutcome, 'reads' | 'mem'>>;
  readonly isLegal: boolean;
}

/** More candidates than that are too many to look at. */
const MOST = 1 << 14;
/** What a page holds at the start, as the source of a load. */
const START = -1;

interface Access {
  readonly id: string;
  readonly thread: number;
  readonly page: string;
  readonly loads: boolean;
  /** What it stores. */
  readonly value: number | undefined;
  /** Fences before it in its thread. */
  readonly fences: number;
}

/** All that read what is asked for, or undefined if they are too many. */
export function candidates(program: SuiteProgram, asked: SuiteOutcome['reads'] = {}): Candidate[] | undefined {
  const accesses = accessesOf(program);
  const loads = accesses.flatMap(({ loads }, i) => (loads ? [i] : []));
  const sources = loads.map((i) =>
    sourcesOf(program, accesses, i).filter(({ value }) => value === (asked[accesses[i].id] ?? value)),
  );
  const pages = Object.keys(program.mem);
  const stores = pages.map((page) => storesTo(accesses, page));
  const counts = [...sources.map(({ length }) => length), ...stores.map(({ length }) => factorial(length))];
  if (counts.reduce((product, n) => product * n, 1) > MOST) return undefined;
  const orders = stores.map((of) => permutations(of));
  return oneOfEach(orders).flatMap((order) =>
    oneOfEach(sources).map((from) => {
      const reads = Object.fromEntries(loads.map((i, k) => [accesses[i].id, from[k].value]));
      const mem = Object.fromEntries(
        pages.map((page, p) => [page, accesses[order[p].at(-1) ?? START]?.value ?? program.mem[page]]),
      );
      const source = new Map(loads.map((i, k) => [i, from[k].store]));
      return { outcome: { reads, mem }, isLegal: isLegal(accesses, source, order) };
    }),
  );
}

function accessesOf({ threads, map }: SuiteProgram): Access[] {
  return threads.flatMap((events, thread) => {
    let fences = 0;
    return events.flatMap((e): Access[] => {
      if (e.op === 'MFENCE' || e.op === 'INVLPG') fences++;
      if (e.op !== 'R' && e.op !== 'W' && e.op !== 'RMW') return [];
      const value = e.op === 'R' ? undefined : e.value;
      return [{ id: e.id, thread, page: map[e.va], loads: e.op !== 'W', value, fences }];
    });
  });
}

function storesTo(accesses: readonly Access[], page: string): number[] {
  return accesses.flatMap((a, i) => (a.page === page && a.value !== undefined ? [i] : []));
}

function sourcesOf(
  { mem }: SuiteProgram,
  accesses: readonly Access[],
  load: number,
): { store: number; value: number }[] {
  const { page } = accesses[load];
  const stores = storesTo(accesses, page).map((store) => ({ store, value: accesses[store].value as number }));
  return [{ store: START, value: mem[page] }, ...stores];
}

function isLegal(
  accesses: readonly Access[],
  source: ReadonlyMap<number, number>,
  orders: readonly number[][],
): boolean {
  const order = new Map(orders.flatMap((stores) => stores.map((i, at) => [i, { stores, at }] as const)));
  const communicates = (i: number, j: number): boolean => {
    const [first, second] = [order.get(i), order.get(j)];
    // the order of stores, and of a load and the stores behind the one that it reads
    if (second && first?.stores === second.stores && first.at < second.at) return true;
    const from = source.get(i);
    return from !== undefined && second !== undefined && j !== i && accesses[j].page === accesses[i].page
      ? from === START || (order.get(from)?.at as number) < second.at
      : false;
  };
  const before = (i: number, j: number): boolean => accesses[i].thread === accesses[j].thread && i < j;
  const perPage = (i: number, j: number): boolean =>
    source.get(j) === i || communicates(i, j) || (before(i, j) && accesses[i].page === accesses[j].page);
  const inAll = (i: number, j: number): boolean =>
    (source.get(j) === i && accesses[i].thread !== accesses[j].thread) ||
    communicates(i, j) ||
    (before(i, j) && isKept(accesses[i], accesses[j]));
  return isAcyclic(accesses.length, perPage) && isAcyclic(accesses.length, inAll);
}

/** All of the program's order but a store and a later load, unless a fence stands between them. */
function isKept(a: Access, b: Access): boolean {
  return a.loads || b.value !== undefined || a.fences < b.fences;
}

function isAcyclic(n: number, leads: (i: number, j: number) => boolean): boolean {
  const left = new Set(Array.from({ length: n }, (_, i) => i));
  for (;;) {
    const free = [...left].filter((j) => ![...left].some((i) => leads(i, j)));
    if (free.length === 0) return left.size === 0;
    for (const i of free) left.delete(i);
  }
}
