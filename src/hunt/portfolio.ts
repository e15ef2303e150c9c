/**
 * The strategies by name, and how a hunt with several of them shares its schedules: a part goes to each alike, the rest by
 * how many conflicting pairs, new to the hunt, each has shown per schedule of late.
 */
import type { Random } from './random.ts';
import { Icb } from './strategies/icb.ts';
import { IterativePct } from './strategies/iterative-pct.ts';
import { OperationWalk } from './strategies/operation-walk.ts';
import { Pct } from './strategies/pct.ts';
import { Pos } from './strategies/pos.ts';
import { Preempt } from './strategies/preempt.ts';
import { RandomWalk } from './strategies/random-walk.ts';
import { Replay } from './strategies/replay.ts';
import { SharedSteps } from './strategies/shared-steps.ts';
import { SleepSets } from './strategies/sleep-sets.ts';
import type { AdversaryBudget, Strategy } from './strategies/strategy.ts';
import { Surw } from './strategies/surw.ts';
import { Urw } from './strategies/urw.ts';

export const STRATEGY_NAMES = [
  'random',
  'sticky',
  'operations',
  'preempt-1',
  'preempt-2',
  'pct-1',
  'pct-2',
  'pct-3',
  'pct-iterative',
  'pos',
  'urw',
  'surw',
  'icb',
  'icb-2',
  'exhaustive',
  'replay',
] as const;
/** Draws its own programs, and searches all that they can do: it shares none with other strategies. */
export const SMALL_SCOPE = 'small-scope';
export type StrategyName = (typeof STRATEGY_NAMES)[number] | typeof SMALL_SCOPE;

/**
 * What `hunt` runs by default: two grains of schedule, whole operations and single steps. Strategies that end are for single small
 * scenarios and have to be asked for.
 */
export const DEFAULT_MIX = [
  'preempt-1',
  'pct-2',
  'preempt-2',
  'pct-3',
  'sticky',
  'pos',
  'surw',
  'random',
] as const satisfies StrategyName[];

/** In programs of a few operations, which get a few schedules each. */
export const ENCOUNTER_MIX = ['preempt-1', 'pct-2', 'preempt-2', 'pct-3'] as const satisfies StrategyName[];

/**
 * @param recorded the schedule that `replay` follows
 * @param steps what the strategies of one program learn together
 */
export function strategyNamed(
  name: StrategyName,
  random: Random,
  budget: AdversaryBudget,
  recorded: readonly number[] = [],
  steps = new SharedSteps(),
): Strategy {
  switch (name) {
    case 'random':
      return new RandomWalk(random, budget);
    case 'sticky':
      return new RandomWalk(random, budget, 3);
    case 'operations':
      return new OperationWalk(random, budget);
    case 'preempt-1':
    case 'preempt-2':
      return new Preempt(random, Number(name.slice(-1)), budget, steps);
    case 'pct-1':
    case 'pct-2':
    case 'pct-3':
      return new Pct(random, Number(name.slice(4)), budget);
    case 'pct-iterative':
      return new IterativePct(random, budget);
    case 'pos':
      return new Pos(random, budget);
    case 'urw':
      return new Urw(random, budget);
    case 'surw':
      return new Surw(random, budget);
    case 'icb':
      return new Icb();
    case 'icb-2':
      return new Icb(2, name);
    case 'exhaustive':
      return new SleepSets();
    case SMALL_SCOPE:
      throw new Error(`${name} needs a machine whose operations are a choice`);
    case 'replay':
      return new Replay(random, recorded, new RandomWalk(random, budget));
  }
}

/** What a strategy weighs beside the best one when it shows nothing new. */
const LEAST = 0.5;
/** Share of what was known of a strategy that each of its schedules keeps. */
const MEMORY = 0.97;

export type PortfolioPlace = readonly (readonly [name: string, yielded: number, turn: number])[];

/** Whose turn it is: stride scheduling, with what each strategy has shown of late as its weight. */
export class Portfolio<Name extends string> {
  private readonly yields = new Map<Name, number>();
  private readonly turns = new Map<Name, number>();

  constructor(names: readonly Name[]) {
    for (const name of names) {
      this.yields.set(name, 0);
      this.turns.set(name, 0);
    }
  }

  /** The strategy that is due, out of those that go on. */
  due(among: readonly Name[]): Name {
    return among.reduce((a, b) => (this.turn(b) < this.turn(a) ? b : a));
  }

  /** It had a schedule, which showed so many new pairs. */
  had(name: Name, fresh: number): void {
    const last = this.yields.get(name) ?? 0;
    this.yields.set(name, last * MEMORY + fresh * (1 - MEMORY));
    const best = Math.max(...this.yields.values());
    const share = best === 0 ? 1 : LEAST + (1 - LEAST) * ((this.yields.get(name) ?? 0) / best);
    this.turns.set(name, this.turn(name) + 1 / share);
  }

  /** For each name what it yielded of late, and where it stands in the order of turns. */
  place(): PortfolioPlace {
    return [...this.turns].map(([name, turn]) => [name, this.yields.get(name) ?? 0, turn] as const);
  }
  goOn(place: PortfolioPlace): void {
    for (const [name, yielded, turn] of place) {
      this.yields.set(name as Name, yielded);
      this.turns.set(name as Name, turn);
    }
  }

  private turn(name: Name): number {
    return this.turns.get(name) ?? 0;
  }
}
