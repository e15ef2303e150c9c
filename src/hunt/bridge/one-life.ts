/**
 * A program forks a task once, a round as often as its tasks repeat what they do. Of the lives of a forked task the last one
 * counts; one that had begun before the round gets its fork in the history.
 */
import type { Op, Program } from '../../program/program.ts';

/** An operation, and the number of the task whose it is. */
export interface Act {
  readonly task: number;
  readonly op: Op;
}

/** The same operations, in the same order, without those of the former lives of forked tasks. */
export function lastLives<A extends Act>(
  { tasks }: Program,
  before: readonly Act[],
  during: readonly A[],
): { history: readonly Act[]; concurrent: readonly A[] } {
  let history = before;
  let concurrent = during;
  for (const [task, { name, forkedBy }] of tasks.entries()) {
    if (forkedBy === undefined) continue;
    const isFork = ({ op }: Act): boolean => op.do === 'fork' && op.task === name;
    const isOf = (act: Act): boolean => act.task === task || isFork(act);
    const all = [...history, ...concurrent];
    const born = all.findLastIndex(isFork);
    const isEnd = (act: Act, i: number): boolean =>
      act.task === task && act.op.do === 'exit' && all.slice(i + 1).some((later) => later.task === task);
    const died = all.findLastIndex((act, i) => i > born && isEnd(act, i));
    const begin = Math.max(born, died + 1);
    const isKept = (act: Act, i: number): boolean => i >= begin || !isOf(act);
    const { length } = history;
    history = history.filter((act, i) => isKept(act, i));
    concurrent = concurrent.filter((act, i) => isKept(act, length + i));
    if (![...history, ...concurrent].some((act) => act.task === task) || (born >= 0 && born === begin)) continue;
    const parent = tasks.findIndex((t) => t.name === forkedBy);
    const first = history.findIndex((act) => act.task === task);
    const at = first < 0 ? history.length : first;
    history = [...history.slice(0, at), { task: parent, op: { do: 'fork', task: name } }, ...history.slice(at)];
  }
  return { history, concurrent };
}
