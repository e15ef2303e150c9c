/** Programs of litmus suites: threads of accesses, page-table stores and invalidations, and the pages they start with. */
import { BadInput } from './bad-input.ts';
import type { FileEvent, FileInit } from './suite-file.ts';

export const MAX_THREADS = 6;
/** Of one thread: its stores must find place in a store buffer, two for each page-table store. */
export const MAX_EVENTS = 32;
/** Virtual and physical ones: what a page table of one level can map. */
const MAX_PAGES = 512;

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

/**
 * @throws BadInput for a page that is not mapped, a remap that does not exist or is of another page, halves of a locked
 *   operation apart, invalidations that wait for each other
 */
export function programOf(
  threads: readonly (readonly FileEvent[])[],
  { map, mem }: FileInit,
  where: string,
): SuiteProgram {
  const wrong = (t: number, k: number, field: string, what: string, expected: string): BadInput =>
    new BadInput({ what, where: `${where}.threads[${t}][${k}].${field}`, expected });
  const remapped = new Map<string, string>(
    threads.flatMap((events, t) => events.flatMap((e, k) => (e.op === 'WPTE' ? [[`${t}.${k}`, e.va] as const] : []))),
  );
  for (const [field, of] of [['map', map] as const, ['mem', mem] as const]) {
    const pages = Object.keys(of).length;
    if (pages > MAX_PAGES)
      throw new BadInput({ what: `${pages} pages`, where: `${where}.init.${field}`, expected: `at most ${MAX_PAGES}` });
  }
  for (const [va, pa] of Object.entries(map)) {
    if (!Object.hasOwn(mem, pa))
      throw new BadInput({ what: pa, where: `${where}.init.map.${va}`, expected: 'a page of init.mem' });
  }
  const read = (events: readonly FileEvent[], t: number): SuiteEvent[] => {
    const list: SuiteEvent[] = [];
    for (let k = 0; k < events.length; k++) {
      const e = events[k];
      const id = `${t}.${k}`;
      if (e.op !== 'MFENCE' && !Object.hasOwn(map, e.va)) throw wrong(t, k, 'va', e.va, 'a page of init.map');
      switch (e.op) {
        case 'R': {
          const half = e.rmw_with !== undefined || e.flags?.includes('RMW');
          const other = events[k + 1];
          const next = `${t}.${k + 1}`;
          if (!half) list.push({ id, op: 'R', va: e.va });
          else if (other?.op === 'W' && other.va === e.va && (e.rmw_with ?? next) === next) {
            list.push({ id, op: 'RMW', va: e.va, value: other.val });
            k++;
          } else throw wrong(t, k, 'op', 'half of a locked operation', `a store to ${e.va} next`);
          break;
        }
        case 'W':
          if (e.flags?.includes('RMW'))
            throw wrong(t, k, 'op', 'half of a locked operation', `a load of ${e.va} before`);
          list.push({ id, op: 'W', va: e.va, value: e.val });
          break;
        case 'WPTE':
          if (!Object.hasOwn(mem, e.pa)) throw wrong(t, k, 'pa', e.pa, 'a page of init.mem');
          list.push({ id, op: 'WPTE', va: e.va, pa: e.pa });
          break;
        case 'INVLPG':
          if (e.for !== undefined && remapped.get(e.for) !== e.va)
            throw wrong(t, k, 'for', e.for, `the name of a WPTE of ${e.va}`);
          list.push({ id, op: 'INVLPG', va: e.va, after: e.for });
          break;
        case 'MFENCE':
          list.push({ id, op: 'MFENCE' });
      }
    }
    return list;
  };
  const program = { threads: threads.map(read), map, mem };
  requireEnd(program, where);
  return program;
}

/** @throws BadInput if no order of the events lets every thread end: handlers wait for the stores that they are owed to. */
export function requireEnd({ threads }: SuiteProgram, where: string): void {
  const done = new Set<string>();
  const next = threads.map(() => 0);
  const waits = (e: SuiteEvent, t: number): boolean =>
    e.op === 'INVLPG' && e.after !== undefined && !threads[t].some(({ id }) => id === e.after) && !done.has(e.after);
  const runs = (t: number): boolean => {
    const e = threads[t][next[t]];
    if (e === undefined || waits(e, t)) return false;
    done.add(e.id);
    next[t]++;
    return true;
  };
  while (threads.some((_, t) => runs(t)));
  const stuck = threads.findIndex((events, t) => next[t] < events.length);
  if (stuck < 0) return;
  const e = threads[stuck][next[stuck]];
  throw new BadInput({
    what: `${e.id} waits for ever`,
    where: `${where}.threads[${stuck}]`,
    expected: 'invalidations that do not wait for each other',
  });
}
