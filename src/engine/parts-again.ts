/**
 * Makes what one task did since some moment of a run again, so that its frames are what they were. Each part is made in the image in
 * which it was made at first: the image goes back to that moment, and what others did between two parts is written again from
 * the log. A path does not stop at a point where it goes on next anyway.
 */
import type { CpuId } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import type { StepUnderWay } from '../memory/one-access.ts';
import { choiceKind, DELIVER, SWITCHED_TO, type Turn } from './choice.ts';
import type { Machine } from './machine.ts';
import type { Paths } from './paths.ts';
import type { TaskStack } from './task-stack.ts';

/** What one task did in one step. */
export interface Part {
  readonly task: TaskId;
  readonly cpu: CpuId;
  readonly by: Turn;
  readonly step: number;
  /** How much had been written when it began. */
  readonly written: number;
  /** How far the step had come, if it began in its midst. */
  readonly within: StepUnderWay | undefined;
}

export class PartsAgain {
  private task: TaskStack | undefined = undefined;
  /** The part that is being made. */
  private at = 0;
  /** How much is written in all. */
  private end = 0;

  /** @param parts of the run, of all tasks, in order */
  constructor(
    private readonly machine: Machine,
    private readonly paths: Paths,
    private readonly parts: readonly Part[],
  ) {}

  /** The parts of the task from part `first` on; the image is afterwards as it was. @param step under way */
  make(task: TaskStack, first: number, step: number): void {
    const { parts } = this;
    const { mem, oracle, pick } = this.machine;
    const { log } = mem;
    if (log === undefined) throw new RangeError('no log to go back by');
    const underWay = mem.underWay();
    const isDue = oracle?.isProbeDue ?? false;
    this.task = task;
    this.at = first;
    this.end = log.length;
    mem.makesAgain(true);
    task.cpu.retraces = this.machine.hooks.size === 0;
    log.undo(mem.words, parts[first].written);
    for (; this.at < parts.length; this.at++) {
      const { task: id, cpu, by, within } = parts[this.at];
      if (id === task.id) {
        if (within) mem.goOn(within);
        this.saysWhen();
        this.paths.perform(task, cpu, by);
      }
      this.writeAgain(this.at, this.at + 1);
    }
    task.cpu.retraces = false;
    mem.makesAgain(false);
    mem.goOn(underWay);
    this.machine.pick = pick;
    if (!oracle) return;
    oracle.now = step;
    oracle.isProbeDue = isDue;
  }

  /** The part has come to its end: does the path have to stop here? If not, it is in the midst of its next part when this returns. */
  stopsHere(): boolean {
    const { parts, task } = this;
    if (task === undefined) return true;
    let next = this.at + 1;
    while (next < parts.length && parts[next].task !== task.id) next++;
    if (next === parts.length) return true;
    const { by } = parts[next];
    if (by === SWITCHED_TO || choiceKind(by) === DELIVER) return true;
    this.writeAgain(this.at, next);
    this.at = next;
    this.saysWhen();
    this.paths.begin(task, by);
    return false;
  }

  /** What was written from one part on until another: by others, by hardware between two parts, and to ghosts. */
  private writeAgain(from: number, to: number): void {
    const { mem } = this.machine;
    mem.log?.redo(mem.words, this.parts[from].written, this.parts[to]?.written ?? this.end);
  }

  private saysWhen(): void {
    const { oracle } = this.machine;
    if (oracle) oracle.now = this.parts[this.at].step;
  }
}
