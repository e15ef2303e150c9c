/**
 * Programs made from programs: operations of a donor come in, others go, change places, tasks, pages or files; sizes of the
 * machine change. What tasks wait for stays where it is, so that a mutated program ends if the original does.
 */
import { canonicalProgram } from '../program/canonical.ts';
import type { Op, OpName, Program, TaskProgram } from '../program/program.ts';
import { makesSense } from './check-machine.ts';
import type { Draw } from './generate/draw.ts';
import { MOST_HISTORY } from './generate/history.ts';
import { isFreeSize } from './generate/machine.ts';

/** Changes of one mutation: 1, 2 or 4. */
const DOUBLINGS = 3;
/** Operations of the concurrent part at most: one more than the generator writes. */
const MOST_CONCURRENT = 9;
/** Mutations tried until one makes sense. */
const TRIES = 4;

/** They order tasks, or end them; where one of them goes, another task may wait for ever. */
const FIXED: readonly OpName[] = ['post', 'await', 'sleep', 'wake', 'fork', 'exit', 'kswapd'];

/** A mutant of `program`, with operations and sizes from `donor`; undefined if none was found that makes sense. */
export function mutate(program: Program, donor: Program, draw: Draw): Program | undefined {
  for (let i = 0; i < TRIES; i++) {
    let mutant: Program = structuredClone(program);
    const changes = 1 << draw.below(DOUBLINGS);
    for (let k = 0; k < changes; k++) mutant = new Mutation(mutant, donor, draw).changed();
    const name = `fuzz-${(draw.below(2 ** 32) >>> 0).toString(16)}`;
    if (makesSense(mutant)) return canonicalProgram({ ...mutant, name });
  }
  return undefined;
}

/** A list of operations with the task that does each: the history, or the concurrent part of one task. */
interface Part {
  readonly length: number;
  readonly most: number;
  opAt(i: number): Op;
  taskAt(i: number): TaskProgram;
  set(i: number, op: Op): void;
  insert(i: number, op: Op, task: TaskProgram): void;
  remove(i: number): void;
}

type Place = readonly [part: Part, index: number];

class Mutation {
  constructor(
    /** Changed in place. */
    private readonly program: Program,
    private readonly donor: Program,
    private readonly draw: Draw,
  ) {}

  changed(): Program {
    const how = this.draw.weighted({
      insert: 4,
      replace: 3,
      remove: 2,
      swap: 2,
      aim: 4,
      file: 1,
      machine: 1.5,
      splice: 1,
    });
    if (how === 'splice') this.splice();
    else if (how === 'machine') this.changeMachine();
    else if (how === 'insert') this.insert();
    else if (how) this.changeOperation(how);
    return this.program;
  }

  /** An operation of the donor, anywhere. */
  private insert(): void {
    const { draw, program } = this;
    const task = draw.pick(program.tasks);
    const op = this.given(task);
    const part = draw.chance(0.4) && task.forkedBy === undefined ? this.history() : this.concurrent(task);
    if (op && part.length < part.most) part.insert(draw.below(part.length + 1), op, task);
  }

  private changeOperation(how: 'replace' | 'remove' | 'swap' | 'aim' | 'file'): void {
    const { draw } = this;
    const places = this.places();
    if (places.length === 0) return;
    const [part, i] = draw.pick(places);
    const op = part.opAt(i);
    switch (how) {
      case 'replace': {
        const other = this.given(part.taskAt(i));
        if (other) part.set(i, other);
        return;
      }
      case 'remove':
        part.remove(i);
        return;
      case 'swap': {
        const [otherPart, k] = draw.pick(places);
        part.set(i, otherPart.opAt(k));
        otherPart.set(k, op);
        return;
      }
      case 'aim':
        part.set(i, this.aimed(op));
        return;
      case 'file':
        if ('file' in op && op.file !== undefined && this.program.files) {
          part.set(i, { ...op, file: draw.pick(this.program.files).name } as Op);
        }
    }
  }

  /** What the donor's tasks do at the same time is done by tasks of the program, too. */
  private splice(): void {
    const { program, donor } = this;
    for (const [i, from] of donor.tasks.entries()) {
      const task = program.tasks.filter((t) => roleOf(t) === roleOf(from))[i];
      if (!task) continue;
      const part = this.concurrent(task);
      for (const op of from.ops) {
        if (part.length < part.most && !FIXED.includes(op.do)) part.insert(part.length, this.adapted(op), task);
      }
    }
  }

  /** One size or switch of the donor's machine, or one less. */
  private changeMachine(): void {
    const { draw, donor, program } = this;
    const key = draw.chance(0.7) ? 'override' : 'switches';
    const own: Record<string, number | boolean> = { ...program.machine[key] };
    const names = Object.keys({ ...own, ...donor.machine[key] }).filter((n) => key === 'switches' || isFreeSize(n));
    if (names.length === 0) return;
    const name = draw.pick(names);
    const value = donor.machine[key]?.[name];
    if (value === undefined || draw.chance(0.3)) delete own[name];
    else own[name] = value;
    program.machine = { ...program.machine, [key]: own };
  }

  /** An operation that a task of the same role does in the donor. */
  private given(task: TaskProgram): Op | undefined {
    const { draw, donor } = this;
    const roles = new Map(donor.tasks.map((t) => [t.name, roleOf(t)]));
    const before = donor.history.filter((h) => roles.get(h.task) === roleOf(task)).map((h) => h.op);
    const during = donor.tasks.filter((t) => roleOf(t) === roleOf(task)).flatMap((t) => t.ops);
    const free = [...before, ...during].filter((op) => !FIXED.includes(op.do));
    if (free.length === 0) return undefined;
    const op = this.adapted(draw.pick(free));
    return draw.chance(0.6) ? this.aimed(op) : op;
  }

  /** The operation with the names of this program. */
  private adapted(op: Op): Op {
    const { draw, donor, program } = this;
    const changed: Record<string, unknown> = { ...op };
    if ('file' in op && op.file !== undefined) {
      if (!program.files?.length) program.files = structuredClone(donor.files ?? []);
      else if (!program.files.some((f) => f.name === op.file)) changed.file = draw.pick(program.files).name;
    }
    const users = program.tasks.filter((t) => !t.kthread);
    for (const owner of ['of', 'withOf']) if (changed[owner] !== undefined) changed[owner] = draw.pick(users).name;
    if ('cpu' in op) changed.cpu = op.cpu % program.machine.cpus;
    if ('node' in op && (program.machine.override?.nodes ?? 1) === 1) delete changed.node;
    return changed as Op;
  }

  /** At a page that another operation names, or one beside its own; or with another length. */
  private aimed(op: Op): Op {
    const { draw } = this;
    if (!('page' in op)) return op;
    const others = this.places().flatMap(([part, i]) => {
      const other = part.opAt(i);
      return 'page' in other && 'file' in other === 'file' in op ? [other.page] : [];
    });
    if ('pages' in op && draw.chance(0.25)) return { ...op, pages: draw.between(1, 4) } as Op;
    const page = others.length > 0 && draw.chance(0.8) ? draw.pick(others) : op.page + draw.below(3) - 1;
    return { ...op, page: Math.max(0, page) };
  }

  /** Where the operations stand that may change. */
  private places(): Place[] {
    const parts = [this.history(), ...this.program.tasks.map((task) => this.concurrent(task))];
    return parts.flatMap((part) => {
      const all = Array.from({ length: part.length }, (_, i): Place => [part, i]);
      return all.filter(([, i]) => !FIXED.includes(part.opAt(i).do));
    });
  }

  private history(): Part {
    const { history, tasks } = this.program;
    return {
      get length() {
        return history.length;
      },
      most: MOST_HISTORY,
      opAt: (i) => history[i].op,
      taskAt: (i) => tasks.find((t) => t.name === history[i].task) as TaskProgram,
      set: (i, op) => {
        history[i] = { ...history[i], op };
      },
      insert: (i, op, task) => history.splice(i, 0, { task: task.name, op }),
      remove: (i) => history.splice(i, 1),
    };
  }

  private concurrent(task: TaskProgram): Part {
    const { ops } = task;
    const all = this.program.tasks.reduce((sum, t) => sum + t.ops.length, 0);
    return {
      get length() {
        return ops.length;
      },
      // a daemon does nothing else
      most: ops[0]?.do === 'kswapd' ? 0 : MOST_CONCURRENT - (all - ops.length),
      opAt: (i) => ops[i],
      taskAt: () => task,
      set: (i, op) => {
        ops[i] = op;
      },
      insert: (i, op) => ops.splice(i, 0, op),
      remove: (i) => ops.splice(i, 1),
    };
  }
}

function roleOf({ kthread, server }: TaskProgram): 'user' | 'kthread' | 'server' {
  return server ? 'server' : kthread ? 'kthread' : 'user';
}
