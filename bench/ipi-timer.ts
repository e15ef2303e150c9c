/** A policy for `ipi-round-trip`: before each flush, times cross-calls to CPU 1 that ask for nothing. */
import type { Geometry } from '../src/hardware/geometry.ts';
import type { CpuId } from '../src/hardware/types.ts';
import { MAINLINE } from '../src/kernel/kernel.ts';
import { preemptDisable, preemptEnableNoResched } from '../src/kernel/locking/preempt.ts';
import { CALL_SYNC } from '../src/kernel/smp/calls.ts';
import { table } from '../src/memory/table.ts';
import { definePolicy } from '../src/policy/policy.ts';

/** Samples kept: the last ones. */
export const SAMPLES = 4096;
const CALLS_PER_FLUSH = 16;
const TARGET: readonly CpuId[] = [1 as CpuId];

export const TIMES = table<CpuId, Geometry>()('ipiTimes', (g) => g.cpus, {
  taken: { private: 'cpu' },
  nanoseconds: { owner: { private: 'cpu' }, width: () => SAMPLES },
});

export default definePolicy({
  name: 'ipi-timer',
  says: 'times cross-calls before each flush',
  base: 'mainline 6.18',
  tables: [TIMES],
  *flushTlbMmRange(cpu, mm, start, end, freedTables) {
    const { taken, nanoseconds } = cpu.wordsOf(TIMES);
    preemptDisable(cpu);
    for (let i = 0; i < CALLS_PER_FLUSH; i++) {
      const before = performance.now();
      yield* cpu.kernel.smpCallFunctionMany(cpu, TARGET, CALL_SYNC);
      const n = taken.own(cpu.id);
      nanoseconds.put(cpu.id, Math.round((performance.now() - before) * 1e6), n % SAMPLES);
      taken.put(cpu.id, n + 1);
    }
    preemptEnableNoResched(cpu);
    yield* MAINLINE.flushTlbMmRange(cpu, mm, start, end, freedTables);
  },
});
