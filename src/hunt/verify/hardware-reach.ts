/**
 * What hardware may do on its own in the state in which a machine is, and all that it could touch by that: found by doing it
 * and taking it back. A speculative walk counts with all its steps.
 */
import { ADVERSARY, type Choice, choice, choiceArgument, choiceCpu } from '../../engine/choice.ts';
import { hardwareActs } from '../../engine/hardware-acts.ts';
import type { Stepper } from '../../engine/stepper.ts';
import {
  type AdversaryAction,
  adversaryActions,
  OVER_INVALIDATION,
  speculation,
  WALK_ON,
} from '../../hardware/adversary.ts';
import type { CpuId } from '../../hardware/types.ts';
import { disjoint, type Footprint, united } from '../../memory/step-record.ts';
import type { OwnActions } from '../strategies/state-search.ts';

/** More than a walk has: nobody changes its entries meanwhile. */
const WALK_STEPS = 16;

export class HardwareReach implements OwnActions {
  private readonly list: number[] = [];
  /** Something that was imagined would convict. */
  private convicts = false;

  constructor(
    private readonly stepper: Stepper,
    readonly budget: number,
  ) {}

  actions(): Choice[] {
    const { cpus } = this.stepper.machine.geometry;
    return Array.from({ length: cpus }, (_, id) => this.actionsOf(id as CpuId)).flat();
  }

  /** The machine, which must keep hash and record, is afterwards as it was. */
  reach(left: number): ((c: Choice) => Footprint) | undefined {
    const { cpus } = this.stepper.machine.geometry;
    this.convicts = false;
    const own = new Map(
      this.actions().map((c) => [c, this.touches(choiceCpu(c), [choiceArgument(c) as AdversaryAction])]),
    );
    const all = Array.from({ length: left > 1 ? cpus : 0 }, (_, id) => this.later(id as CpuId, own));
    if (this.convicts) return undefined;
    if (left === 1) return (c) => own.get(c) ?? [];
    // what one action makes possible may be what counts; on another CPU, if the two meet in memory
    const met = all.map((reach) => united(all.filter((other) => !disjoint(other, reach)).concat([reach])));
    return (c) => met[choiceCpu(c)];
  }

  private actionsOf(id: CpuId): Choice[] {
    const { machine } = this.stepper;
    const n = adversaryActions(this.stepper.cpuAt(id), machine.pages, this.list);
    return this.list.slice(0, n).map((action) => choice(ADVERSARY, id, action));
  }

  /** What the actions of a CPU could touch, and walks that start there with nothing cached. */
  private later(id: CpuId, own: ReadonlyMap<Choice, Footprint>): Footprint {
    const walks = this.stepper.machine.pages.map((page) => this.touches(id, [OVER_INVALIDATION, speculation(page)]));
    return united([...walks, ...[...own].flatMap(([c, reach]) => (choiceCpu(c) === id ? [reach] : []))]);
  }

  private touches(id: CpuId, actions: readonly AdversaryAction[]): Footprint {
    const { machine } = this.stepper;
    const { mem, oracle } = machine;
    const cpu = this.stepper.cpuAt(id);
    const steps: Footprint[] = [];
    const act = (action: AdversaryAction): void => {
      hardwareActs(machine, undefined, cpu, choice(ADVERSARY, id, action));
      mem.record?.endStep();
      steps.push(this.stepper.footprint());
    };
    mem.remember();
    for (const action of actions) act(action);
    for (let i = 0; i < WALK_STEPS && machine.columns.walk.active.peek(id, 1) !== 0; i++) act(WALK_ON);
    mem.takeBack();
    if (oracle?.takeBack()) this.convicts = true;
    return united(steps);
  }
}
