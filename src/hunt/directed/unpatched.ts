/**
 * The machine without the patches of a hunt, which does what a run of the one with them does, step by step, as long as it can. While a
 * task is in a routine that does otherwise here, its steps are left out; at the end of the routine this machine does its own,
 * and says what comes of it.
 */
import { ADVERSARY, type Choice, choice, choiceCpu, choiceKind, RUN, TICK } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import type { TaskId } from '../../kernel/types.ts';
import { MachineRun } from '../machine-run.ts';
import type { Machines } from '../machines.ts';
import type { ToldPatches } from './told-patches.ts';

/** The other run is checked, and judged: this one only shows where it leads. */
const UNCHECKED = { access: false, hash: false };
/** Steps of a routine until it counts as one that waits. */
const MOST_STEPS = 500;

export class Unpatched {
  private readonly stepper: Stepper;
  private readonly run: MachineRun;
  /** How deep each task is in routines that patches change. */
  private readonly depths = new Map<TaskId, number>();
  /** The last of them that each task has left. */
  private readonly left = new Map<TaskId, { readonly name: string; readonly result: unknown }>();
  /** The task whose steps are left out, and its CPU. */
  private apart: { readonly task: TaskId; readonly cpu: CpuId } | undefined;

  /**
   * @param asked the plan of the machine with the patches @param patches which tell this machine from now on
   * @param machines those without patches
   */
  constructor(asked: MachinePlan, patches: ToldPatches, machines: Machines) {
    const depth = ({ current }: Cpu): number => this.depths.get(current) ?? 0;
    patches.onOriginals = {
      enters: (_: string, cpu: Cpu): void => void this.depths.set(cpu.current, depth(cpu) + 1),
      leaves: (name: string, cpu: Cpu, result: unknown): void => {
        this.depths.set(cpu.current, depth(cpu) - 1);
        this.left.set(cpu.current, { name, result });
      },
    };
    const { originals } = patches;
    this.stepper = machines.of({
      ...asked,
      patches: originals,
      oracle: undefined,
      audit: undefined,
      checks: UNCHECKED,
    });
    this.run = new MachineRun(this.stepper);
  }

  /** Does these steps from the reset on; false if it cannot. */
  begin(steps: readonly Choice[]): boolean {
    this.stepper.reset();
    this.depths.clear();
    this.left.clear();
    this.apart = undefined;
    return steps.every((c) => this.survives(c));
  }

  /** Does the step that the run with the patches is about to take, unless that one is of a task that is apart; false if there is none. */
  takesToo(run: MachineRun, c: Choice): boolean {
    const { stepper: without, run: same } = this;
    const kind = choiceKind(c);
    const id = choiceCpu(c);
    if (id === this.apart?.cpu && kind === RUN && !run.isInterrupted(id)) return true;
    const isThere = kind === TICK ? without.tickChoice(id) === c : without.choices.includes(c);
    if ((kind !== ADVERSARY && !isThere) || same.announced(c) !== run.announced(c)) return false;
    return this.survives(c);
  }

  /** The task, in a routine of the patches, does otherwise: until it leaves that its steps are its own. */
  parts({ current, id }: Cpu): void {
    this.apart = { task: current, cpu: id };
    this.left.delete(current);
  }

  /** The task has left the routine. What comes of it here? undefined: it is not come by, or waits, or ends in an assertion. */
  answerOf(name: string, { current, id }: Cpu): unknown {
    const own = choice(RUN, id);
    for (let i = 0; i < MOST_STEPS && this.isInside(current); i++) {
      if (!this.stepper.choices.includes(own) || !this.survives(own)) return undefined;
    }
    this.apart = undefined;
    const left = this.left.get(current);
    this.left.delete(current);
    return left?.name === name ? left.result : undefined;
  }

  private isInside(task: TaskId): boolean {
    return (this.depths.get(task) ?? 0) > 0 || (this.apart !== undefined && !this.left.has(task));
  }

  /** Takes the step; false at an assertion of the kernel: the run with the patches goes on alone. */
  private survives(c: Choice): boolean {
    try {
      this.stepper.step(c);
      return true;
    } catch {
      return false;
    }
  }
}
