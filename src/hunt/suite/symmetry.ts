/**
 * Symmetries of a suite's program: threads that do the same under other names. Suites list outcomes of identical threads
 * once; the others follow by renaming.
 */
import { permutations } from '../../program/combinations.ts';
import type { SuiteOutcome } from '../../program/suite.ts';
import type { SuiteEvent, SuiteProgram } from '../../program/suite-program.ts';

/** Turns an outcome into one that is legal if and only if the first is. */
export type Renaming = (outcome: SuiteOutcome) => SuiteOutcome;

/** All of them, the identity among them. */
export function symmetries(program: SuiteProgram): Renaming[] {
  return permutations(program.threads.map((_, t) => t)).flatMap((to) => {
    const names = new Names();
    const same = program.threads.every((events, t) => matches(names, events, program.threads[to[t]]));
    if (!same || !keepsStart(names, program)) return [];
    const event = (id: string): string => id.replace(/^\d+/, (t) => String(to[Number(t)]));
    return [(outcome) => renamed(outcome, names, event)];
  });
}

/** A one-to-one renaming that grows as it is used. */
class Names {
  private readonly forth = new Map<string, string>();
  private readonly back = new Map<string, string>();

  /** False if it contradicts what was said before. */
  pairs(kind: string, a: string | number, b: string | number): boolean {
    const [from, to] = [`${kind} ${a}`, `${kind} ${b}`];
    if ((this.forth.get(from) ?? to) !== to || (this.back.get(to) ?? from) !== from) return false;
    this.forth.set(from, to);
    this.back.set(to, from);
    return true;
  }
  of(kind: string, name: string | number): string {
    return (this.forth.get(`${kind} ${name}`) ?? `${kind} ${name}`).slice(kind.length + 1);
  }
}

function matches(names: Names, events: readonly SuiteEvent[], others: readonly SuiteEvent[]): boolean {
  if (events.length !== others.length) return false;
  return events.every((a, i) => {
    const b = others[i];
    if (a.op !== b.op || !names.pairs('event', a.id, b.id)) return false;
    if ('va' in a && 'va' in b && !names.pairs('va', a.va, b.va)) return false;
    if ('pa' in a && 'pa' in b && !names.pairs('pa', a.pa, b.pa)) return false;
    if ('value' in a && 'value' in b && !names.pairs('value', a.value, b.value)) return false;
    if (a.op !== 'INVLPG' || b.op !== 'INVLPG') return true;
    if (a.after === undefined || b.after === undefined) return a.after === b.after;
    return names.pairs('event', a.after, b.after);
  });
}

/** Does the start of the program stay what it is? */
function keepsStart(names: Names, { map, mem }: SuiteProgram): boolean {
  const pages = Object.entries(map).every(([va, pa]) => names.pairs('pa', pa, map[names.of('va', va)] ?? ''));
  return pages && Object.entries(mem).every(([pa, v]) => names.pairs('value', v, mem[names.of('pa', pa)] ?? NaN));
}

function renamed({ reads, mem, map }: SuiteOutcome, names: Names, event: (id: string) => string): SuiteOutcome {
  const value = (v: number): number => Number(names.of('value', v));
  return {
    reads: mapped(reads, event, value),
    ...(mem && { mem: mapped(mem, (pa) => names.of('pa', pa), value) }),
    ...(map && {
      map: mapped(
        map,
        (va) => names.of('va', va),
        (pa) => names.of('pa', pa),
      ),
    }),
  };
}

function mapped<T>(of: Readonly<Record<string, T>>, key: (k: string) => string, value: (v: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(of).map(([k, v]) => [key(k), value(v)]));
}
