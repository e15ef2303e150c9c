/**
 * Preemptions on the coarse grain: a walk over whole operations in which a few operations, 1 or 2, are held up half-way, and go on
 * when nothing else can; most races of kernel paths are of that shape. Where one may be held is learnt: before a step at a
 * word that several CPUs touch in this program, because before any other step the others would see the same. Each such place has its
 * turn before one comes again (Musuvathi, Qadeer, PLDI 2007, bound the preemptions of single steps, and go through all of them).
 */
import { type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import { type Random, shuffled } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { OperationGrain } from './operation-grain.ts';
import { interruptsOf, type Place, SharedSteps } from './shared-steps.ts';
import type { AdversaryBudget, Run, Strategy } from './strategy.ts';

/** Where others may go on, one of so many times an operation that is held does, in runs that are not patient. */
const EARLY = 4;

/**
 * Steps without one more operation held, or one less, until the run goes on as a walk over whole operations. Tasks that look again and again for
 * what only another one can give them never count as waiting, and might have all turns.
 */
const LONGEST = 500;

/** Places of an operation that are close behind where patches make a difference. */
const CLOSE = 6;
/** Places of an operation in the midst of what patches changed: of more of them, most say little. */
const INSIDE = 12;

export class Preempt implements Strategy {
  readonly name: string;
  private readonly adversary: RandomAdversary;
  private readonly grain: OperationGrain;
  /** Places that have not had their turn, in random order. */
  private deck: Place[] = [];
  /** Where operations are to be held in this run. */
  private planned: Place[] = [];
  private readonly held: CpuId[] = [];
  /** Those of them that are held in the handler of an interrupt. */
  private readonly handlers: CpuId[] = [];
  /** The first operation to be held begins before all others. */
  private first = false;
  /** What is held goes on only when nothing else can. */
  private patient = false;
  /** It goes on no further than until something else can: somebody who waited for its lock, say. */
  private yields = false;
  /** Nothing is known of where to hold: the first operation that makes a TLB stale is, where it does. */
  private blind = false;
  private wasStale = true;
  /** Steps of the run when an operation was held, or went on, last. */
  private since = 0;

  /** @param steps what is learnt, from this strategy's runs and from those of others that share it */
  constructor(
    private readonly random: Random,
    private readonly most: number,
    budget: AdversaryBudget,
    private readonly steps = new SharedSteps(),
  ) {
    this.name = `preempt-${most}`;
    this.adversary = new RandomAdversary(random, budget);
    this.grain = new OperationGrain(random);
  }

  begin(): boolean {
    const { random, steps } = this;
    const is = (): boolean => random.below(2) === 0;
    this.adversary.begin();
    this.held.length = 0;
    this.handlers.length = 0;
    steps.begin();
    this.since = 0;
    const places = steps.places();
    if (this.deck.length === 0) this.deck = this.dealt(places);
    this.planned = this.deck.splice(-1);
    this.blind = places.length === 0;
    this.wasStale = true;
    while (this.planned.length > 0 && this.planned.length < this.most) {
      const others = places.filter(({ operation }) => this.planned.every((p) => p.operation !== operation));
      if (others.length === 0) break;
      this.planned.push(this.oneOf(others));
    }
    this.first = this.planned[0]?.reached || this.planned[0]?.inside || is();
    this.patient = is();
    this.yields = is();
    this.grain.begin({ eager: is(), steady: is(), late: random.bits() });
    return true;
  }

  /**
   * The last one is taken first. Those at which a flush was due have their turn before all others, and behind them again; those that
   * the hunt is directed at, if it is, have it by turns with them.
   */
  private dealt(places: readonly Place[]): Place[] {
    const stale = places.filter((p) => p.stale);
    const others = places.filter((p) => !p.stale);
    const [again, rest, due, aimed] = [stale, others, stale, aimedAt(places)].map((some) =>
      shuffled(some, this.random),
    );
    return [...again, ...rest, ...byTurns(due, aimed)];
  }

  /** Of the places of other operations: one that the hunt is directed at, or where a flush was due, or any. */
  private oneOf(places: readonly Place[]): Place {
    const kinds = [places, places.filter((p) => p.stale), aimedAt(places)].filter((some) => some.length > 0);
    const some = kinds[this.random.below(kinds.length)];
    return some[this.random.below(some.length)];
  }

  choose(run: Run): number {
    const c = this.next(run);
    this.steps.step(run, c as Choice);
    return c;
  }

  private next(run: Run): number {
    this.holdIfDue(run);
    const { held, random, grain } = this;
    const open = run.choices.filter((c) => !this.isHeld(run, c));
    if (open.length === 0) {
      const own = run.choices[random.below(run.choices.length)];
      if (!this.yields) this.release(choiceCpu(own));
      return this.yields ? own : grain.start(run, [own]);
    }
    if (run.steps - this.since > LONGEST) return this.goOn(run);
    const within = grain.within(run, open);
    if (within >= 0) return within;
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    if (held.length > 0 && !this.patient && random.below(EARLY) === 0) {
      this.release(held[random.below(held.length)]);
      return this.next(run);
    }
    return grain.start(run, this.led(open));
  }

  /** The operation under way, or the handler of an interrupt, has come to where it is to be held. */
  private holdIfDue(run: Run): void {
    if (this.blind) this.holdIfStale(run);
    if (this.planned.length === 0) return;
    const at = this.planned.findIndex((place) => {
      const { operation, step } = place;
      const cpu = this.whereIs(place);
      if (isInHandler(place) !== run.isInterrupted(cpu) || this.held.includes(cpu)) return false;
      return (isInHandler(place) || this.grain.isIn(run, operation)) && this.steps.stepsOf(operation) === step;
    });
    if (at < 0) return;
    const [place] = this.planned.splice(at, 1);
    const cpu = this.whereIs(place);
    this.hold(run, cpu);
    if (isInHandler(place)) this.handlers.push(cpu);
    else this.grain.leave();
  }

  private holdIfStale(run: Run): void {
    const { current } = this.grain;
    const isStale = run.holdsStale();
    if (isStale && !this.wasStale && current !== undefined && run.operationOf(current.cpu) === current.operation) {
      this.blind = false;
      this.hold(run, current.cpu);
      this.grain.leave();
    }
    this.wasStale = isStale;
  }

  private hold({ steps }: Run, id: CpuId): void {
    this.held.push(id);
    this.since = steps;
  }

  /** One that is held goes on, if there is one, and can; and from now on everybody has a turn. */
  private goOn(run: Run): Choice {
    this.since = run.steps;
    this.grain.begin();
    const [id] = this.held;
    if (id !== undefined) this.release(id);
    const own = run.choices.filter((c) => choiceCpu(c) === id);
    return this.grain.start(run, own.length > 0 ? own : run.choices);
  }

  /** The CPU to hold. An operation may run elsewhere than it did when it was last seen. */
  private whereIs(place: Place): CpuId {
    return isInHandler(place) ? place.cpu : (this.grain.current?.cpu ?? place.cpu);
  }

  /** A CPU that is held takes interrupts, and handles them to the end, unless it is held in the midst of one. */
  private isHeld(run: Run, c: Choice): boolean {
    const id = choiceCpu(c);
    if (choiceKind(c) !== RUN || !this.held.includes(id)) return false;
    return !run.isInterrupted(id) || this.handlers.includes(id);
  }

  private release(id: CpuId): void {
    this.held.splice(this.held.indexOf(id), 1);
    if (this.handlers.includes(id)) this.handlers.splice(this.handlers.indexOf(id), 1);
  }

  /** Those that may go on; only the one that is to be held first, if it is to lead and can. */
  private led(open: readonly Choice[]): readonly Choice[] {
    if (!this.first || this.planned.length === 0 || this.held.length > 0 || isInHandler(this.planned[0])) return open;
    const [{ cpu }] = this.planned;
    const leading = open.filter((c) => choiceKind(c) === RUN && choiceCpu(c) === cpu);
    return leading.length > 0 ? leading : open;
  }
}

/** One of each by turns, to the ends of both. */
function byTurns<T>(some: readonly T[], others: readonly T[]): T[] {
  const most = Math.max(some.length, others.length);
  const turns = Array.from({ length: most }, (_, i) => [some.at(i - most), others.at(i - most)]);
  return turns.flat().filter((one) => one !== undefined);
}

/** Those close behind where patches make a difference, and those in the midst of what they changed, if that is not much. */
function aimedAt(places: readonly Place[]): Place[] {
  const behind = places.filter((p) => p.reached);
  const close = behind.filter((p, i) => behind[i - CLOSE]?.operation !== p.operation);
  const inside = places.filter((p) => p.inside && !close.includes(p));
  const few = inside.filter((p) => inside.filter(({ operation }) => operation === p.operation).length <= INSIDE);
  return [...close, ...few];
}

function isInHandler({ operation, cpu }: Place): boolean {
  return operation === interruptsOf(cpu);
}
