/**
 * The machine of a program with no more memory than the program has a use for. What an oracle keeps is kept for each page of each
 * address space: on the machines of workloads that is nearly all of the image, and building it nearly all the time that a
 * short run takes.
 */
import { GEOMETRIES } from '../hardware/geometry.ts';
import type { Op, Program } from '../program/program.ts';

/** Address spaces beyond those that tasks have and forks make: one may be on its way out. */
const SPARE_MMS = 1;
/** Pages that the kernel may choose itself, for each that the program names. */
const ROOM = 2;
/** Frames for each page that the program names, and for all else. */
const FRAMES_OF_PAGE = 4;
const OTHER_FRAMES = 64;

/** The program on such a machine. What the program says of the machine stays as it is, but for address spaces. */
export function onFittedMachine(program: Program): Program {
  const { machine, files = [] } = program;
  const { override = {} } = machine;
  const sizes = { ...GEOMETRIES[machine.geometry ?? 'tiny'], ...override };
  const pages = pagesOf(program);
  const fitted = {
    files: Math.max(1, files.length),
    frames: OTHER_FRAMES + FRAMES_OF_PAGE * (pages + files.reduce((sum, file) => sum + file.pages, 0)),
    ...override,
    levels: fewerLevels(sizes.levels, ROOM * pages),
    mms: mmsOf(program),
  };
  const smaller = Object.entries(fitted).filter(([name, size]) => size < sizes[name as keyof typeof sizes]);
  if (smaller.length === 0) return program;
  return { ...program, machine: { ...machine, override: { ...override, ...Object.fromEntries(smaller) } } };
}

/** The program on a machine that is tiny but for what the program says, and for what it needs to fit. */
export function onTinyMachine(program: Program): Program {
  const { machine, files = [], tasks } = program;
  const needs = {
    filePages: files.reduce((most, file) => Math.max(most, file.pages), 0),
    files: files.length,
    tasks: tasks.length,
    ...machine.override,
  };
  const greater = Object.entries(needs).filter(([name, n]) => machine.override?.[name] || n > TINY[name]);
  return { ...program, machine: { ...machine, geometry: 'tiny', override: Object.fromEntries(greater) } };
}
const TINY: Readonly<Record<string, number>> = GEOMETRIES.tiny;

/** @param levels bits of each level as decimal digits, root first; the lowest two stay as they are */
function fewerLevels(levels: number, pages: number): number {
  const bits = Math.ceil(Math.log2(pages));
  const kept = String(levels).split('').map(Number);
  let sum = kept.reduce((a, b) => a + b, 0);
  while (kept.length > 2 && sum - kept[0] >= bits) sum -= kept.shift() as number;
  return Number(kept.join(''));
}

/** The first page that no operation names. */
function pagesOf({ history, tasks }: Program): number {
  const ends = [...history.map((h) => h.op), ...tasks.flatMap((t) => t.ops)].map(endOf);
  return ends.reduce((a, b) => Math.max(a, b), 1);
}

function endOf(op: Op): number {
  const page = 'page' in op ? op.page : 0;
  const pages = 'pages' in op ? (op.pages ?? 1) : 1;
  if (op.do !== 'mremap') return page + pages;
  const { newPages = pages, to = page } = op;
  return Math.max(page + pages, page + newPages, to + newPages);
}

function mmsOf({ tasks }: Program): number {
  const own = 1 + Math.max(...tasks.map((t) => t.mm ?? 0));
  return own + tasks.filter((t) => t.forkedBy !== undefined).length + SPARE_MMS;
}
