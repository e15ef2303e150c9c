/**
 * What is measured: the runs that a workload or a recorded trace gives. A trace says neither where threads ran nor what
 * they touched, so it is run with several inferences, and the figures are a range over them.
 */
import { BadInput } from '../program/bad-input.ts';
import type { Program } from '../program/program.ts';
import type { Workload } from '../program/workload.ts';
import { CUT_SHORT, parseStrace } from '../trace/strace.ts';
import { type Touch, touchName } from '../trace/touch.ts';
import { type Inference, traceToProgram } from '../trace/trace-to-program.ts';
import type { Run } from './experiments.ts';

export interface Source {
  readonly name: string;
  readonly runs: readonly Run[];
  readonly headline: string;
  /** Of a trace: what was inferred and skipped, once per touch inference, for the first seed. */
  readonly inference: readonly Inference[];
  /** What was assumed, one line each. */
  readonly notes: readonly string[];
}

/** How touches are inferred; the first is the headline. */
const TOUCHES: readonly Touch[] = ['touch-on-map', 'none', 'touch-all'];

const NO_ORACLE = 'measured without the oracle: what is safe is judged by hunt and stress';

/** Measuring copies pages at once, and lets tasks that await a flag sleep, as threads of a real program do. */
function forMeasuring(program: Program): Program {
  const switches = { bulkCopy: true, awaitSleeps: true, ...program.machine.switches };
  return { ...program, machine: { ...program.machine, switches } };
}

/** One run per seed. */
export function workloadSource(
  workload: Workload,
  { cpus, seeds }: { cpus: number; seeds: readonly number[] },
): Source {
  const runs = seeds.map((seed) => ({
    seed,
    variant: '',
    program: forMeasuring(workload.program({ cpus, seed, scale: 1 })),
  }));
  return { name: workload.name, runs, headline: '', inference: [], notes: [NO_ORACLE] };
}

/**
 * One run per seed and touch inference; the seed places the threads.
 * @param text the strace log; `name` its file, for messages
 * @throws BadInput when it is none
 */
export function traceSource(
  text: string,
  name: string,
  { cpus, seeds }: { cpus: number; seeds: readonly number[] },
): Source {
  const trace = parseStrace(text, name);
  if (trace.skipped[CUT_SHORT]) {
    throw new BadInput({
      what: 'the last line is cut short',
      where: name,
      expected: 'a complete log; without that line the rest can be measured',
    });
  }
  const inference: Inference[] = [];
  const runs = TOUCHES.flatMap((touch) =>
    seeds.map((seed, i) => {
      const made = traceToProgram(trace, { cpus, place: 'seeded', touch, seed });
      if (i === 0) inference.push(made.inference);
      return { seed, variant: touchName(touch), program: forMeasuring(made.program) };
    }),
  );
  const [first] = inference;
  return { name, runs, headline: touchName(TOUCHES[0]), inference, notes: [...notesOf(first, cpus), NO_ORACLE] };
}

function notesOf({ calls, threads, implicitAreas, notes, ...of }: Inference, cpus: number): string[] {
  const skipped = Object.entries(calls.skipped).map(([why, n]) => `${n} ${why}`);
  return [
    `${calls.total} calls of ${threads} threads: ${calls.replayed} replayed, skipped: ${skipped.join(', ') || 'none'}`,
    `placement: seeded, on ${cpus} CPUs (the log names no CPU)`,
    `touches: inferred (the log has none), as ${TOUCHES.map(touchName).join(', ')}; the headline is ${touchName(TOUCHES[0])}`,
    ...filesOf(of),
    `${implicitAreas} areas that no call of the log created, made at the first reference`,
    'time between calls is left out; order between threads is kept where calls depend on each other',
    ...notes,
  ];
}

/** What became of files. */
function filesOf({
  fileMappings,
  sharedMappings,
  asAnonymous,
  files,
}: Pick<Inference, 'fileMappings' | 'sharedMappings' | 'asAnonymous' | 'files'>): string[] {
  const { replayed, pages, shared, unknown, unnamed, neverMapped, unfit } = files;
  const about = [
    `${shared} mapped by several processes`,
    `${unnamed} that stand for shared memory without a file`,
    `${unknown} behind descriptors whose opening the log does not show (each mapping anew is taken for another file)`,
  ];
  const lost = unfit.map((f) => `${f.name} (${f.pages} pages)`);
  return [
    `${fileMappings} file mappings and ${sharedMappings} shared ones of ${replayed} files, ${pages} pages that are used: ${about.join(', ')}`,
    `${asAnonymous} of these mappings replayed as private anonymous memory: of devices, and of files without a place (${lost.join(', ') || 'none'}); ${neverMapped} files that nobody maps left out`,
  ];
}
