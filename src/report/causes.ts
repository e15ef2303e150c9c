/**
 * Findings by their cause. Two are one if, made small, they end with the same harm, owe the flush of the same sort of operation,
 * and leave CPUs at the same points of the kernel. A hunt meets the same cause again and again, and making a finding small
 * takes seconds; so convictions that look alike as found are made small a few times only.
 */
import { LOAD, STORE } from '../hardware/types.ts';
import type { RawFinding } from '../hunt/hunt.ts';
import { opName } from '../oracle/oracle.ts';
import type { Finding, ScheduleSwitch } from '../program/finding.ts';

/** Convictions of one kind that are made small without showing a new cause, until the rest of the kind counts as known. */
const TRIES = 3;

/** A finding and how often its cause was met. */
export interface Met {
  readonly id: string;
  readonly cause: string;
  times: number;
}

/** What is known of causes, as data. */
export interface CausesPlace {
  readonly met: readonly Met[];
  /** By kind of conviction: the tries that showed nothing new, and the finding that the kind counts for. */
  readonly kinds: readonly (readonly [kind: string, tries: number, id: string])[];
}

export class Causes {
  private readonly met: Met[] = [];
  private readonly kinds = new Map<string, { tries: number; id: string }>();

  get size(): number {
    return this.met.length;
  }
  /** Convictions that added nothing. */
  get duplicates(): number {
    return this.met.reduce((sum, { times }) => sum + times - 1, 0);
  }

  /** Is the conviction one of a kind of which enough is known? Then it is counted. */
  isKnown(raw: RawFinding): boolean {
    const kind = this.kinds.get(kindOf(raw));
    if (!kind || kind.tries < TRIES) return false;
    this.count(kind.id);
    return true;
  }

  /**
   * The conviction made small. Returns the id of the finding with that cause: another one's if it was met before; then it is
   * counted.
   */
  idOf(raw: RawFinding, finding: Finding): string {
    const cause = causeOf(finding);
    const known = this.met.find((m) => m.cause === cause);
    if (!known) this.met.push({ id: finding.id, cause, times: 0 });
    const { id } = known ?? finding;
    this.count(id);
    const kind = this.kinds.get(kindOf(raw)) ?? { tries: 0, id };
    this.kinds.set(kindOf(raw), { tries: known ? kind.tries + 1 : 0, id: kind.id });
    return id;
  }

  /** How often the cause of each finding was met. */
  times(): ReadonlyMap<string, number> {
    return new Map(this.met.map(({ id, times }) => [id, times]));
  }

  place(): CausesPlace {
    return { met: this.met.map((m) => ({ ...m })), kinds: [...this.kinds].map(([k, { tries, id }]) => [k, tries, id]) };
  }
  goOn({ met, kinds }: CausesPlace): void {
    this.met.push(...met.map((m) => ({ ...m })));
    for (const [kind, tries, id] of kinds) this.kinds.set(kind, { tries, id });
  }

  private count(id: string): void {
    for (const m of this.met) if (m.id === id) m.times++;
  }
}

/** The kind of a conviction as found: the same harm, ended by the same sort of operation, seen by the same sort of access. */
export function kindOf({ conviction: { harm, violation, says } }: RawFinding): string {
  if (!violation) return `${harm} ${says.replace(/\d+/g, 'n')}`;
  const { kind, endedBy } = violation;
  const access = kind < 0 ? 'read back' : kind === STORE ? 'store' : kind === LOAD ? 'load' : 'fetch';
  return `${harm}: ${access}${endedBy ? ` behind ${opName(endedBy.op)}` : ''}`;
}

/** Harm, what owed a flush, and the points of the kernel at which the schedule leaves a CPU for another. */
export function causeOf({ harm, owed, invariant, switches }: Finding): string {
  const debtor = owed === '' ? invariant.replace(/\d+/g, 'n') : owed.split(/[ (]/, 1)[0];
  const left = switches.filter(isLeft).map((s) => s.until.point);
  return [harm, debtor, ...new Set(left.filter((label) => !/^(user|spin|access|folioTry)/.test(label)).sort())].join(
    ' | ',
  );
}

/** Does another CPU go on where this one stands? */
function isLeft(s: ScheduleSwitch, i: number, all: readonly ScheduleSwitch[]): boolean {
  return s.does === 'run' && i + 1 < all.length && all[i + 1].cpu !== s.cpu;
}
