/** The stack of a task as its worker keeps it: the bottom path, and above it the frames that it did not call. */
import type { Cpu } from '../../kernel/cpu.ts';
import type { TaskId } from '../../kernel/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import { type Path, type Point, pointLabel, START } from '../../memory/point.ts';

/** An interrupt handler, a hook of policy or patch, or the engine giving other tasks the CPU between two operations. */
export type InterposedKind = 'interrupt' | 'hook' | 'rest';

/** Where the path below an interposed frame stands. */
interface Interposed {
  readonly kind: InterposedKind;
  readonly point: Point;
  readonly word: Word;
  waiting: boolean;
  readonly waitSeen: number;
}

export class TaskStack {
  /** The bottom path, then one frame for each entry of `interposed`. */
  readonly frames: Path<unknown>[] = [];
  readonly interposed: Interposed[] = [];

  constructor(
    readonly id: TaskId,
    readonly cpu: Cpu,
  ) {}

  /** Starts from the bottom: whatever stood here is forgotten. */
  begin(bottom: Path<unknown>): void {
    const { cpu } = this;
    this.clear();
    cpu.point = START;
    cpu.word = NOWHERE;
    cpu.waiting = false;
    cpu.kernelDepth = 0;
    cpu.next = -1 as TaskId;
    this.frames.push(bottom);
  }

  clear(): void {
    this.frames.length = 0;
    this.interposed.length = 0;
  }

  /** Puts a frame on top that the running path did not call, and remembers where that path stands. */
  interpose(kind: InterposedKind, frame: Path<unknown>): void {
    const { cpu } = this;
    const { point, word, waiting, waitSeen } = cpu;
    this.interposed.push({ kind, point, word, waiting, waitSeen });
    this.frames.push(frame);
    cpu.point = START;
    cpu.word = NOWHERE;
    cpu.waiting = false;
  }

  /** The task loses its CPU: paths that waited look again when it is back, because the CPU may then be wanted by others. */
  preempted(): void {
    for (const below of this.interposed) below.waiting = false;
  }

  /** The top frame has ended: the path below stands where it stood. Returns what kind of frame it was. */
  resumeBelow(): InterposedKind {
    const last = this.interposed.pop() as Interposed;
    const { cpu } = this;
    cpu.point = last.point;
    cpu.word = last.word;
    // a wait for nothing is a wait for the next interrupt
    cpu.waiting = last.waiting && last.word !== NOWHERE;
    cpu.waitSeen = last.waitSeen;
    return last.kind;
  }

  /** Where the CPU that runs this task stands, in words. */
  stands(layout: { nameOf(word: Word): string }): string {
    const { id, point, word, waiting, waitSeen } = this.cpu;
    if (waiting && word === NOWHERE) return `CPU${id} has nothing to do`;
    const label = pointLabel(point);
    if (!waiting) return `CPU${id} runs, last seen at "${label}"`;
    return `CPU${id} waits at "${label}" for ${layout.nameOf(word)} to change from ${waitSeen}`;
  }
}
