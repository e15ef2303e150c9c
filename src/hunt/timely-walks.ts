/**
 * Speculative walks just in time: of the pages whose entries the next events may change, on CPUs that could still cache what is there.
 * Hardware may translate any page at any time (B-8); a moment later it would find nothing any more, and a moment earlier a flush
 * might still take what it found.
 */
import { ADVERSARY, choice, choiceCpu, choiceKind, RUN } from '../engine/choice.ts';
import type { Stepper } from '../engine/stepper.ts';
import { speculation } from '../hardware/adversary.ts';
import { TLB_MISS, tlbLookup } from '../hardware/tlb.ts';
import type { CpuId } from '../hardware/types.ts';

/** Lists them in `into` as choices, and returns how many there are. */
export function timelyWalks(stepper: Stepper, into: number[]): number {
  const { choices, machine } = stepper;
  const { oracle, geometry, pages } = machine;
  let n = 0;
  for (const c of choices) {
    const entry = choiceKind(c) === RUN ? oracle?.entryAt(stepper.cpuAt(choiceCpu(c)).word) : undefined;
    if (entry === undefined || !pages.includes(entry.vpn)) continue;
    for (let id = 0 as CpuId; id < geometry.cpus; id++) {
      const cpu = stepper.cpuAt(id);
      if (oracle?.loadedBy(id) !== entry.mm || tlbLookup(cpu, entry.vpn) !== TLB_MISS) continue;
      if (cpu.hw.walk.active.peek(id, 1) === 0) into[n++] = choice(ADVERSARY, id, speculation(entry.vpn));
    }
  }
  return n;
}
