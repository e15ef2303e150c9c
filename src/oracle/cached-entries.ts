/** What the TLBs hold, beside what the page tables and the allocator say now. Looked for only where something can have made an entry wrong. */
import { PTE_G, PTE_US, ptePfn } from '../hardware/pte.ts';
import type { CpuId, Pfn, PteLo, TlbSlot } from '../hardware/types.ts';
import { OWNER_FREE } from '../kernel/observer.ts';
import type { Ghost } from './ghost.ts';
import { keepsUnhooked } from './table-pointers.ts';
import type { PageKey } from './tables.ts';

/** Asked by hunts; what is asked changes nothing. */
export class CachedEntries {
  constructor(private readonly ghost: Ghost) {}

  /** Does some TLB, or paging-structure cache, hold an entry older than the page tables? The moments at which a flush is due, or missed. */
  holdStale(): boolean {
    const { ghost } = this;
    return someEntry(ghost, (id, slot) => !isCurrent(ghost, id, slot)) || (isSuspect(ghost) && keepsUnhooked(ghost));
  }

  /** How many entries of TLBs are older than the page tables; some have been that for long, on CPUs that do not use them. */
  countStale(): number {
    const { ghost } = this;
    let count = 0;
    someEntry(ghost, (id, slot) => {
      if (!isCurrent(ghost, id, slot)) count++;
      return false;
    });
    return count;
  }

  /** Does some TLB hold an entry older than the page tables that leads to the frame? */
  leadStaleTo(pfn: Pfn): boolean {
    const { ghost } = this;
    return someEntry(ghost, (id, slot) => frameOf(ghost, id, slot) === pfn && !isCurrent(ghost, id, slot));
  }

  /** Calls `each` for frames that are free, and to which the user code of a CPU comes through its TLB, once an entry. @param runs of which CPUs */
  freeFrames(runs: (id: CpuId) => boolean, each: (pfn: Pfn) => void): void {
    const { ghost } = this;
    const { owner } = ghost.g.frame;
    someEntry(ghost, (id, slot) => {
      const pfn = frameOf(ghost, id, slot);
      if (owner.peek(pfn) === OWNER_FREE && isUsable(ghost, id, slot) && runs(id)) each(pfn);
      return false;
    });
  }
}

/** Is it so of any entry of any TLB? Not looked for where nothing has happened that can make an entry wrong. */
export function someEntry(ghost: Ghost, is: (id: CpuId, slot: TlbSlot) => boolean): boolean {
  const { machine, geometry } = ghost;
  if (!isSuspect(ghost)) return false;
  const slots = slotsOf(ghost);
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    for (let slot = 0 as TlbSlot; slot < slots; slot++) {
      if (machine.tlb.lo.peek(id, slot) !== 0 && is(id, slot)) return true;
    }
  }
  return false;
}

/** Has something happened that can make an entry wrong? In `threads` nobody keeps that. */
function isSuspect({ g, options }: Ghost): boolean {
  return options.threads || g.global.suspect.peek(0) !== 0;
}

export function slotsOf({ geometry }: Ghost): number {
  return geometry.tlbSets * geometry.tlbWays;
}

/** Of the present version of its page, and its frame has no new owner. */
export function isCurrent({ g, machine }: Ghost, id: CpuId, slot: TlbSlot): boolean {
  const page = g.cpu.tlbPage.peek(id, slot) as PageKey;
  const pfn = ptePfn(machine.tlb.lo.peek(id, slot));
  return (
    g.page.version.peek(page) === g.cpu.tlbVersion.peek(id, slot) &&
    g.frame.epoch.peek(pfn) === g.cpu.tlbEpoch.peek(id, slot)
  );
}

/** User code would use it: of the loaded PCID or global, and for user mode. */
export function isUsable({ machine }: Ghost, id: CpuId, slot: TlbSlot): boolean {
  const lo = machine.tlb.lo.peek(id, slot);
  if ((lo & PTE_US) === 0) return false;
  return machine.tlb.pcid.peek(id, slot) === machine.regs.cr3Pcid.peek(id) || (lo & PTE_G) !== 0;
}

function frameOf({ machine }: Ghost, id: CpuId, slot: TlbSlot): Pfn {
  return ptePfn(machine.tlb.lo.peek(id, slot) as PteLo);
}
