/**
 * The probe asks, of every CPU at a user instruction boundary, what a load and a store through each usable TLB entry
 * would do now. Entries of the present version and frame are passed over: real accesses and the read-back judge those.
 */
import { PTE_D, PTE_G, PTE_RW, PTE_US, ptePfn } from '../hardware/pte.ts';
import { LOAD, STORE, type TlbSlot, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import type { Judge } from './judge.ts';
import type { PageKey } from './tables.ts';

export function probe(ghost: Ghost, judge: Judge, cpus: readonly Cpu[]): void {
  const { g, machine, geometry } = ghost;
  const slots = geometry.tlbSets * geometry.tlbWays;
  for (const cpu of cpus) {
    const { id } = cpu;
    const mm = machine.tasks.mm.peek(cpu.current) as MmId;
    const pcid = machine.regs.cr3Pcid.peek(id);
    for (let slot = 0 as TlbSlot; slot < slots; slot++) {
      const lo = machine.tlb.lo.peek(id, slot);
      if (lo === 0 || (lo & PTE_US) === 0) continue;
      if (machine.tlb.pcid.peek(id, slot) !== pcid && (lo & PTE_G) === 0) continue;
      const page = g.cpu.tlbPage.peek(id, slot) as PageKey;
      const current = g.page.version.peek(page) === g.cpu.tlbVersion.peek(id, slot);
      const sameFrame = g.frame.epoch.peek(ptePfn(lo)) === g.cpu.tlbEpoch.peek(id, slot);
      if (current && sameFrame && ghost.mmOf(page) === mm) continue;
      if (probeEntry(ghost, judge, cpu, mm, slot, lo)) return;
    }
  }
}

function probeEntry(ghost: Ghost, judge: Judge, cpu: Cpu, mm: MmId, slot: TlbSlot, lo: number): boolean {
  const vpn = (ghost.machine.tlb.vpn.peek(cpu.id, slot) >>> 0) as Vpn;
  const about = { cpu, task: cpu.current, mm, slot, vpn, probe: true };
  for (let word = 0; word < ghost.geometry.wordsPerPage; word++) {
    const value = ghost.frameWord(ptePfn(lo), word);
    if (judge.access({ ...about, word, kind: LOAD, value })) return true;
  }
  const storable = (lo & PTE_RW) !== 0 && (lo & PTE_D) !== 0;
  return storable && judge.access({ ...about, word: 0, kind: STORE, value: 0 });
}
