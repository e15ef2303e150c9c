/**
 * The probe asks, of every CPU at a user instruction boundary, what a load and a store through each usable TLB entry would do
 * now. Entries of the present version and frame, and those that an operation in flight covers, are passed over: real accesses
 * and the read-back judge those. It looks at all only after something happened that can make an entry wrong, and until a look
 * finds no such entry anywhere. In `threads` it looks when all CPUs rest, and at all entries.
 */
import { PTE_D, PTE_RW, ptePfn } from '../hardware/pte.ts';
import { type AccessKind, type CpuId, LOAD, STORE, type TlbSlot, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId } from '../kernel/types.ts';
import { isCurrent, isUsable, slotsOf, someEntry } from './cached-entries.ts';
import type { Ghost } from './ghost.ts';
import type { Access, Judge } from './judge.ts';
import { keepsUnhooked } from './table-pointers.ts';
import type { PageKey } from './tables.ts';

/** A CPU, and the task that it runs. */
export type Running = Pick<Cpu, 'id' | 'current'>;

/** @param cpus those at a boundary now. */
export function probe(ghost: Ghost, judge: Judge, cpus: readonly Running[]): void {
  if (!mayFind(ghost)) return;
  const slots = slotsOf(ghost);
  for (const cpu of cpus) {
    const mm = ghost.machine.tasks.mm.peek(cpu.current) as MmId;
    for (let slot = 0 as TlbSlot; slot < slots; slot++) {
      if (!isUsable(ghost, cpu.id, slot)) continue;
      const page = ghost.g.cpu.tlbPage.peek(cpu.id, slot) as PageKey;
      const innocent = isCurrent(ghost, cpu.id, slot) || judge.isCovered(cpu.id, slot);
      if (innocent && ghost.mmOf(page) === mm) continue;
      if (probeEntry(ghost, judge, cpu, mm, slot)) return;
    }
  }
}

/** Is there an entry anywhere that may be wrong? If not, none is before something happens. */
function mayFind(ghost: Ghost): boolean {
  const { g } = ghost;
  const isForeign = (id: CpuId, slot: TlbSlot): boolean => {
    return isUsable(ghost, id, slot) && ghost.mmOf(g.cpu.tlbPage.peek(id, slot) as PageKey) !== ghost.loadedBy(id);
  };
  const found = someEntry(ghost, (id, slot) => isForeign(id, slot) || !isCurrent(ghost, id, slot));
  if (!found && !ghost.options.threads && !keepsUnhooked(ghost)) g.global.suspect.put(0, 0);
  return found;
}

function probeEntry(ghost: Ghost, judge: Judge, cpu: Running, mm: MmId, slot: TlbSlot): boolean {
  const lo = ghost.machine.tlb.lo.peek(cpu.id, slot);
  const vpn = (ghost.machine.tlb.vpn.peek(cpu.id, slot) >>> 0) as Vpn;
  const access = (word: number, kind: AccessKind, value: number): Access => ({
    cpu,
    task: cpu.current,
    mm,
    slot,
    vpn,
    word,
    kind,
    value,
    probe: true,
  });
  for (let word = 0; word < ghost.geometry.wordsPerPage; word++) {
    const value = ghost.frameWord(ptePfn(lo), word);
    if (judge.access(access(word, LOAD, value)) === 'guilty') return true;
  }
  const storable = (lo & PTE_RW) !== 0 && (lo & PTE_D) !== 0;
  return storable && judge.access(access(0, STORE, 0)) === 'guilty';
}
