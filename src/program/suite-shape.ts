/**
 * Shapes of executions: who shares a physical page with whom, and which page an INVLPG names, is said; the virtual pages are
 * not. The programs that can have a shape follow: every way to share out as many virtual pages as the shape counts, each
 * mapped to a page of its own at first, and every page that a page-table store may lead to. What the shape says of walks
 * (who makes one, and who finds its translation cached) is left out: an emulator may differ there and be right.
 */
import { BadInput } from './bad-input.ts';
import { oneOfEach } from './combinations.ts';
import type { ShapeCase } from './suite.ts';
import type { FileShape } from './suite-file.ts';
import { requireEnd, type SuiteEvent, type SuiteProgram } from './suite-program.ts';

type Pair = readonly [string, string];
type ShapeEvent = FileShape['threads'][number][number];

/** More programs than that are too many to run, and more ways to share pages out too many to try. */
const MOST = 256;
const MOST_TRIED = 1 << 12;

/**
 * None if the program is not said in full, or could be one of too many.
 * @throws BadInput for a pair that names no event of its kind, or invalidations that wait for each other
 */
export function shapeOf(shape: FileShape, where: string): ShapeCase[] {
  const threads = shape.threads.length > 0 ? shape.threads : onlyEvent(shape.counts);
  const pages = virtualPages(shape.counts);
  requireEvents(shape, threads ?? [], where);
  if (shape.verdict === undefined || threads === undefined || pages === undefined) return [];
  const same = shape.same_pa.filter((pair) => isOfData(threads, pair));
  const different = shape.diff_pa.filter((pair) => isOfData(threads, pair));
  const users = usersOf(threads, shape);
  if (pages ** threads.flat().filter(({ op }) => op === 'WPTE').length > MOST) return [];
  const programs: SuiteProgram[] = [];
  let tried = 0;
  for (const shares of partitions(users.length, pages)) {
    if (++tried > MOST_TRIED) return [];
    const vaOf = new Map(users.flatMap((ids, u) => ids.map((id) => [id, vaName(shares[u])] as const)));
    if (!entriesAgree(threads, shape, vaOf)) continue;
    for (const program of programsOf(threads, vaOf, pages)) {
      const may = (id: string): Set<string> => mayUse(program, vaOf.get(id) as string);
      const meet = ([a, b]: Pair): boolean => [...may(a)].some((pa) => may(b).has(pa));
      const part = ([a, b]: Pair): boolean => may(a).size > 1 || may(b).size > 1 || !meet([a, b]);
      if (same.every(meet) && different.every(part)) programs.push(program);
      if (programs.length > MOST) return [];
    }
  }
  for (const program of programs.slice(0, 1)) requireEnd(program, where);
  // what shares a physical page shares most simply the virtual one, too: such programs come first
  const detours = ({ threads: list }: SuiteProgram): number => {
    const va = new Map(list.flat().map((e) => [e.id, 'va' in e ? e.va : undefined]));
    return same.filter(([a, b]) => va.get(a) !== va.get(b)).length;
  };
  programs.sort((a, b) => detours(a) - detours(b));
  return [{ is: 'shape', verdict: shape.verdict, programs, same, different }];
}

/** A shape without threads is one of a single event, which is counted. */
function onlyEvent(counts: FileShape['counts']): ShapeEvent[][] | undefined {
  const ops = { Write: 'W', Read: 'R' } as const;
  const counted = Object.entries(counts).filter(([kind, n]) => /^(Write|Read|MFENCE|INVLPG)$/.test(kind) && n !== '=0');
  if (counted.length !== 1 || counted[0][1] !== '=1') return undefined;
  const op = ops[counted[0][0] as keyof typeof ops];
  return op && [[{ op }]];
}

/** Each page of data has a second one where its entry lies, which is counted, too. */
function virtualPages(counts: FileShape['counts']): number | undefined {
  const n = Number(/^=(\d+)$/.exec(counts.VirtualAddress ?? '')?.[1]);
  return n > 0 && n % 2 === 0 ? n / 2 : undefined;
}

function requireEvents(shape: FileShape, threads: readonly (readonly ShapeEvent[])[], where: string): void {
  const event = (id: string): ShapeEvent | undefined => {
    const [t, k] = id.split('.').map(Number);
    return threads[t]?.[k];
  };
  for (const field of ['same_pa', 'diff_pa', 'same_va'] as const) {
    shape[field].flat().forEach((name, i) => {
      const op = event(name.replace(/^\w+@/, ''))?.op;
      const allowed = name.includes('@') ? ['R', 'W'] : ['R', 'W', 'WPTE', ...(field === 'same_va' ? ['INVLPG'] : [])];
      if (op !== undefined && allowed.includes(op)) return;
      const expected = `an event of its threads that is one of ${allowed.join(', ')}`;
      throw new BadInput({ what: name, where: `${where}.${field}[${i >> 1}][${i & 1}]`, expected });
    });
  }
  threads.forEach((events, t) => {
    events.forEach((e, k) => {
      if (e.for === undefined || event(e.for)?.op === 'WPTE') return;
      throw new BadInput({ what: e.for, where: `${where}.threads[${t}][${k}].for`, expected: 'the name of a WPTE' });
    });
  });
}

function isOfData(threads: readonly (readonly ShapeEvent[])[], pair: Pair): boolean {
  return pair.every((name) => entryOf(threads, name) === undefined);
}

/** The event whose page's entry is meant, if it is one. */
function entryOf(threads: readonly (readonly ShapeEvent[])[], name: string): string | undefined {
  const [, id] = name.split('@');
  if (id !== undefined) return id;
  const [t, k] = name.split('.').map(Number);
  return threads[t][k].op === 'WPTE' ? name : undefined;
}

/** Entries lie at one place if and only if they are of one page, and never where data are. */
function entriesAgree(
  threads: readonly (readonly ShapeEvent[])[],
  { same_pa, diff_pa }: FileShape,
  vaOf: ReadonlyMap<string, string>,
): boolean {
  const shared = ([a, b]: Pair): boolean | undefined => {
    const [x, y] = [entryOf(threads, a), entryOf(threads, b)];
    if (x === undefined && y === undefined) return undefined;
    return x !== undefined && y !== undefined && vaOf.get(x) === vaOf.get(y);
  };
  return same_pa.every((pair) => shared(pair) !== false) && diff_pa.every((pair) => shared(pair) !== true);
}

/** The events that name a page, together where it is the same one. */
function usersOf(threads: readonly (readonly ShapeEvent[])[], { same_va }: FileShape): string[][] {
  const groups: string[][] = threads.flatMap((events, t) =>
    events.flatMap(({ op }, k) => (op === 'MFENCE' ? [] : [[`${t}.${k}`]])),
  );
  const owed = threads.flatMap((events, t) => events.flatMap((e, k) => (e.for ? [[e.for, `${t}.${k}`] as const] : [])));
  for (const [a, b] of [...same_va, ...owed]) {
    const [to, from] = [a, b].map((name) => groups.findIndex((ids) => ids.includes(name.replace(/^\w+@/, ''))));
    if (to !== from) groups[to].push(...groups.splice(from, 1, [])[0]);
  }
  return groups.filter((ids) => ids.length > 0);
}

/** All ways to share `n` things out among `parts` of which none is empty, up to the parts' names: the part of each. */
function* partitions(n: number, parts: number, begun: readonly number[] = []): Generator<readonly number[]> {
  const used = new Set(begun).size;
  if (n - begun.length < parts - used) return;
  if (begun.length === n) yield begun;
  else for (let part = 0; part < Math.min(parts, used + 1); part++) yield* partitions(n, parts, [...begun, part]);
}

function* programsOf(
  threads: readonly (readonly ShapeEvent[])[],
  vaOf: ReadonlyMap<string, string>,
  pages: number,
): Generator<SuiteProgram> {
  const vas = Array.from({ length: pages }, (_, i) => vaName(i));
  const remaps = threads.flatMap((events, t) => events.flatMap(({ op }, k) => (op === 'WPTE' ? [`${t}.${k}`] : [])));
  const map = Object.fromEntries(vas.map((va) => [va, `P${va}`]));
  const fresh = remaps.map((_, i) => `Pn${i + 1}`);
  const mem = Object.fromEntries([...vas.map((va) => map[va]), ...fresh].map((pa, i) => [pa, 10 * (i + 1)]));
  // a page never comes back to where it was
  const targets = remaps.map((id, i) => [fresh[i], ...vas.filter((va) => va !== vaOf.get(id)).map((va) => map[va])]);
  for (const leads of oneOfEach(targets)) {
    let stores = 0;
    const list = threads.map((events, t) =>
      events.map(({ op, for: after }, k): SuiteEvent => {
        const id = `${t}.${k}`;
        const va = vaOf.get(id) as string;
        switch (op) {
          case 'W':
            return { id, op, va, value: ++stores };
          case 'WPTE':
            return { id, op, va, pa: leads[remaps.indexOf(id)] };
          case 'INVLPG':
            return { id, op, va, after };
          case 'R':
            return { id, op, va };
          default:
            return { id, op };
        }
      }),
    );
    yield { threads: list, map, mem };
  }
}

/** The physical pages that an access of the page can go to. */
function mayUse({ threads, map }: SuiteProgram, va: string): Set<string> {
  return new Set([map[va], ...threads.flat().flatMap((e) => (e.op === 'WPTE' && e.va === va ? [e.pa] : []))]);
}

function vaName(i: number): string {
  return 'xyzuvw'[i] ?? `v${i}`;
}
