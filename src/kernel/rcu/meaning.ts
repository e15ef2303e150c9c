/** What the counters of RCU mean to a search of all states. */
import type { CpuId } from '../../hardware/types.ts';
import type { Word } from '../../memory/memory.ts';
import type { KernelColumns } from '../cpu.ts';

const ROW = 0;

/**
 * Of a count of quiescent states matters whether its CPU is idle, and while a grace period is in progress whether it is still
 * what it was when that began; of what it was then, whether the CPU was idle. Not so where an expedited grace period was ever
 * begun, whose path keeps counts itself. Only for the routines of this folder: others may compare counts with what they like.
 * @param counts is told what a word counts as
 */
export function rcuMeaning(
  { rcu, rcuState }: Pick<KernelColumns, 'rcu' | 'rcuState'>,
  cpus: number,
  counts: (word: Word, as: number) => void,
): void {
  const { words } = rcu.quiescent.mem;
  for (let id = 0 as CpuId; id < cpus; id++) if (words[rcu.hasExpedited.at(id)] !== 0) return;
  const inProgress = words[rcuState.waiting.at(ROW)] !== 0;
  for (let id = 0 as CpuId; id < cpus; id++) {
    const count = words[rcu.quiescent.at(id)];
    const then = words[rcuState.snapshot.at(ROW, id)];
    counts(rcu.quiescent.at(id), (count & 1) | (inProgress && count === then ? 2 : 0));
    counts(rcuState.snapshot.at(ROW, id), inProgress ? then & 1 : 0);
  }
}
