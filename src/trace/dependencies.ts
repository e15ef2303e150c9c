/** Which steps used which pages last, of an address space or of a file: what later steps of other threads wait for. */
import type { Order, Step } from './order.ts';
import { PageMap, type Segment } from './page-map.ts';

interface Last {
  /** Steps that change something there, and those that only look. None of a list is ordered behind another one of it. */
  readonly changes: readonly Step[];
  readonly looks: readonly Step[];
}

const NOTHING: Last = { changes: [], looks: [] };

export class Dependencies {
  private readonly last = new PageMap<Last>();

  /**
   * A step uses pages `from` to `to`. It waits for what the log shows to have ended before it began, as far as one of
   * both changes something.
   * @param fresh whatever was there before is gone, even where the log shows the calls overlapping
   */
  use(order: Order, step: Step, { from, to }: Range, { looks = false, fresh = false } = {}): void {
    const { last } = this;
    const before = last.within(from, to);
    const relevant = (s: Segment<Last>) => (looks ? s.value.changes : [...s.value.changes, ...s.value.looks]);
    for (const earlier of new Set(before.flatMap(relevant))) {
      if (earlier !== step && (earlier.endLine < step.line || fresh)) order.after(step, earlier);
    }
    const isFree = (earlier: Step) => earlier !== step && !order.isAfter(step, earlier);
    for (const { value, ...s } of [...before, ...last.gaps(from, to).map((gap) => ({ ...gap, value: NOTHING }))]) {
      last.set(s.from, s.to, {
        changes: looks ? value.changes : [...value.changes.filter(isFree), step],
        looks: looks ? [...value.looks.filter(isFree), step] : value.looks.filter(isFree),
      });
    }
  }

  /** Is a step on those pages still going on at that line? */
  isInFlight({ from, to }: Range, line: number): boolean {
    return this.last.within(from, to).some(({ value }) => value.changes.some((step) => step.endLine > line));
  }
}

export interface Range {
  readonly from: number;
  readonly to: number;
}
