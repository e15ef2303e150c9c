/** Chance for workloads: the same seed draws the same numbers. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A function that draws integers from 0 to n-1. */
export function drawFrom(seed: number): (n: number) => number {
  const generator = xoroshiro128plus(seed | 0);
  return (n) => (generator.next() >>> 0) % n;
}
