/** What page tables and TLBs say of each page the program names, and where they disagree. */
import type { Stepper } from '../engine/stepper.ts';
import { pteIndex } from '../hardware/geometry.ts';
import { PTE_D, PTE_NX, ptePfn, ptePresent, pteWrite } from '../hardware/pte.ts';
import type { CpuId, Pfn, Vpn } from '../hardware/types.ts';
import type { MmId } from '../kernel/types.ts';
import { Names } from './names.ts';

/** One page of one address space. */
export interface PageRow {
  readonly page: string;
  readonly mm: number;
  /** The page-table entry: `pfn 3 rw`, or `-`. */
  readonly pte: string;
  /** Per CPU the cached entry, or `-`. */
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly text: string;
  /** The entry leads elsewhere than the page table, or grants more. */
  readonly stale: boolean;
  /** The entry's address space is loaded: an access now would use it. */
  readonly usable: boolean;
}

const NOTHING: Cell = { text: '-', stale: false, usable: false };

interface Entry {
  readonly lo: number;
  readonly hi: number;
}

/** Reads the image of a stepper as it is now. */
export class PageStates {
  private readonly pages: readonly Vpn[];
  private readonly names: Names;

  constructor(private readonly stepper: Stepper) {
    const { machine } = stepper;
    this.names = new Names(machine.shape.plan.program, machine.geometry.cpus);
    this.pages = [...machine.pages].sort((a, b) => a - b);
  }

  /** Pages that are mapped or cached somewhere. */
  rows(): PageRow[] {
    const { columns, geometry } = this.stepper.machine;
    const rows: PageRow[] = [];
    for (let mm = 1; mm <= geometry.mms; mm++) {
      if (columns.mm.pgd.peek(mm as MmId) === 0) continue;
      for (const vpn of this.pages) {
        const pte = this.pteOf(mm as MmId, vpn);
        const cells = Array.from({ length: geometry.cpus }, (_, id) => this.cellOf(id as CpuId, mm as MmId, vpn, pte));
        if (!ptePresent(pte.lo) && cells.every((c) => c === NOTHING)) continue;
        rows.push({ page: this.names.page(vpn), mm, pte: textOf(pte), cells });
      }
    }
    return rows;
  }

  private pteOf(mm: MmId, vpn: Vpn): Entry {
    const { columns, geometry } = this.stepper.machine;
    const levels = geometry.levelBits.length;
    let table = columns.mm.pgd.peek(mm) as Pfn;
    for (let level = 0; ; level++) {
      const index = pteIndex(geometry, vpn, level) * 2;
      const lo = columns.frame.words.peek(table, index);
      if (!ptePresent(lo) || level === levels - 1) return { lo, hi: columns.frame.words.peek(table, index + 1) };
      table = ptePfn(lo);
      // a table that was freed under the walk may hold anything
      if (table >= geometry.frames) return { lo: 0, hi: 0 };
    }
  }

  private cellOf(id: CpuId, mm: MmId, vpn: Vpn, pte: Entry): Cell {
    const { columns, geometry } = this.stepper.machine;
    const { tlb, regs } = columns;
    for (let slot = 0; slot < geometry.tlbSets * geometry.tlbWays; slot++) {
      const lo = tlb.lo.peek(id, slot);
      if (lo === 0 || tlb.vpn.peek(id, slot) !== (vpn | 0)) continue;
      const pcid = tlb.pcid.peek(id, slot);
      if (this.mmOf(id, pcid) !== mm) continue;
      const entry = { lo, hi: tlb.hi.peek(id, slot) };
      return { text: textOf(entry), stale: disagrees(entry, pte), usable: pcid === regs.cr3Pcid.peek(id) };
    }
    return NOTHING;
  }

  /** The address space whose tag is `pcid` on this CPU; without tags, the loaded one. */
  private mmOf(id: CpuId, pcid: number): number {
    const { columns, geometry, shape } = this.stepper.machine;
    if (!shape.switches.pcid) return columns.tlbState.loadedMm.peek(id);
    const ctxId = columns.tlbState.ctxId.peek(id, pcid - 1);
    for (let mm = 1; mm <= geometry.mms; mm++) {
      if (ctxId !== 0 && columns.mm.ctxId.peek(mm as MmId) === ctxId) return mm;
    }
    return -1;
  }
}

function textOf({ lo, hi }: Entry): string {
  if (!ptePresent(lo)) return '-';
  return `pfn ${ptePfn(lo)} r${pteWrite(lo) ? 'w' : ''}${(hi & PTE_NX) === 0 ? 'x' : ''}${(lo & PTE_D) !== 0 ? ' D' : ''}`;
}

function disagrees(entry: Entry, pte: Entry): boolean {
  if (!ptePresent(pte.lo) || ptePfn(entry.lo) !== ptePfn(pte.lo)) return true;
  return (pteWrite(entry.lo) && !pteWrite(pte.lo)) || ((entry.hi & PTE_NX) === 0 && (pte.hi & PTE_NX) !== 0);
}
