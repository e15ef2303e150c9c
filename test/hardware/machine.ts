/**
 * A machine without a kernel: hardware tables over a stepped memory with the one-access check on, page tables written by
 * hand, and paths driven step by step.
 */
import { access } from '#tlblab/hardware/access.js';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import { type Geometry, geometry, pteIndex } from '#tlblab/hardware/geometry.js';
import { writeCr3 } from '#tlblab/hardware/invalidate.js';
import { type HardwareColumns, LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import type { HardwareObserver, WalkId } from '#tlblab/hardware/observer.js';
import { mkPte, PTE_A, PTE_D, PTE_P, PTE_RW, PTE_US, pteStore } from '#tlblab/hardware/pte.js';
import { type MachineSwitches, SWITCHES_6_18 } from '#tlblab/hardware/switches.js';
import { HARDWARE_TABLES } from '#tlblab/hardware/tables.js';
import { tlbHi, tlbLo, tlbPcid, tlbSlots, tlbVpn } from '#tlblab/hardware/tlb.js';
import type { AccessKind, CpuId, Pcid, Pfn, PteHi, PteLo, TlbSlot, Vpn } from '#tlblab/hardware/types.js';
import { WALK_MORE, type WalkResult, walkStart, walkStep, walkWord } from '#tlblab/hardware/walker.js';
import { Layout } from '#tlblab/memory/layout.js';
import { type Memory, NOWHERE, type Word } from '#tlblab/memory/memory.js';
import { type Path, pointLabel } from '#tlblab/memory/point.js';
import { SteppedMemory } from '#tlblab/memory/stepped-memory.js';

/** Bits of an ordinary entry that has been used. */
export const USED = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;
export const TABLE_BITS = PTE_P | PTE_RW | PTE_US | PTE_A;

export interface Options {
  readonly override?: Record<string, number>;
  readonly switches?: Partial<MachineSwitches>;
  readonly costs?: CostProfile;
}

/** The tables of the hardware, placed and bound to a memory. */
export function hardwareColumns(layout: Layout<Geometry>, mem: Memory): HardwareColumns {
  const columns = Object.entries(HARDWARE_TABLES).map(([name, t]) => [name, layout.columns(t as never, mem)]);
  return Object.fromEntries(columns) as HardwareColumns;
}

export function hardwareLayout(g: Geometry): Layout<Geometry> {
  const layout = new Layout<Geometry>(g);
  for (const t of Object.values(HARDWARE_TABLES)) layout.place(t as never);
  return layout;
}

export class TestMachine {
  readonly geometry: Geometry;
  readonly layout: Layout<Geometry>;
  readonly mem: SteppedMemory;
  readonly hw: HardwareColumns;
  readonly cpus: LogicalCpu[];
  /** Points passed by `run`, as "label @ word". */
  readonly passed: string[] = [];
  private frames = 1;

  constructor(options: Options = {}) {
    this.geometry = geometry('tiny', options.override);
    this.layout = hardwareLayout(this.geometry);
    this.mem = new SteppedMemory(this.layout as Layout<unknown>, this.layout.range(HARDWARE_TABLES.frame.name));
    this.hw = hardwareColumns(this.layout, this.mem);
    const switches = { ...SWITCHES_6_18, ...options.switches };
    const costs = options.costs ?? (COST_PROFILES['bare-metal'] as CostProfile);
    const pace = { stepping: true, due: () => true };
    this.cpus = Array.from(
      { length: this.geometry.cpus },
      (_, id) => new LogicalCpu(id as CpuId, this.mem, this.geometry, switches, costs, this.hw, pace),
    );
  }

  /** A frame nobody uses yet. */
  frame(): Pfn {
    return this.frames++ as Pfn;
  }

  /** A step of `cpu` that may touch `word`. */
  step<T>(cpu: LogicalCpu, word: Word, act: () => T): T {
    this.mem.beginStep(cpu.id, cpu.id, word);
    return act();
  }

  /** The kernel, on `cpu`, writes an entry. */
  setPte(table: Pfn, index: number, lo: PteLo, hi = 0 as PteHi, cpu = this.cpus[this.cpus.length - 1]): void {
    this.step(cpu, this.pteAt(table, index), () => pteStore(cpu, table, index, lo, hi));
  }
  pteAt(table: Pfn, index: number): Word {
    return this.hw.frame.words.at(table, index * 2);
  }
  /** An entry as it stands in memory. */
  pte(table: Pfn, index: number): PteLo {
    return this.hw.frame.words.peek(table, index * 2) as PteLo;
  }
  /** A word of a page's content, written before anything runs. */
  setContent(pfn: Pfn, word: number, value: number): void {
    this.step(this.cpus[0], this.hw.frame.words.at(pfn, word), () => this.hw.frame.words.store(pfn, value, word));
  }
  content(pfn: Pfn, word: number): number {
    return this.hw.frame.words.peek(pfn, word);
  }

  /** Maps `vpn` below `pgd`, making the tables on the way; returns the tables from the root down. */
  map(pgd: Pfn, vpn: Vpn, lo: PteLo, hi = 0 as PteHi, upper = TABLE_BITS): Pfn[] {
    const tables = [pgd];
    const last = this.geometry.levelBits.length - 1;
    for (let level = 0; level < last; level++) {
      const index = pteIndex(this.geometry, vpn, level);
      let entry = this.pte(tables[level], index);
      if (entry === 0) {
        entry = mkPte(this.frame(), upper);
        this.setPte(tables[level], index, entry);
      }
      tables.push((entry >>> 12) as Pfn);
    }
    this.setPte(tables[last], pteIndex(this.geometry, vpn, last), lo, hi);
    return tables;
  }

  /** MOV to CR3 on `cpu`. */
  load(cpu: LogicalCpu, pgd: Pfn, pcid = 1, noflush = true): void {
    this.step(cpu, NOWHERE, () => writeCr3(cpu, pgd, pcid as Pcid, noflush));
  }

  /** Drives a path to its end; `between` runs at every point, before the step that follows it. */
  run<T>(cpu: LogicalCpu, path: Path<T>, between?: (nth: number) => void): T {
    this.passed.length = 0;
    let result = this.step(cpu, NOWHERE, () => path.next());
    while (!result.done) {
      this.passed.push(`${pointLabel(cpu.point)} @ ${this.layout.nameOf(cpu.word)}`);
      between?.(this.passed.length);
      if (this.passed.length > 1000) throw new Error(`the path does not end: ${this.passed.slice(-5).join('; ')}`);
      result = this.step(cpu, cpu.word, () => path.next());
    }
    return result.value;
  }

  /** One access to its end, its value; undefined for a page fault. */
  access(
    cpu: LogicalCpu,
    vpn: Vpn,
    word: number,
    kind: AccessKind,
    value = 0,
    between?: (nth: number) => void,
  ): number | undefined {
    return this.run(cpu, access(cpu, vpn, word, kind, value), between) ? cpu.loaded : undefined;
  }

  /** Walks `vpn` to its end without an access: the demand walk (0) or the speculative one (1). */
  walk(cpu: LogicalCpu, walk: WalkId, vpn: Vpn, kind: AccessKind): WalkResult {
    this.step(cpu, NOWHERE, () => walkStart(cpu, walk, vpn));
    for (;;) {
      const result = this.step(cpu, walkWord(cpu, walk), () => walkStep(cpu, walk, kind));
      if (result !== WALK_MORE) return result;
    }
  }

  /** The entries of a CPU's TLB, as data. */
  tlb(cpu: LogicalCpu): { vpn: number; pcid: number; lo: PteLo; hi: PteHi; pfn: number }[] {
    const entries = [];
    for (let slot = 0 as TlbSlot; slot < tlbSlots(cpu); slot++) {
      const lo = tlbLo(cpu, slot);
      if (lo !== 0) {
        entries.push({ vpn: tlbVpn(cpu, slot), pcid: tlbPcid(cpu, slot), lo, hi: tlbHi(cpu, slot), pfn: lo >>> 12 });
      }
    }
    return entries;
  }
  /** Pages the TLB holds, sorted, as "pcid:vpn" and a g for global entries. */
  pages(cpu: LogicalCpu): string[] {
    return this.tlb(cpu)
      .map((e) => `${e.pcid}:${e.vpn}${e.lo & (1 << 8) ? 'g' : ''}`)
      .sort();
  }
  /** The paging-structure cache: "pcid:level:tag->pfn", sorted. */
  pointers(cpu: LogicalCpu): string[] {
    const { psc } = this.hw;
    const entries = [];
    for (let slot = 0; slot < this.geometry.pscEntries; slot++) {
      const level = psc.level.peek(cpu.id, slot);
      if (level === 0) continue;
      const at = `${psc.pcid.peek(cpu.id, slot)}:${level - 1}:${psc.tag.peek(cpu.id, slot)}`;
      entries.push(`${at}->${psc.pfn.peek(cpu.id, slot)}`);
    }
    return entries.sort();
  }
}

/** An observer that writes down what it hears; methods not of interest do nothing. */
export function listener(overrides: Partial<HardwareObserver>): HardwareObserver {
  const nothing = (): void => {};
  return {
    rootLoaded: nothing,
    walkStarts: nothing,
    walkReads: nothing,
    walkDescends: nothing,
    pscFilled: nothing,
    tlbFilled: nothing,
    accessed: nothing,
    pteChanges: nothing,
    ...overrides,
  };
}

export const vpn = (n: number): Vpn => n as Vpn;
