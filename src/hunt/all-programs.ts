/**
 * All programs of so many operations: two tasks of one address space on two CPUs, with one page that both have touched.
 * Two programs that differ only in which CPU does what are one, and a program whose operations all belong to one task has
 * no race.
 */
import { by, dontneed, load, mmap, mprotect, munmap, race, store } from '../program/builder.ts';
import type { Op, Program } from '../program/program.ts';

const PAGE = 8;
/** What a task may do next, with the word that names it. */
const OPERATIONS: readonly (readonly [string, Op])[] = [
  ['load', load(PAGE)],
  ['store', store(PAGE)],
  ['munmap', munmap(PAGE)],
  ['dontneed', dontneed(PAGE)],
  ['narrow', mprotect(PAGE, 1, 'r')],
  ['widen', mprotect(PAGE, 1, 'rw')],
];

type Words = readonly number[];

/** In an order that depends on `ops` only. */
export function* allPrograms(ops: number): Iterable<Program> {
  for (let left = 1; left <= ops / 2; left++) {
    for (const a of wordsOf(left)) {
      for (const b of wordsOf(ops - left)) {
        if (left * 2 < ops || a.join() <= b.join()) yield programOf(a, b);
      }
    }
  }
}

function* wordsOf(length: number): Iterable<Words> {
  if (length === 0) return void (yield []);
  for (const rest of wordsOf(length - 1)) for (let i = 0; i < OPERATIONS.length; i++) yield [...rest, i];
}

function programOf(a: Words, b: Words): Program {
  const name = [a, b].map((words) => words.map((i) => OPERATIONS[i][0]).join('-')).join('--');
  const setup = [mmap(PAGE, 1, 'rw'), ...by('P0', store(PAGE)), ...by('P1', store(PAGE))];
  const [P0, P1] = [a, b].map((words) => words.map((i) => OPERATIONS[i][1]));
  return race({ cpus: 2, geometry: 'tiny' }, { setup, P0, P1 }, { name });
}
