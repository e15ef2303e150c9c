/**
 * Ghost versions: every page of every address space has a number that rises with each PTE change that removes, narrows
 * or retargets it, and remembers the operation that made the change. A TLB entry carries the number of its fill.
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import { PTE_NX, PTE_P, PTE_RW, PTE_US, ptePfn } from '../hardware/pte.ts';
import type { Pfn, TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import type { Operations } from './ops.ts';
import { ENDERS, type PageKey } from './tables.ts';

/** What ended a version: an identity of an operation (0: unknown) and when. */
export interface Ender {
  readonly op: number;
  readonly step: number;
}

export class Versions {
  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
  ) {}

  tableLinked(mm: MmId, table: Pfn, level: number, base: Vpn): void {
    const { frame } = this.ghost.g;
    frame.tableMm.put(table, mm + 1);
    frame.tableLevel.put(table, level);
    frame.tableBase.put(table, base);
  }

  /** A leaf table that is unhooked while entries are present ends the version of each. */
  tableUnlinked(cpu: Cpu, table: Pfn): void {
    const { frame } = this.ghost.g;
    if (this.isLeaf(table)) {
      const entries = 1 << this.ghost.geometry.levelBits[this.ghost.geometry.levelBits.length - 1];
      for (let i = 0; i < entries; i++) {
        if ((this.ghost.frameWord(table, i * 2) & PTE_P) !== 0) this.raise(cpu, this.pageAt(table, i));
      }
    }
    frame.tableMm.put(table, 0);
  }

  /** Called before the entry changes, so that a version is never younger than the store it stands for. */
  pteChanges(cpu: Cpu, table: Pfn, index: number, oldLo: number, newLo: number, oldHi: number, newHi: number): void {
    if ((oldLo & PTE_P) === 0 || !this.isLeaf(table)) return;
    const lost = oldLo & ~newLo & (PTE_P | PTE_RW | PTE_US);
    const retargeted = (newLo & PTE_P) !== 0 && ptePfn(oldLo) !== ptePfn(newLo);
    const noLongerFetched = (newHi & ~oldHi & PTE_NX) !== 0;
    if (lost !== 0 || retargeted || noLongerFetched) this.raise(cpu, this.pageAt(table, index));
  }

  filled(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn): void {
    const { g, machine } = this.ghost;
    const root = machine.regs.cr3Pgd.peek(cpu.id) as Pfn;
    const mm = g.frame.tableMm.peek(root) - 1;
    const page = this.ghost.pageKey(Math.max(mm, 0) as MmId, vpn);
    g.cpu.tlbPage.put(cpu.id, page, slot);
    g.cpu.tlbVersion.put(cpu.id, g.page.version.load(page), slot);
    g.cpu.tlbFilledAt.put(cpu.id, this.ghost.now, slot);
  }

  /** What ended version `version` of the page: the change that made the next one. */
  enderOf(page: PageKey, version: number): Ender {
    const { page: p } = this.ghost.g;
    const next = version + 1;
    if (p.version.peek(page) - next >= ENDERS) return { op: 0, step: 0 };
    return { op: p.ender.peek(page, next % ENDERS), step: p.endedAt.peek(page, next % ENDERS) };
  }

  private raise(cpu: Cpu, page: PageKey): void {
    const { page: p } = this.ghost.g;
    const next = p.version.peek(page) + 1;
    p.ender.store(page, this.ops.current(cpu.current), next % ENDERS);
    p.endedAt.store(page, this.ghost.now, next % ENDERS);
    p.version.store(page, next);
  }

  private isLeaf(table: Pfn): boolean {
    const { frame } = this.ghost.g;
    return frame.tableMm.peek(table) !== 0 && frame.tableLevel.peek(table) === this.ghost.geometry.levelBits.length - 1;
  }

  private pageAt(table: Pfn, index: number): PageKey {
    const { frame } = this.ghost.g;
    return this.ghost.pageKey((frame.tableMm.peek(table) - 1) as MmId, (frame.tableBase.peek(table) + index) as Vpn);
  }
}
