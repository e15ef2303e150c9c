/**
 * Encounters: small programs for `--fuzz` in which a few operations meet at one place. Something is mapped, it gets a past, everybody
 * who may has it in the TLB; then two to four operations that change what is mapped, or what the mapping shows, happen at the same
 * time, and before and behind them loads and stores. Few operations make few steps, so that most of what can happen between two of
 * them does within a few schedules (the small scope hypothesis; Jackson, Damon, ISSTA 1996).
 */
import { canonicalOp } from '../../program/canonical.ts';
import type { OpKind } from '../../program/op-kind.ts';
import type { Op, Program } from '../../program/program.ts';
import type { Player } from './cast.ts';
import { Draw } from './draw.ts';
import { EncounterPast } from './encounter-past.ts';
import { OPERATIONS, only, operationsOf, RIVAL, scaled, WORLDS, withTrait } from './encounter-traits.ts';
import { drawAllocation } from './kernel-pages.ts';
import type { Bounds } from './program-writer.ts';
import type { TraitName, Traits } from './traits.ts';

/** An encounter that is yet to be written. @param random unsigned 32-bit numbers; the same numbers, the same program */
export function encounterOf(random: () => number, traits: Traits): Encounter {
  const draw = new Draw(random);
  return new Encounter(draw, scaled(traits, draw.pick(WORLDS)), BOUNDS);
}

const BOUNDS: Bounds = { objects: [1, 2], pages: 2, files: 1 };

/** What could meet an opening, though it is no part of the program. */
export interface Rival {
  readonly task: string;
  readonly ops: readonly Op[];
}

/** Operations that wait for what others do, and the last one of a task. */
const ENDS: ReadonlySet<Op['do']> = new Set(['await', 'sleep', 'lock', 'exit']);

/** In this order: what was before, the first operation, others, the end. The program is canonical, and the schema accepts it. */
export class Encounter extends EncounterPast {
  /** Those who have their turn before anybody has a second one. */
  private waiting: Player[] = [];
  /** Who sleeps until the others have done their part. */
  private sleeper: Player | undefined;

  /**
   * The first operation of those that meet. @param first what it is, if it can be
   * @returns the kinds of operations that were written for its sake; none: it could not be that
   */
  open(first?: TraitName): readonly OpKind[] {
    if (this.draw.chance(0.15 * this.traits.sleep)) this.fallAsleep();
    const kinds = first === undefined ? [] : this.writeAs(first);
    if (kinds.length === 0) this.writeRival(scaled(this.traits, RIVAL));
    return kinds;
  }

  /** One operation more of that kind, alone: who does it, and what it comes to; undefined if it takes others, or a past of its own. */
  rival(kind: TraitName): Rival | undefined {
    const { players } = this.cast;
    const before = players.map(({ ops }) => ops.length);
    const { length } = this.history;
    if (this.writeAs(kind).length === 0) return undefined;
    const grown = players.flatMap(({ name, ops }, i) =>
      ops.length > before[i] ? [{ name, ops: ops.slice(before[i]) }] : [],
    );
    const isAlone = grown.length === 1 && players.length === before.length && this.history.length === length;
    return isAlone ? { task: grown[0].name, ops: grown[0].ops.map(canonicalOp) } : undefined;
  }

  /** One to three operations more, by how often each should be. */
  meet(): void {
    const rival = scaled(this.traits, RIVAL);
    for (let i = Number(this.draw.weighted({ '1': 1, '2': 3, '3': 2 })); i > 0; i--) this.writeRival(rival);
  }

  /**
   * One or two operations more.
   * @param traits what they may be @param chanceOf how often those of a kind are drawn @param also what one of them is, if it can be
   * @returns the kinds of those that were written
   */
  cross(traits: Traits, chanceOf: (kind: TraitName) => number, also?: TraitName): TraitName[] {
    const { draw } = this;
    const rival = scaled({ ...this.traits, ...operationsOf(traits) }, RIVAL);
    const kinds = OPERATIONS.filter((name) => rival[name] > 0 && chanceOf(name) > 0);
    const chances = Object.fromEntries(kinds.map((kind) => [kind, chanceOf(kind)]));
    const written: TraitName[] = [];
    for (let i = draw.between(1, 2); i > 0; i--) {
      let isWritten = false;
      for (let tries = 0; tries < 8 && !isWritten && kinds.length > 0; tries++) {
        const kind = tries === 0 && i === 1 && also !== undefined ? also : (draw.weighted(chances) as TraitName);
        isWritten = this.writeRival(only(rival, kind)).length > 0;
        if (isWritten) written.push(kind);
      }
    }
    return written;
  }

  /** Everybody looks at the place, or changes it, before their part or behind it. */
  end(): Program {
    const { draw, sleeper } = this;
    if (sleeper) this.wake(sleeper);
    for (const user of this.users()) {
      if (draw.chance(0.1)) user.ops.unshift(this.access(user, this.looksAt(user)).op);
      for (let i = Number(draw.weighted({ '1': 1, '2': 3, '3': 3, '4': 1 })); i > 0; i--)
        this.write(user, this.access(user, this.looksAt(user)).op);
    }
    return this.finished();
  }

  /** An operation of that kind, whether or not the program has such ones. @returns the kinds of what was written */
  private writeAs(kind: TraitName): readonly OpKind[] {
    this.unplugs ||= kind === 'unplug';
    return this.writeRival(only(withTrait(scaled(this.traits, RIVAL), kind), kind));
  }

  /** On different CPUs, as far as there are. @returns the kinds of what was written, but for what only takes freed pages */
  private writeRival(rival: Traits): readonly OpKind[] {
    const { draw } = this;
    if (this.waiting.length === 0) this.waiting = this.cast.alive();
    const near = this.waiting.filter(({ space }) => space === this.place!.owner.space);
    const player = draw.pick(near.length > 0 && draw.chance(0.6) ? near : this.waiting);
    const before = this.kinds.length;
    if (!player.exited) this.writeAny(player, 3, rival);
    const kinds = this.kinds.slice(before);
    if (kinds.length === 0) return kinds;
    this.waiting = this.waiting.filter(({ cpu, exited }) => cpu !== player.cpu && !exited);
    // what was freed is taken again soonest by whoever freed it
    const frees = player.role !== 'server' && !player.exited;
    if (frees && draw.chance(0.4 * this.traits.kalloc)) this.write(player, drawAllocation(draw));
    return kinds;
  }

  /** Somebody's CPU has nothing to do from the beginning on, and keeps the address space. */
  private fallAsleep(): void {
    this.sleeper = this.draw.pick(this.atPlace());
    this.sleeper.slept = true;
    this.write(this.sleeper, { do: 'sleep' });
  }

  /** Whoever wakes it waits for nobody before that, who might wait for the sleeper. */
  private wake({ name: task }: Player): void {
    const by = this.draw.pick(
      this.cast.players.filter(({ name, forkedBy }) => name !== task && forkedBy === undefined),
    );
    const waits = by.ops.findIndex((op) => ENDS.has(op.do));
    by.ops.splice(waits < 0 ? by.ops.length : waits, 0, { do: 'wake', task });
  }
}
