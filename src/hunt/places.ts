/** Programs on their machines, with all that a hunt watches there. */

import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { Difference } from './directed/difference.ts';
import { ToldPatches } from './directed/told-patches.ts';
import type { Drawn, Fuzz } from './fuzz.ts';
import type { Rival } from './generate/encounter.ts';
import type { HuntOptions } from './hunt.ts';
import { huntingPlan, rewinding } from './hunting-plan.ts';
import { LedgerStates } from './ledger-states.ts';
import { MachineRun } from './machine-run.ts';
import { Machines } from './machines.ts';
import type { Strategy } from './strategies/strategy.ts';
import type { MadeUp } from './unmade/run.ts';
import { Unmade } from './unmade/unmade.ts';

/** A program on its machine. */
export interface Place {
  readonly plan: MachinePlan;
  readonly stepper: Stepper;
  readonly run: MachineRun;
  readonly ledger: LedgerStates;
  readonly difference: Difference | undefined;
  /** Of a generated program. */
  readonly unmade: Unmade | undefined;
  /** Some TLB has held an entry older than the page tables. */
  stale: boolean;
  /** Of the last run. */
  last?: Strategy;
  choices: readonly number[];
}

export class Places {
  private readonly toldPatches: ToldPatches;
  private readonly machines = new Machines();
  /** Those without the patches of a directed hunt. */
  private readonly unpatched = new Machines();

  /** @param goesBack runs of all programs go back to where they part from the last one */
  constructor(
    private readonly options: HuntOptions,
    private readonly fuzz: Fuzz,
    private readonly goesBack: boolean,
  ) {
    this.toldPatches = new ToldPatches(options.policy, options.patches);
  }

  of({ program, menu, directed }: Pick<Drawn, 'program' | 'menu' | 'directed'>): Place {
    const { options, fuzz, toldPatches, unpatched, machines, goesBack } = this;
    const plan = { ...huntingPlan(program, options), menu };
    const difference = fuzz.isDirected && !menu ? new Difference(plan, toldPatches, unpatched) : undefined;
    const told = difference?.plan ?? plan;
    const stepper = menu || goesBack ? new Stepper(rewinding(told)) : machines.of(told);
    const run = new MachineRun(stepper, difference);
    difference?.start(run, stepper);
    const { rivals } = directed ?? {};
    const promising = rivals && ((): Iterable<Rival> => (fuzz.isPromising(difference) ? rivals() : []));
    const unmade =
      options.source === 'fuzz' && !menu ? new Unmade(plan, stepper, run, difference, promising) : undefined;
    return { plan, stepper, run, ledger: new LedgerStates(stepper), difference, unmade, stale: false, choices: [] };
  }

  /**
   * What if somebody had done in the last run what nobody did? The machine makes these runs, too, and then has its program again.
   * @param goesOn told of each; false: no more of them
   */
  makeUp({ plan, stepper, choices, unmade }: Place, goesOn: (made: MadeUp) => boolean): void {
    let isElsewhere = false;
    this.toldPatches.silently(() => {
      for (const made of unmade?.made(choices) ?? []) {
        isElsewhere = true;
        if (!goesOn(made)) break;
      }
    });
    if (isElsewhere) stepper.takes(plan.program);
  }
}
