/**
 * All programs of so many operations: two tasks of one address space on two CPUs, with one page that both have touched, on
 * a machine that may swap it out. They are searched together by their first operations: what comes behind those is left to
 * choice, so that programs which begin alike share what they do alike. A task may be slow between its operations. Two
 * programs that differ only in which CPU does what are one.
 */
import { type Choice, choice, choiceArgument, choiceCpu, choiceKind, PICK, RUN } from '../../engine/choice.ts';
import type { MachinePlan, Menu } from '../../engine/machine-plan.ts';
import {
  by,
  dontneed,
  load,
  migrateMemory,
  mmap,
  mprotect,
  munmap,
  race,
  reclaimMemory,
  store,
} from '../../program/builder.ts';
import type { Op, Program } from '../../program/program.ts';

const PAGE = 8;
/** What a task may do next, with the word that names it. */
const OPERATIONS: readonly (readonly [string, Op])[] = [
  ['load', load(PAGE)],
  ['store', store(PAGE)],
  ['munmap', munmap(PAGE)],
  ['dontneed', dontneed(PAGE)],
  ['narrow', mprotect(PAGE, 1, 'r')],
  ['widen', mprotect(PAGE, 1, 'rw')],
  ['migrate', migrateMemory(PAGE)],
  ['reclaim', reclaimMemory(PAGE)],
];
const OPS = OPERATIONS.map(([, op]) => op);
/** Room for the page, and for the one that it is copied to. */
const SWAP_SLOTS = 2;

/** Names of the operations, as in names of programs. */
export const OPERATION_NAMES: readonly string[] = OPERATIONS.map(([name]) => name);

/** Programs that begin alike. */
export interface Beginning {
  /** Its tasks do their first operation. */
  readonly program: Program;
  /** What they do behind it. */
  readonly menu: Menu;
  /** How many programs these are. */
  readonly programs: number;
}

/** In an order that depends on `ops` only: the number of operations of both tasks, of which the first has one more if it is odd. */
export function allPrograms(ops: number): Beginning[] {
  const beginnings: Beginning[] = [];
  const more = [Math.ceil(ops / 2) - 1, Math.floor(ops / 2) - 1];
  for (let a = 0; a < OPERATIONS.length; a++) {
    for (let b = ops % 2 === 0 ? a : 0; b < OPERATIONS.length; b++) {
      const name = `${OPERATION_NAMES[a]}--${OPERATION_NAMES[b]}`;
      const program = programOf(name, [OPS[a]], [OPS[b]]);
      beginnings.push({ program, menu: { ops: OPS, more }, programs: OPERATIONS.length ** (ops - 2) });
    }
  }
  return beginnings;
}

function programOf(name: string, P0: Op[], P1: Op[]): Program {
  const setup = [mmap(PAGE, 1, 'rw'), ...by('P0', store(PAGE)), ...by('P1', store(PAGE))];
  const machine = {
    cpus: 2,
    geometry: 'tiny',
    override: { swapSlots: SWAP_SLOTS },
    switches: { pauses: true },
  } as const;
  return race(machine, { setup, P0, P1 }, { name });
}

/** The one program, and its schedule, that a run with choices of operations has run: without such choices it is as it was. */
export function asChosen(
  plan: MachinePlan,
  choices: readonly number[],
): { plan: MachinePlan; choices: readonly number[] } {
  const { menu, program, ...others } = plan;
  if (menu === undefined) return { plan, choices };
  const picks = program.tasks.map(({ cpu }, i) => {
    const of = choices.filter((c) => choiceKind(c as Choice) === PICK && choiceCpu(c as Choice) === cpu);
    // what was not chosen yet does not matter, but is still to come
    return Array.from(
      { length: menu.more[i] },
      (_, k) => menu.ops[k < of.length ? choiceArgument(of[k] as Choice) : 0],
    );
  });
  const tasks = program.tasks.map((task, i) => ({ ...task, ops: [...task.ops, ...picks[i]] }));
  const runs = choices.map((c) => (choiceKind(c as Choice) === PICK ? choice(RUN, choiceCpu(c as Choice)) : c));
  return { plan: { ...others, program: { ...program, tasks } }, choices: runs };
}
