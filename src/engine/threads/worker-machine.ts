/** The machine of a run in threads, as each worker and the controller build it over the same two shared memories. */
import type { Pace } from '../../hardware/logical-cpu.ts';
import { COUNTERS } from '../../hardware/tables.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import { KERNEL_COUNTERS } from '../../kernel/tables.ts';
import { SharedMemory } from '../../memory/memory.ts';
import { MachineCore } from '../machine.ts';
import type { MachinePlan } from '../machine-plan.ts';
import { MachineShape } from '../machine-shape.ts';
import { type ControlColumns, controlColumns, controlLayout } from './worker-tables.ts';
import { WakeBoard } from './worker-wake.ts';

/** The memories that the threads of a run share. */
export interface SharedImage {
  readonly image: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** The image as it was after the boot: a program that has ended starts again from it. */
  readonly pristine: SharedArrayBuffer;
  /** The image at the start of the present round, if rounds are kept. */
  readonly roundStart: SharedArrayBuffer | undefined;
  /** How many threads the policy brings: they have rows in the tables of tasks. */
  readonly threads: number;
}

/** How a run is bounded and logged; the same in all its workers. */
export interface RunLimits {
  /** Tasks repeat their operations until the run is stopped; else they do `program.rounds` rounds of them. */
  readonly repeat: boolean;
  /** When all tasks have ended, the program begins again; else the run ends. */
  readonly restart: boolean;
  /** Operations of all CPUs together in a round; 0: no rounds, only a rest at the beginning and at the end. */
  readonly roundOperations: number;
  /** Stop after so many operations of all CPUs together; 0: no such bound. */
  readonly operations: number;
  /** Entries of each CPU's log of a round; 0: no log. */
  readonly logEntries: number;
}

/** Allocates the memories of a run and boots the machine in them. */
export function bootImage(plan: MachinePlan, limits: RunLimits, keepRounds: boolean): SharedImage {
  const shape = new MachineShape(plan);
  const bytes = shape.layout.words * Int32Array.BYTES_PER_ELEMENT;
  const control = controlLayout(controlSizes(shape, limits)).words * Int32Array.BYTES_PER_ELEMENT;
  const shared: SharedImage = {
    image: new SharedArrayBuffer(bytes),
    control: new SharedArrayBuffer(control),
    pristine: new SharedArrayBuffer(bytes),
    roundStart: keepRounds ? new SharedArrayBuffer(bytes) : undefined,
    threads: plan.policy.threads.length,
  };
  new ThreadMachine(shape, shared, limits, STANDING, () => false, bindControl(shape, limits, shared).wakes).boot();
  new Int32Array(shared.pristine).set(new Int32Array(shared.image));
  return shared;
}

/** For a machine in which nothing runs. */
export const STANDING: Pace = { stepping: false, due: () => false };

export class ThreadMachine extends MachineCore<SharedMemory> {
  constructor(
    shape: MachineShape,
    shared: SharedImage,
    private readonly limits: RunLimits,
    pace: Pace,
    private readonly betweenOperations: (cpu: Cpu) => boolean,
    wakes: WakeBoard,
  ) {
    super(shape, new SharedMemory(new Int32Array(shared.image), wakes), {
      pace,
      wrap: (kernel) => kernel,
      returned: () => {},
    });
  }

  /** A hit in the TLB is performed at once; only a logged access needs its point. */
  override get plainHits(): boolean {
    return this.limits.logEntries === 0;
  }

  override between(cpu: Cpu): boolean {
    return this.betweenOperations(cpu);
  }

  override goesOn(cpu: Cpu, round: number): boolean {
    if (!this.limits.repeat) return super.goesOn(cpu, round);
    // a task without operations would repeat nothing for ever
    return this.program.tasks[cpu.current - this.geometry.cpus].code.length > 0;
  }

  /** The program begins again: the image is as after the boot, but for what was counted. All CPUs are at rest. */
  startOver(shared: SharedImage): void {
    const image = new Int32Array(shared.image);
    const counted = [COUNTERS.name, KERNEL_COUNTERS.name].map((table) => {
      const { from, to } = this.shape.layout.range(table);
      return { from, words: image.slice(from, to) };
    });
    image.set(new Int32Array(shared.pristine));
    for (const { from, words } of counted) image.set(words, from);
  }
}

/** Control words of a run, bound in this isolate. */
export function bindControl(
  shape: MachineShape,
  limits: RunLimits,
  shared: SharedImage,
): { control: ControlColumns; wakes: WakeBoard } {
  const layout = controlLayout(controlSizes(shape, limits));
  const control = controlColumns(layout, new SharedMemory(new Int32Array(shared.control)));
  return { control, wakes: new WakeBoard(control, shape.geometry.cpus) };
}

function controlSizes(shape: MachineShape, limits: RunLimits): Parameters<typeof controlLayout>[0] {
  const { cpus } = shape.geometry;
  return { cpus, tasks: cpus + shape.program.tasks.length, logEntries: limits.logEntries };
}
