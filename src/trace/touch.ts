/**
 * Which pages a traced program touched is not in an strace log; it is inferred, and labelled as inferred. A touch is
 * made by the thread that made pages accessible, right behind the call: a store where it may write, else a load.
 */
import type { Op } from '../program/program.ts';

/**
 * - `none`: no page is touched.
 * - `touch-on-map`: the first 16 pages of what a call makes accessible, stacks (MAP_STACK) left out: they are used from
 *   the top, by their thread.
 * - `touch-all`: all of them.
 * - `sample`: each page with probability `p`, from 0 to 1.
 *
 * A new thread touches the top page of its stack unless the mode is `none`.
 */
export type Touch = 'none' | 'touch-on-map' | 'touch-all' | { sample: number };

const ON_MAP = 16;

/** As printed in reports: `sample 0.25`. */
export function touchName(touch: Touch): string {
  return typeof touch === 'string' ? touch : `sample ${touch.sample}`;
}

/** The pages touched of the range, as ranges. @param random unsigned 32-bit numbers */
export function pagesTouched(
  touch: Touch,
  from: number,
  to: number,
  random: () => number,
): { from: number; to: number }[] {
  if (touch === 'none') return [];
  if (touch === 'touch-all') return [{ from, to }];
  if (touch === 'touch-on-map') return [{ from, to: Math.min(to, from + ON_MAP) }];
  const runs: { from: number; to: number }[] = [];
  for (let page = from; page < to; page++) {
    if (random() >= touch.sample * 2 ** 32) continue;
    const last = runs[runs.length - 1];
    if (last?.to === page) last.to++;
    else runs.push({ from: page, to: page + 1 });
  }
  return runs;
}

/** The operation that touches a range. */
export function touchOp({ from, to }: { from: number; to: number }, write: boolean): Op {
  return { do: 'touch', page: from, pages: to - from, write };
}
