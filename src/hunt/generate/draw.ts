/** Draws for generated programs. */

export class Draw {
  /** @param bits unsigned 32-bit numbers */
  constructor(private readonly bits: () => number) {}

  /** 0 to n-1. */
  below(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n);
  }

  /** Inclusive. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with that probability; below 0 and above 1 count as 0 and 1. */
  chance(probability: number): boolean {
    return this.bits() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** One of the keys, by weight; undefined if all weights are 0. */
  weighted<K extends string>(weights: Readonly<Partial<Record<K, number>>>): K | undefined {
    const entries = Object.entries(weights) as [K, number][];
    let at = (this.bits() / 2 ** 32) * entries.reduce((sum, [, w]) => sum + Math.max(0, w), 0);
    for (const [key, weight] of entries) {
      if (weight > 0 && at < weight) return key;
      at -= Math.max(0, weight);
    }
    return undefined;
  }
}
