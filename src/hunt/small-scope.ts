/**
 * Small scopes: 4 to 6 kinds of operations are drawn, and all tiny programs over them are searched, state by state, until as many
 * runs are made as one scope gets. Most bugs show in a small scope (Jackson, Damon, ISSTA 1996); which one is what is drawn. A
 * program has two tasks on two CPUs, or three on three, which share an address space with one page in it that all have in their
 * TLBs; which operation a task does next is a choice of the search.
 */
import type { Menu } from '../engine/machine-plan.ts';
import {
  by,
  clearrefs,
  devmigrate,
  dontneed,
  fileRead,
  fileWrite,
  fsync,
  load,
  migrate,
  migrateMemory,
  mmap,
  mprotect,
  mremap,
  msync,
  munmap,
  pageout,
  punch,
  race,
  reclaim,
  reclaimMemory,
  store,
  truncate,
} from '../program/builder.ts';
import type { FileSpec, Op, Program } from '../program/program.ts';
import type { Draw } from './generate/draw.ts';

/** A program whose tasks have done their first operation, and what they may do behind it. */
export interface Scope {
  readonly program: Program;
  readonly menu: Menu;
}

const PAGE = 8;
/** Below another table. */
const ELSEWHERE = 16;
const FILE = 'f';

const free: Op = { do: 'madvise', page: PAGE, advice: 'free' };

const ON_ANY: readonly Op[] = [
  load(PAGE),
  store(PAGE),
  munmap(PAGE),
  dontneed(PAGE),
  mprotect(PAGE, 1, 'r'),
  mprotect(PAGE, 1, 'rw'),
  mprotect(PAGE, 1, 'none'),
  mremap(PAGE, 1, { to: ELSEWHERE }),
  load(ELSEWHERE),
  mmap(PAGE, 1, 'rw', { fixed: true }),
  pageout(PAGE),
  clearrefs(),
];
const ON_ANONYMOUS: readonly Op[] = [free, reclaimMemory(PAGE), migrateMemory(PAGE), devmigrate(PAGE)];
const ON_FILE: readonly Op[] = [
  reclaim(FILE, 0),
  migrate(FILE, 0),
  fsync(FILE),
  msync(PAGE),
  truncate(FILE, 0),
  punch(FILE, 0),
  fileRead(FILE, 0),
  fileWrite(FILE, 0),
];

/** CPUs, and how many operations each task does behind its first, the smallest programs most often. */
const SHAPES: readonly (readonly number[])[] = [
  [1, 0],
  [1, 0],
  [1, 1],
  [1, 1],
  [2, 1],
  [1, 0, 0],
];

/** @param name of the program */
export function drawScope(draw: Draw, name: string): Scope {
  const ofFile = draw.chance(0.5);
  const pool = [...ON_ANY, ...(ofFile ? ON_FILE : ON_ANONYMOUS)];
  const ops = Array.from({ length: draw.between(4, 6) }, () => pool.splice(draw.below(pool.length), 1)[0]);
  const more = draw.pick(SHAPES);
  const names = more.map((_, i) => `P${i}`);
  const use = draw.chance(0.5) ? store(PAGE) : load(PAGE);
  const mapped = mmap(PAGE, 1, 'rw', { fixed: true, ...(ofFile ? { file: FILE, shared: draw.chance(0.7) } : {}) });
  const tasks = Object.fromEntries(names.map((task) => [task, [draw.pick(ops)]]));
  const machine = {
    cpus: more.length,
    geometry: 'tiny',
    override: { swapSlots: ofFile ? 0 : 2 },
    switches: { pauses: true },
  } as const;
  const files: FileSpec[] = ofFile ? [{ name: FILE, pages: 1 }] : [];
  const program = race(
    machine,
    { setup: [mapped, ...names.flatMap((task) => by(task, use))], ...tasks },
    { name, files },
  );
  return { program, menu: { ops, more } };
}
