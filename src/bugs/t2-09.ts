/**
 * T2-09, 2020, commit a665eec0a22e and its sparc64 twin: an mm that seems to have one user has its set of CPUs overwritten
 * with the CPU of that user. A CPU that holds the mm lazily loses its bit, and comes back to the mm without setting it.
 */
import { cpumaskSet, maskWord } from '../kernel/cpumask.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { preemptDisable, preemptEnable } from '../kernel/locking/preempt.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const HOW_MANY = point('t2-09: flush asked for, users to be read');
const ONE_USER = point('t2-09: one user, cpumask to be overwritten');
const EMPTIED = point('t2-09: cpumask emptied, own bit to be set');

export const t209 = definePatch({
  name: 't2-09',
  says: 'the flush of an mm with one user trims the set of its CPUs to the one that flushes',
  year: 2020,
  source: 'https://git.kernel.org/torvalds/c/a665eec0a22e',

  *flushTlbMmRange(cpu, mm, start, end, freedTables) {
    const { users, cpumask } = cpu.mm;
    preemptDisable(cpu);
    if (cpu.at(HOW_MANY, users.at(mm))) yield;
    if (users.load(mm) === 1 && cpu.tlbState.loadedMm.load(cpu.id) === mm) {
      for (let k = 0; k < cpu.geometry.maskWords; k++) {
        if (cpu.at(ONE_USER, cpumask.at(mm, k))) yield;
        cpumask.store(mm, 0, k);
      }
      if (cpu.at(EMPTIED, maskWord(cpu, cpumask, mm, cpu.id))) yield;
      cpumaskSet(cpu, cpumask, mm, cpu.id);
    }
    yield* MAINLINE.flushTlbMmRange(cpu, mm, start, end, freedTables);
    yield* preemptEnable(cpu);
  },
});
