/** Values over ranges of pages: sorted, disjoint. */

export interface Segment<T> {
  /** First page, and first page behind. */
  from: number;
  to: number;
  value: T;
}

export class PageMap<T> {
  private segments: Segment<T>[] = [];

  get size(): number {
    return this.segments.length;
  }

  /** The parts of the range that have a value, cut to the range, in order. */
  within(from: number, to: number): Segment<T>[] {
    const found: Segment<T>[] = [];
    for (let i = this.firstEndingBehind(from); i < this.segments.length && this.segments[i].from < to; i++) {
      const s = this.segments[i];
      found.push({ from: Math.max(s.from, from), to: Math.min(s.to, to), value: s.value });
    }
    return found;
  }

  /** The parts of the range that have none. */
  gaps(from: number, to: number): { from: number; to: number }[] {
    const found: { from: number; to: number }[] = [];
    let at = from;
    for (const s of this.within(from, to)) {
      if (s.from > at) found.push({ from: at, to: s.from });
      at = s.to;
    }
    if (at < to) found.push({ from: at, to });
    return found;
  }

  set(from: number, to: number, value: T): void {
    this.replace(from, to, [{ from, to, value }]);
  }

  delete(from: number, to: number): void {
    this.replace(from, to, []);
  }

  copy(): PageMap<T> {
    const map = new PageMap<T>();
    map.segments = this.segments.map((s) => ({ ...s }));
    return map;
  }

  private replace(from: number, to: number, middle: Segment<T>[]): void {
    const first = this.firstEndingBehind(from);
    let last = first;
    while (last < this.segments.length && this.segments[last].from < to) last++;
    const removed = this.segments.slice(first, last);
    const left = removed.filter((s) => s.from < from).map((s) => ({ ...s, to: from }));
    const right = removed.filter((s) => s.to > to).map((s) => ({ ...s, from: to }));
    this.segments.splice(first, last - first, ...left, ...middle, ...right);
  }

  private firstEndingBehind(page: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.segments[mid].to > page) high = mid;
      else low = mid + 1;
    }
    return low;
  }
}
