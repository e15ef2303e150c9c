/**
 * Takes a run of the stepper back to any step since its reset. The image goes back by its log, and all else that a task has is
 * kept by step; but frames of a path cannot be copied. They are made again where they are needed: the image goes back to when
 * the task was between two operations, its steps since are made again, each in the image in which it was made at first, and
 * what others did meanwhile is written again from the log. So to try another choice costs the steps of one operation, not those of
 * the whole run.
 */
import type { CpuId } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Moment } from '../memory/tracked-image.ts';
import { SWITCHED_TO, type Turn } from './choice.ts';
import type { Machine } from './machine.ts';
import { type Part, PartsAgain } from './parts-again.ts';
import type { PathKeeper, Paths } from './paths.ts';
import type { Standing, TaskStack } from './task-stack.ts';
import { BETWEEN } from './user-mode.ts';

/** A task at the end of a step, and where its frames can be made from. */
interface Place {
  readonly standing: Standing;
  /** Where it last had no frame, or one that may as well be a fresh path. Its own, if that is so here. */
  readonly base: Place;
  /** Parts made until then. */
  readonly parts: number;
}

interface Mark {
  readonly moment: Moment;
  readonly parts: number;
  readonly running: readonly TaskStack[];
  readonly places: readonly (Place | undefined)[];
}

export class Rewinder implements PathKeeper {
  private readonly marks: Mark[] = [];
  private readonly parts: Part[] = [];
  private readonly again: PartsAgain;
  /** By task: where it stands; undefined while it is in a step. */
  private places: (Place | undefined)[] = [];

  constructor(
    private readonly machine: Machine,
    private readonly paths: Paths,
  ) {
    this.again = new PartsAgain(machine, paths, this.parts);
  }

  /** The path of a task whose frames are made again has come to a point: does it stop there? */
  stopsHere(): boolean {
    return this.again.stopsHere();
  }

  /** The machine was reset: its run begins here. */
  begin(): void {
    this.marks.length = 0;
    this.parts.length = 0;
    this.places = this.paths.tasks.map(() => undefined);
    this.note();
  }

  /** A task is about to do its part of the step. */
  goes(task: TaskId, cpu: CpuId, by: Turn): void {
    const { mem } = this.machine;
    const within = by === SWITCHED_TO ? mem.underWay() : undefined;
    this.parts.push({ task, cpu, by, step: this.step, written: mem.log?.length ?? 0, within });
    this.places[task] = undefined;
  }

  /** Of the step under way, counted from 0. */
  private get step(): number {
    return this.marks.length - 1;
  }

  /** The run can be taken back to where it was behind so many steps. */
  reaches(steps: number): boolean {
    return steps < this.marks.length;
  }

  /** A step is over. */
  note(): void {
    const { machine } = this;
    const { tasks, running } = this.paths;
    for (const task of tasks) this.places[task.id] ??= this.placeOf(task);
    this.marks.push({
      moment: machine.mem.moment(),
      parts: this.parts.length,
      running: [...running],
      places: [...this.places],
    });
  }

  /** Back to where the run was behind so many steps; the stepper looks for its choices itself. */
  goBack(steps: number): void {
    const { machine } = this;
    const { tasks, running } = this.paths;
    const { moment, parts, running: ran, places } = this.marks[steps];
    this.marks.length = steps + 1;
    this.parts.length = parts;
    machine.mem.goBack(moment);
    for (let id = 0; id < running.length; id++) running[id] = ran[id];
    for (const task of tasks) {
      const place = places[task.id];
      if (place === this.places[task.id]) continue;
      if (place !== undefined) task.standAgain(place.standing, machine.mem);
      this.places[task.id] = place;
    }
  }

  /** Makes the lost frames of a task again, also in the midst of a step of another one. */
  remake(task: TaskStack): void {
    const { machine } = this;
    const { mem } = machine;
    const place = this.places[task.id] as Place;
    const { base } = place;
    task.standAgain(base.standing, mem);
    task.lost = 0;
    const between = task.cpu.point === BETWEEN;
    if (base.standing.height > 0)
      task.frames.push(between ? machine.pathBetween(task.cpu) : machine.pathOf(task.cpu, false));
    if (base.parts < this.parts.length) this.again.make(task, base.parts, this.step);
    if (!task.standsAt(place.standing, mem))
      throw new Error(`task ${task.id}, made again, stands elsewhere than before`);
  }

  private placeOf(task: TaskStack): Place {
    const standing = task.standing(this.machine.mem);
    const parts = this.parts.length;
    const former = this.marks[this.marks.length - 1]?.places[task.id];
    if (former !== undefined && !this.mayStartHere(task)) return { standing, base: former.base, parts };
    const place = { standing, base: undefined as unknown as Place, parts };
    place.base = place;
    return place;
  }

  /** Would a fresh path, or none, go on as the task's own does? So it is with a task that has none, and between two operations. */
  private mayStartHere(task: TaskStack): boolean {
    if (task.height === 0) return true;
    return task.height === 1 && task.cpu.point === BETWEEN && !task.isInterrupted();
  }
}
