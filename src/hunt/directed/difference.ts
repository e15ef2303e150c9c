/**
 * What the patches of a hunt make different: the same schedule, step by step, on the kernel with them and on the one without. The first
 * step that one of the two does not take, or takes at another word, is where they part. Programs in which they never do cannot show
 * what the patches change (directed fuzzing; Böhme, Pham, Nguyen, Roychoudhury, CCS 2017; and differential testing of patches; Marinescu,
 * Cadar, FSE 2013).
 */
import { type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import type { MachineRun } from '../machine-run.ts';
import type { Machines } from '../machines.ts';
import { bothOf, type Target, targetIn, whileStale } from './target.ts';
import type { ToldPatches } from './told-patches.ts';
import { Unpatched } from './unpatched.ts';

/** Runs that are compared anyway. Patches that make a difference without a race mostly do so within as many. */
export const COMPARED = 2;

/** What is known of the runs so far. */
export interface DifferenceMade {
  /** What of the patches was begun. */
  readonly begun: ReadonlySet<Target>;
  /** Some run that was compared has parted from the one without patches. */
  readonly isKnown: boolean;
  /** Some TLB held an entry older than the page tables when a run had parted: a flush was due, or missed. */
  readonly isStale: boolean;
  /** An operation in which runs have not parted came by a frame to which such an entry led. */
  readonly hasMet: boolean;
}

export class Difference implements DifferenceMade {
  /** The plan, its patches telling when they are begun. */
  readonly plan: MachinePlan;
  readonly begun = new Set<Target>();
  /** The names alone of what was begun. */
  private readonly names = new Set<string>();
  private run: MachineRun | undefined;
  isStale = false;
  hasMet = false;
  /** The first run in which they have parted, from 1 on; 0: in none so far. */
  knownIn = 0;
  private runs = 0;
  /** The machine without the patches, which few programs need: made when patches are begun. */
  private without: Unpatched | undefined;
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
  hasParted = false;

  /**
   * @param asked the plan of the machine with the patches @param patches of the hunt, which tell this difference from now on
   * @param unpatched machines of the hunt without them
   */
  constructor(
    private readonly asked: MachinePlan,
    private readonly patches: ToldPatches,
    private readonly unpatched: Machines,
  ) {
    const deeper = (cpu: Cpu, by: 1 | -1): number => {
      const depth = (this.depths.get(cpu) ?? 0) + by;
      this.depths.set(cpu, depth);
      return depth;
    };
    patches.onPatches = {
      enters: (name: string, cpu: Cpu): void => {
        this.notes(name, cpu);
        deeper(cpu, 1);
      },
      leaves: (name: string, cpu: Cpu, result: unknown): void => {
        if (deeper(cpu, -1) === 0) this.compare(name, cpu, result);
      },
    };
    this.plan = { ...asked, patches: patches.patches };
  }

  get isKnown(): boolean {
    return this.knownIn > 0;
  }

  /**
   * The history is over: what it did is of no interest, but for its traces.
   * @param run of the machine with the patches @param stepper the machine, which may have come to the end of the history for another program
   */
  start(run: MachineRun, stepper: Stepper): void {
    this.run = run;
    this.names.clear();
    if (this.begun.size > 0) this.patches.early.add(stepper);
    this.isEarly = this.patches.early.has(stepper);
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
    if (this.follows && this.isBehindPatch(c)) {
      const isBehind = this.catchesUp();
      if (!isBehind || !this.without?.takesToo(run, c)) this.parts(run, c, isBehind);
    }
    if (this.hasParted && !this.isStale) this.isStale = run.holdsStale();
    if (choiceKind(c) !== RUN || run.isInterrupted(id)) return;
    const operation = run.operationOf(id);
    this.taken.set(operation, (this.taken.get(operation) ?? 0) + 1);
    if (this.isStale && !this.hasMet && !this.parted.has(operation)) this.hasMet = run.comesByStale(id);
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

  /** The run does otherwise from that step on. In a routine of the patches the other machine waits for its end. */
  private parts(run: MachineRun, c: Choice, isBehind: boolean): void {
    const id = choiceCpu(c);
    const cpu = run.handleOf(id);
    const waits = isBehind && !this.hasParted && this.isInside(cpu) && choiceKind(c) === RUN && !run.isInterrupted(id);
    if (waits) this.without?.parts(cpu);
    else this.follows = false;
    this.hasParted = true;
    if (!this.isKnown) this.knownIn = this.runs;
    const operation = run.operationOf(id);
    const at = this.taken.get(operation) ?? 0;
    this.parted.set(operation, Math.min(at, this.parted.get(operation) ?? at));
  }

  /** A task has left a routine of the patches, with a result. */
  private compare(name: string, cpu: Cpu, result: unknown): void {
    if (!this.follows || !this.catchesUp()) return;
    const answer = this.without?.answerOf(name, cpu);
    const isOther = answer !== undefined && typeof result !== 'object' && answer !== result;
    if (isOther) this.hits(targetIn(`${name} answers otherwise`, this.kindOf(cpu)));
  }

  private notes(name: string, cpu: Cpu): void {
    this.hits(targetIn(name, this.kindOf(cpu)));
    if (this.names.has(name)) return;
    for (const other of this.names) this.begun.add(bothOf(name, other));
    this.names.add(name);
  }

  /** Where a TLB is stale meanwhile, that is a target of its own: behind most pasts none is. */
  private hits(target: Target): void {
    this.begun.add(target);
    const stale = whileStale(target);
    if (!this.begun.has(stale) && this.run?.holdsStale()) this.begun.add(stale);
  }

  private kindOf({ current }: Cpu): string {
    return this.run?.kindOf(current) ?? 'the background';
  }

  /** Is the step, which the run is about to take, behind the beginning of a patch? */
  private isBehindPatch(next: Choice): boolean {
    if (this.common === undefined || this.begun.size > 0 || this.isEarly) return true;
    this.common.push(next);
    return false;
  }

  /** What the run did until patches were begun happens without them, too; false if it cannot. */
  private catchesUp(): boolean {
    const { common } = this;
    if (common === undefined) return true;
    this.common = undefined;
    this.without ??= new Unpatched(this.asked, this.patches, this.unpatched);
    return this.without.begin(common);
  }
}
