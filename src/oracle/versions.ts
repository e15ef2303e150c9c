/**
 * Ghost versions: every page of every address space has a number that rises with each PTE change that removes, narrows
 * or retargets it, and remembers the operation that made the change. A TLB entry carries the number of its fill.
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import { PTE_NX, PTE_P, PTE_RW, PTE_US, ptePfn } from '../hardware/pte.ts';
import type { Pfn, TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId } from '../kernel/types.ts';
import type { Word } from '../memory/memory.ts';
import type { Ghost } from './ghost.ts';
import { isSystemCall, OP, type Operations, type OpKind } from './ops.ts';
import { suspectPage, suspectTable } from './suspects.ts';
import { ENDERS, type PageKey } from './tables.ts';

/** What ended a version: an identity of an operation (0: unknown) and when. */
export interface Ender {
  readonly op: number;
  readonly step: number;
}

/** A page of an address space. */
export interface MappedPage {
  readonly mm: MmId;
  readonly vpn: Vpn;
}

/** Calls after which a page, mapped again, is another object. */
function takesAway(kind: OpKind | 0): boolean {
  return kind === OP.munmap || kind === OP.mmap || kind === OP.mremap || kind === OP.exit;
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
        if ((this.ghost.frameWord(table, i * 2) & PTE_P) !== 0) this.raise(cpu, this.pageAt(table, i), 0, 0);
      }
    }
    frame.tableMm.put(table, 0);
    suspectTable(this.ghost);
  }

  /** Called before the entry changes, so that a version is never younger than the store it stands for. */
  pteChanges(cpu: Cpu, table: Pfn, index: number, oldLo: number, newLo: number, oldHi: number, newHi: number): void {
    if (!this.isLeaf(table)) return;
    if ((oldLo & PTE_P) === 0) {
      if ((newLo & PTE_P) !== 0) this.comesBack(cpu, this.pageAt(table, index), newLo, newHi);
      return;
    }
    const removed = (newLo & PTE_P) === 0;
    const lost = oldLo & ~newLo & (PTE_RW | PTE_US);
    const retargeted = ptePfn(oldLo) !== ptePfn(newLo);
    const noLongerFetched = (newHi & ~oldHi & PTE_NX) !== 0;
    if (removed) this.raise(cpu, this.pageAt(table, index), oldLo, oldHi);
    else if (lost !== 0 || retargeted || noLongerFetched) this.raise(cpu, this.pageAt(table, index), 0, 0);
  }

  filled(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn): void {
    const { g } = this.ghost;
    const page = this.ghost.pageKey(Math.max(this.ghost.loadedBy(cpu.id), 0) as MmId, vpn);
    g.cpu.tlbPage.put(cpu.id, page, slot);
    g.cpu.tlbVersion.put(cpu.id, g.page.version.load(page), slot);
    g.cpu.tlbFilledAt.put(cpu.id, this.ghost.now, slot);
  }

  /** What ended version `version` of the page: the change that made the next one. */
  enderOf(page: PageKey, version: number): Ender {
    const op = this.enderOp(page, version);
    return { op, step: op === 0 ? 0 : this.ghost.g.page.endedAt.peek(page, (version + 1) % ENDERS) };
  }
  /**
   * Is the operation that ended version `version` of the page still to blame for what goes through it? Not when it has
   * returned (an unknown one never does), nor when a call that began behind it takes the page away too, found it gone
   * already, and has returned: its caller relies on that. One that took the right to store away says nothing of loads.
   */
  isInFlight(page: PageKey, version: number, stores: boolean): boolean {
    const { page: p } = this.ghost.g;
    if (this.ops.returned(this.enderOp(page, version))) return false;
    const settled = stores ? p.settledStores : p.settled;
    return settled.load(page) <= p.endedTime.load(page, (version + 1) % ENDERS);
  }
  /** How many ends of versions there had been at the last one of these pages. */
  endsOf(mm: MmId, from: number, pages: number): number {
    const { page: p } = this.ghost.g;
    const end = this.ghost.endOf(mm, from, pages);
    let last = 0;
    for (let page = this.ghost.pageKey(mm, from as Vpn); page < end; page++) {
      last = Math.max(last, p.endedTime.peek(page, p.version.peek(page) % ENDERS));
    }
    return last;
  }
  /** A call that began behind `since` ends of versions has taken a range of pages, or rights to them (to store, if `storesOnly`), away, and returns. */
  settle(mm: MmId, from: number, pages: number, since: number, storesOnly = false): void {
    const { settled, settledStores } = this.ghost.g.page;
    const end = this.ghost.endOf(mm, from, pages);
    for (let page = this.ghost.pageKey(mm, from as Vpn); page < end; page++) {
      if (since >= settledStores.peek(page)) settledStores.put(page, since + 1);
      if (!storesOnly && since >= settled.peek(page)) settled.put(page, since + 1);
    }
  }
  /** Is what ended version `version` a system call, or unknown? Faults take no content away, whatever they do to entries. */
  isByCall(page: PageKey, version: number): boolean {
    const kind = this.ops.kindOf(this.enderOp(page, version));
    return kind === 0 || isSystemCall(kind);
  }
  /** Has a call taken away what translations of that version led to, and returned? */
  isOtherObject(page: PageKey, version: number): boolean {
    const since = this.ghost.g.page.objectVersion.load(page);
    return version < since && this.ops.returned(this.enderOp(page, since - 1));
  }

  /** Identity of the operation that ended version `version`; 0 if it is not known, or no longer. */
  private enderOp(page: PageKey, version: number): number {
    const { page: p } = this.ghost.g;
    const next = version + 1;
    const op = p.ender.load(page, next % ENDERS);
    // read behind the slot: another CPU may be about to use it for the version after the present one
    return p.version.load(page) - next < ENDERS - 1 ? op : 0;
  }

  private raise(cpu: Cpu, page: PageKey, goneLo: number, goneHi: number): void {
    const { page: p } = this.ghost.g;
    const next = p.version.peek(page) + 1;
    const op = this.ops.kept(cpu.current);
    p.ender.store(page, op, next % ENDERS);
    p.endedAt.store(page, this.ghost.now, next % ENDERS);
    if (!this.ghost.options.threads) {
      const { ends } = this.ghost.g.global;
      ends.put(0, ends.peek(0) + 1);
      p.endedTime.store(page, ends.peek(0), next % ENDERS);
    }
    p.goneLo.store(page, goneLo);
    p.goneHi.store(page, goneHi);
    if (takesAway(this.ops.kindOf(op))) p.objectVersion.store(page, next);
    p.version.store(page, next);
    suspectPage(this.ghost, this.ghost.vpnOf(page));
  }

  /**
   * An operation that took the entry away sets one that allows no less of the same frame (ptep_modify_prot_start and
   * _commit around a widening): nothing ended, and nobody owes a flush for translations made before.
   */
  private comesBack(cpu: Cpu, page: PageKey, lo: number, hi: number): void {
    const { page: p } = this.ghost.g;
    const goneLo = p.goneLo.peek(page);
    if (goneLo === 0) return;
    const version = p.version.peek(page);
    const op = this.ops.current(cpu.current);
    const same = ptePfn(goneLo) === ptePfn(lo) && op !== 0 && p.ender.peek(page, version % ENDERS) === op;
    const narrower = goneLo & ~lo & (PTE_RW | PTE_US);
    if (!same || narrower !== 0 || (hi & ~p.goneHi.peek(page) & PTE_NX) !== 0) return;
    p.goneLo.store(page, 0);
    p.version.store(page, version - 1);
    if (p.objectVersion.peek(page) === version) p.objectVersion.store(page, version - 1);
  }

  /** The page whose entry lies at that word and maps something; undefined if there is none. */
  entryAt(word: Word): MappedPage | undefined {
    const { machine, geometry, mem, g } = this.ghost;
    const { base, stride } = machine.frame.words;
    const table = Math.floor((word - base) / stride) as Pfn;
    if (word < base || table >= geometry.frames || !this.isLeaf(table)) return undefined;
    const at = word - base - table * stride;
    if (at % 2 !== 0 || (mem.words[word] & PTE_P) === 0) return undefined;
    return { mm: (g.frame.tableMm.peek(table) - 1) as MmId, vpn: (g.frame.tableBase.peek(table) + at / 2) as Vpn };
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
