/** Traces to programs: which thread runs where, what is touched, which order is kept; all of it inferred and reported. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { GEOMETRIES, GEOMETRY_BOUNDS } from '../hardware/geometry.ts';
import { BadInput } from '../program/bad-input.ts';
import { canonicalProgram } from '../program/canonical.ts';
import { checkProgram } from '../program/check.ts';
import type { Program } from '../program/program.ts';
import { AddressFold } from './address-fold.ts';
import { FileFit } from './file-fit.ts';
import { surveyFiles } from './file-survey.ts';
import type { Placement } from './placement.ts';
import { pagesNamed } from './strace-calls.ts';
import { type Touch, touchName } from './touch.ts';
import type { Trace } from './trace.ts';
import { TraceReplay } from './trace-replay.ts';

export interface TraceOptions {
  /** CPUs of the machine, from 1. */
  cpus: number;
  place: Placement;
  touch: Touch;
  /** Unsigned 32-bit; used by placement `seeded` and touch `sample`. */
  seed: number;
}

/** What the program says that the log did not, and what of the log it leaves out. */
export interface Inference {
  source: string;
  placement: Placement;
  /** `none`, `touch-on-map`, `touch-all` or `sample P`. */
  touch: string;
  seed: number;
  threads: number;
  addressSpaces: number;
  /** `total` is `replayed` plus all that is skipped. */
  calls: { total: number; replayed: number; skipped: Record<string, number> };
  /** Lines that are no part of a complete call. */
  linesSkipped: Record<string, number>;
  /** Areas that no call of the log created, made at the first reference. */
  implicitAreas: number;
  /** Calls that map files, and that share what they map. */
  fileMappings: number;
  sharedMappings: number;
  /** Those of them that are replayed as private anonymous memory: devices, and files that found no place. */
  asAnonymous: number;
  files: {
    /** Files of the program, and the pages that are left of them once those that nothing names are left out. */
    replayed: number;
    pages: number;
    /** Of them, those that the log does not name: a descriptor whose opening it does not show. */
    unknown: number;
    /** Of them, memory that is shared without a file: replayed as a file of its own. */
    unnamed: number;
    /** Of them, those that several processes map. */
    shared: number;
    /** Files that nobody maps: left out, and so are the calls that read and write them. */
    neverMapped: number;
    /** Files that the machine has no place for, with the pages that they need. */
    unfit: { name: string; pages: number }[];
  };
  /** Calls that create memory elsewhere than the fold of their address, because another part lies there. */
  relocated: number;
  pagesTouched: number;
  /** The most pages that held content at once. */
  peakPages: number;
  /** Orders between calls of different threads that are kept; all others are free. */
  ordersKept: number;
  notes: string[];
}

/** Bits of a page number of the geometry `full`. */
const PAGES = 2 ** 32;

/**
 * The program that replays a trace on the geometry `full`. Calls of one thread keep their order; see `order.ts` for what
 * is kept between threads. Calls that fail, or that the machine does not model, are skipped and counted.
 * @throws BadInput when the trace has more threads or processes than a machine can hold
 */
export function traceToProgram(trace: Trace, options: TraceOptions): { program: Program; inference: Inference } {
  const generator = xoroshiro128plus(options.seed | 0);
  const random = () => generator.next() >>> 0;
  const fold = new AddressFold(trace.calls.flatMap(pagesNamed));
  const survey = surveyFiles(trace.calls);
  const replay = new TraceReplay(fold, survey, options, random);
  for (const call of trace.calls) replay.call(call);
  const { tasks, inferring, starts, processes } = replay;
  requireAtMost(trace, 'threads', tasks.length, GEOMETRY_BOUNDS.tasks[1]);
  requireAtMost(trace, 'address spaces', processes, GEOMETRY_BOUNDS.mms[1]);
  const notes = [...trace.notes, ...replay.notes];
  const { files } = replay;
  const fit = new FileFit(files);
  const tasksOps = tasks.map((t) => replay.order.opsOf(t.row));
  const mapsUnfit = tasksOps.flat().filter((op) => op.do === 'mmap' && op.file !== undefined && !fit.has(op.file));
  const program = canonicalProgram({
    name: nameOf(trace.source),
    says: `replay of ${trace.source}: placement ${options.place}, touch ${touchName(options.touch)}`,
    machine: { cpus: options.cpus, geometry: 'full', override: sizes(replay, fit, notes) },
    files: fit.specs,
    tasks: tasks.map((t, i) => ({ ...t.task, ops: tasksOps[i].flatMap((op) => fit.fit(op)) })),
    history: [],
  });
  checkProgram(program, { pages: PAGES }, (path) => `${trace.source}: ${path}`);
  return {
    program,
    inference: {
      source: trace.source,
      placement: options.place,
      touch: touchName(options.touch),
      seed: options.seed,
      threads: trace.threads.length,
      addressSpaces: starts + replay.forks,
      calls: { total: trace.calls.length, replayed: replay.replayed, skipped: replay.skipped },
      linesSkipped: trace.skipped,
      implicitAreas: inferring.implicitAreas,
      fileMappings: replay.fileMappings,
      sharedMappings: replay.sharedMappings,
      asAnonymous: replay.asAnonymous + mapsUnfit.length,
      files: {
        replayed: fit.specs.length,
        pages: fit.pages,
        unknown: files.filter(({ key, of }) => fit.has(key) && of.self.kind === 'unknown').length,
        unnamed: files.filter(({ key, of }) => fit.has(key) && of.self.kind === 'unnamed').length,
        shared: files.filter(({ key, of }) => fit.has(key) && of.self.mappers.size > 1).length,
        neverMapped: [...survey.files].filter((file) => file.mappers.size === 0).length,
        unfit: fit.unfit,
      },
      relocated: replay.relocated,
      pagesTouched: inferring.pagesTouched,
      peakPages: inferring.peakPages,
      ordersKept: replay.order.kept,
      notes,
    },
  };
}

/** Parameters of the geometry that the trace needs larger than `full` has them. */
function sizes(replay: TraceReplay, fit: FileFit, notes: string[]): Record<string, number> {
  const { tasks, inferring, order, processes } = replay;
  const needs = {
    tasks: tasks.length,
    mms: processes + 1,
    flags: order.flags,
    files: fit.specs.length,
    filePages: fit.filePages,
    // areas split and merge while they change
    vmas: processes * (inferring.peakAreas + 8),
    // content, tables, copies, and room for the allocator's lists
    frames: Math.ceil(1.25 * (inferring.peakPages + inferring.tables)) + 1024,
  };
  const larger = Object.entries(needs).filter(([name, need]) => need > GEOMETRIES.full[name as keyof typeof needs]);
  return Object.fromEntries(
    larger.map(([name, need]) => {
      const most = GEOMETRY_BOUNDS[name as keyof typeof needs][1];
      if (need > most) notes.push(`needs ${need} ${name}, the machine has at most ${most}: expect calls that fail`);
      return [name, Math.min(need, most)];
    }),
  );
}

function requireAtMost(trace: Trace, what: string, count: number, most: number): void {
  if (count > most) {
    throw new BadInput({ what: `${count} ${what}`, where: trace.source, expected: `at most ${most}` });
  }
}

/** The file's name without folders and ending, as a name of a program. */
function nameOf(source: string): string {
  const base = source.replace(/^.*[/\\]/, '').replace(/\.\w+$/, '');
  return base.replace(/[^\w.+-]/g, '_') || 'trace';
}
