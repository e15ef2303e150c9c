/**
 * A fault pays before an entry becomes writable. Where the PTL is held nobody may be waited for: the flush under way may be that of
 * a task which runs on when this CPU lets go of the PTL, or when one does that waits for it. There the fault sends its own flush:
 * to the CPUs that owe one, and to all if another task has taken over which those are.
 */
import { definePatch } from '../bugs/patch.ts';
import type { Geometry } from '../hardware/geometry.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { preemptible } from '../kernel/locking/preempt.ts';
import { type Path, point } from '../memory/point.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';
import { LUF } from '../policy/luf-tables.ts';
import { beforeWritable } from './of-both.ts';

const TAKEN_OVER = point('v11-fault-before: luf_lock held, is a demanded flush under way?');
const WHO_OWES = point('v11-fault-before: luf_lock held, CPUs that owe a flush to be read');

export const v11FaultBefore = definePatch({
  name: 'v11-fault-before',
  says: 'luf-v11: a fault flushes everything put off before an entry becomes writable',
  source: 'findings/luf-v11-store-behind-fault.md',

  ...beforeWritable((cpu) => (preemptible(cpu) ? lufFlush(cpu) : flushAlone(cpu))),
});

/** Everything put off, with the batch of this task, whatever others do about it. */
function* flushAlone(cpu: Cpu): Path<void> {
  const { kernel, tlbUbc, current: me } = cpu;
  const luf = cpu.wordsOf(LUF);
  yield* kernel.spinLockIrqsave(cpu, luf.lock.at(0));
  if (cpu.at(TAKEN_OVER, luf.lufOnFlushing.at(0))) yield;
  const takenOver = luf.lufOnFlushing.load(0) !== 0;
  let owing = 0;
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(WHO_OWES, luf.ubcCpumask.at(0, k))) yield;
    const cpus = takenOver ? allCpus(cpu.geometry, k) : luf.ubcCpumask.load(0, k);
    tlbUbc.cpumask.put(me, tlbUbc.cpumask.own(me, k) | cpus, k);
    owing |= cpus;
  }
  yield* kernel.spinUnlockIrqrestore(cpu, luf.lock.at(0));
  if (owing === 0) return;
  tlbUbc.flushRequired.put(me, 1);
  yield* kernel.tryToUnmapFlush(cpu);
}

/** Word `k` of cpu_online_mask. */
function allCpus({ cpus, cpumaskBits }: Geometry, k: number): number {
  return (2 ** Math.min(cpumaskBits, cpus - k * cpumaskBits) - 1) | 0;
}
