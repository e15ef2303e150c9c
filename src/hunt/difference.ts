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
import type { Path } from '../memory/point.ts';
import type { Patch } from '../policy/policy.ts';
import { MachineRun } from './machine-run.ts';

/** What is known of the runs so far. */
export interface DifferenceMade {
  /** A routine or a hook of the patches was begun. */
  readonly isReached: boolean;
  /** Some run that was compared has parted from the one without patches. */
  readonly isKnown: boolean;
  /** Some TLB held an entry older than the page tables when a run had parted: a flush was due, or missed. */
  readonly isStale: boolean;
}

export class Difference implements DifferenceMade {
  /** The plan, its patches telling when they are begun. */
  readonly plan: MachinePlan;
  isReached = false;
  isKnown = false;
  isStale = false;
  private readonly without: Stepper;
  private readonly run: MachineRun;
  /** Fewest steps that an operation had taken when runs parted in it. */
  private readonly parted = new Map<number, number>();
  /** Steps that operations have taken in this run. */
  private readonly taken = new Map<number, number>();
  private follows = false;
  /** This run has parted. */
  private hasParted = false;

  /** @param plan of the machine with the patches */
  constructor(plan: MachinePlan) {
    const begun = (): void => {
      this.isReached = true;
    };
    this.plan = { ...plan, patches: plan.patches.map((patch) => telling(patch, begun)) };
    this.without = new Stepper({ ...plan, patches: [], oracle: undefined, audit: undefined });
    this.run = new MachineRun(this.without);
  }

  /** The history is over: what it did is of no interest. */
  start(): void {
    this.isReached = false;
  }

  /** A run begins. @param follows it is compared */
  begin(follows: boolean): void {
    this.taken.clear();
    this.follows = follows;
    this.hasParted = false;
    if (follows) this.without.reset();
  }

  /** The run with the patches is about to take the step. */
  step(run: MachineRun, c: Choice): void {
    const id = choiceCpu(c);
    if (this.follows && !this.takesToo(run, c)) {
      this.follows = false;
      this.hasParted = true;
      this.isKnown = true;
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

  /** The same step without the patches; false if there is none. */
  private takesToo(run: MachineRun, c: Choice): boolean {
    const { without } = this;
    const kind = choiceKind(c);
    const isThere = kind === TICK ? without.tickChoice(choiceCpu(c)) === c : without.choices.includes(c);
    if ((kind !== ADVERSARY && !isThere) || this.run.announced(c) !== run.announced(c)) return false;
    try {
      without.step(c);
      return true;
    } catch {
      // an assertion of its kernel: the run with the patches goes on alone
      return false;
    }
  }
}

/** The patch, its routines and hooks telling when they are begun. */
function telling(patch: Patch, begun: () => void): Patch {
  const told = (routine: unknown): unknown =>
    function* (this: unknown, ...args: unknown[]) {
      begun();
      return yield* (routine as (...args: unknown[]) => Path<unknown>).apply(this, args);
    };
  const all = <T>(routines: T): T =>
    Object.fromEntries(Object.entries(routines as object).map(([name, routine]) => [name, told(routine)])) as T;
  const hooks = Object.entries(patch.hooks).map(([label, hook]) => [label, all(hook)]);
  return { ...patch, routines: all(patch.routines), hooks: Object.fromEntries(hooks) };
}
