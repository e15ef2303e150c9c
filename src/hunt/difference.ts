/**
 * What the patches of a hunt make different: the same schedule, step by step, on the kernel with them and on the one without. The first
 * step that one of the two does not take, or takes at another word, is where they part. Programs in which they never do cannot show
 * what the patches change (directed fuzzing; Böhme, Pham, Nguyen, Roychoudhury, CCS 2017; and differential testing of patches; Marinescu,
 * Cadar, FSE 2013).
 */
import { ADVERSARY, type Choice, choiceCpu, choiceKind, RUN, TICK } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Path } from '../memory/point.ts';
import type { Patch } from '../policy/policy.ts';
import { MachineRun } from './machine-run.ts';

/** Runs that are compared anyway. Patches that make a difference without a race mostly do so within as many. */
export const COMPARED = 2;
/** The other run is checked, and judged: this one only shows where it leads. */
const UNCHECKED = { access: false, hash: false };

/**
 * Something of the patches that can be begun: a routine of theirs, or a point with their hook, in an operation of some kind; or two of
 * them in one program. A patch may do harm in one operation, or together with another, only.
 */
export type Target = string;

/** What is known of the runs so far. */
export interface DifferenceMade {
  /** What of the patches was begun. */
  readonly begun: ReadonlySet<Target>;
  /** Some run that was compared has parted from the one without patches. */
  readonly isKnown: boolean;
  /** Some TLB held an entry older than the page tables when a run had parted: a flush was due, or missed. */
  readonly isStale: boolean;
}

export class Difference implements DifferenceMade {
  /** The plan, its patches telling when they are begun. */
  readonly plan: MachinePlan;
  readonly begun = new Set<Target>();
  /** The names alone of what was begun. */
  private readonly names = new Set<string>();
  private run: MachineRun | undefined;
  isStale = false;
  /** The first run in which they have parted, from 1 on; 0: in none so far. */
  knownIn = 0;
  private runs = 0;
  /** The machine without the patches, which few programs need: made when patches are begun. */
  private without: { readonly stepper: Stepper; readonly run: MachineRun } | undefined;
  /** Patches were begun in the history. */
  private isEarly = false;
  /** The steps of a run that is compared, until patches are begun: till then it does the same without them. */
  private common: Choice[] | undefined;
  /** How deep each task is in routines and hooks of the patches, by its handle. */
  private readonly depths = new Map<unknown, number>();
  /** Fewest steps that an operation had taken when runs parted in it. */
  private readonly parted = new Map<number, number>();
  /** Steps that operations have taken in this run. */
  private readonly taken = new Map<number, number>();
  private follows = false;
  /** This run has parted. */
  private hasParted = false;

  /** @param plan of the machine with the patches */
  constructor(private readonly asked: MachinePlan) {
    const enters: Entering = (name, cpu, by) => {
      if (by === 1) this.notes(name, cpu as Cpu);
      this.depths.set(cpu, (this.depths.get(cpu) ?? 0) + by);
    };
    this.plan = { ...asked, patches: asked.patches.map((patch) => telling(patch, enters)) };
  }

  get isKnown(): boolean {
    return this.knownIn > 0;
  }

  /** The history is over: what it did is of no interest, but for its traces. @param run of the machine with the patches */
  start(run: MachineRun): void {
    this.run = run;
    this.names.clear();
    this.isEarly = this.begun.size > 0;
    this.begun.clear();
  }

  /** A run begins. It is compared if it is one of the first, or none has parted so far. */
  begin(): void {
    this.runs++;
    const follows = this.runs <= COMPARED || !this.isKnown;
    this.taken.clear();
    this.depths.clear();
    this.follows = follows;
    this.hasParted = false;
    this.common = follows ? [] : undefined;
  }

  /** The run with the patches is about to take the step. */
  step(run: MachineRun, c: Choice): void {
    const id = choiceCpu(c);
    if (this.follows && this.isBehindPatch(c) && !(this.catchesUp() && this.takesToo(run, c))) {
      this.follows = false;
      this.hasParted = true;
      if (!this.isKnown) this.knownIn = this.runs;
      const operation = run.operationOf(id);
      const at = this.taken.get(operation) ?? 0;
      this.parted.set(operation, Math.min(at, this.parted.get(operation) ?? at));
    }
    if (this.hasParted && !this.isStale) this.isStale = run.holdsStale();
    if (choiceKind(c) !== RUN || run.isInterrupted(id)) return;
    const operation = run.operationOf(id);
    this.taken.set(operation, (this.taken.get(operation) ?? 0) + 1);
  }

  /** Has the operation that the CPU is in come to where runs have parted in it? */
  isBehind(run: MachineRun, id: CpuId): boolean {
    const operation = run.operationOf(id);
    const from = this.parted.get(operation);
    return from !== undefined && (this.taken.get(operation) ?? 0) >= from;
  }

  /** Is the task of that handle in a routine or a hook of the patches? */
  isInside(cpu: Cpu): boolean {
    return (this.depths.get(cpu) ?? 0) > 0;
  }

  private notes(name: string, { current }: Cpu): void {
    this.begun.add(`${name} in ${this.run?.kindOf(current) ?? 'the background'}`);
    if (this.names.has(name)) return;
    for (const other of this.names) this.begun.add([name, other].sort().join(' and '));
    this.names.add(name);
  }

  /** Is the step, which the run is about to take, behind the beginning of a patch? */
  private isBehindPatch(next: Choice): boolean {
    if (this.common === undefined || this.begun.size > 0 || this.isEarly) return true;
    this.common.push(next);
    return false;
  }

  /** What the run did until patches were begun happens without them, too; false if it cannot. */
  private catchesUp(): boolean {
    const { common, asked } = this;
    if (common === undefined) return true;
    this.common = undefined;
    if (this.without === undefined) {
      const stepper = new Stepper({ ...asked, patches: [], oracle: undefined, audit: undefined, checks: UNCHECKED });
      this.without = { stepper, run: new MachineRun(stepper) };
    }
    const { stepper } = this.without;
    stepper.reset();
    return common.every((c) => survives(stepper, c));
  }

  /** The same step without the patches; false if there is none. */
  private takesToo(run: MachineRun, c: Choice): boolean {
    const { stepper: without, run: same } = this.without!;
    const kind = choiceKind(c);
    const isThere = kind === TICK ? without.tickChoice(choiceCpu(c)) === c : without.choices.includes(c);
    if ((kind !== ADVERSARY && !isThere) || same.announced(c) !== run.announced(c)) return false;
    return survives(without, c);
  }
}

/** Takes the step; false at an assertion of the kernel: the run with the patches goes on alone. */
function survives(stepper: Stepper, c: Choice): boolean {
  try {
    stepper.step(c);
    return true;
  } catch {
    return false;
  }
}

type Entering = (name: string, cpu: unknown, by: 1 | -1) => void;

/** The patch, its routines and hooks telling when they are begun and when they have ended; one that is given up does not end. */
function telling(patch: Patch, enters: Entering): Patch {
  const told = (name: string, routine: unknown): unknown =>
    function* (this: unknown, ...args: unknown[]) {
      enters(name, args[0], 1);
      const result: unknown = yield* (routine as (...args: unknown[]) => Path<unknown>).apply(this, args);
      enters(name, args[0], -1);
      return result;
    };
  const routines = Object.entries(patch.routines).map(([name, routine]) => [name, told(name, routine)]);
  const hooks = Object.entries(patch.hooks).map(([label, hook]) => [
    label,
    Object.fromEntries(Object.entries(hook).map(([when, path]) => [when, told(label, path)])),
  ]);
  return { ...patch, routines: Object.fromEntries(routines), hooks: Object.fromEntries(hooks) };
}
