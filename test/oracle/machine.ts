/**
 * A machine whose kernel is the test: real TLBs, walks and accesses, page tables changed by hand, operations begun and
 * ended by hand, and the oracle watching. One task per CPU.
 */
import { access } from '#tlblab/hardware/access.js';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import { type Geometry, geometry, pteIndex } from '#tlblab/hardware/geometry.js';
import { invlpg, toggleCr4Pge, writeCr3 } from '#tlblab/hardware/invalidate.js';
import type { HardwareColumns } from '#tlblab/hardware/logical-cpu.js';
import {
  mkPte,
  PTE_A,
  PTE_D,
  PTE_NONE,
  PTE_P,
  PTE_RW,
  PTE_US,
  pteExchange,
  ptePfn,
  pteStore,
} from '#tlblab/hardware/pte.js';
import { SWITCHES_6_18 } from '#tlblab/hardware/switches.js';
import { HARDWARE_TABLES } from '#tlblab/hardware/tables.js';
import {
  type AccessKind,
  type CpuId,
  LOAD,
  type Pcid,
  type Pfn,
  type PteHi,
  STORE,
  type Vpn,
} from '#tlblab/hardware/types.js';
import { Cpu, type KernelColumns } from '#tlblab/kernel/cpu.js';
import { OWNER_TABLE, OWNER_USER } from '#tlblab/kernel/observer.js';
import { KERNEL_TABLES } from '#tlblab/kernel/tables.js';
import { type FileId, type MmId, type TaskId, VM_READ, VM_WRITE } from '#tlblab/kernel/types.js';
import { Layout } from '#tlblab/memory/layout.js';
import { NOWHERE, type Word } from '#tlblab/memory/memory.js';
import { SteppedMemory } from '#tlblab/memory/stepped-memory.js';
import { OP, type OpArguments, type OpKind, ORACLE_TABLES, Oracle, type OracleOptions } from '#tlblab/oracle/oracle.js';

export const RW = VM_READ | VM_WRITE;
export const R = VM_READ;
const LEAF = PTE_P | PTE_US | PTE_A | PTE_D;
export const SIGSEGV = 11;
/** Pages of each file at boot. */
export const FILE_SIZE = 4;

export class OracleMachine {
  readonly geometry: Geometry;
  readonly mem: SteppedMemory;
  readonly columns: HardwareColumns & KernelColumns;
  readonly oracle: Oracle;
  readonly cpus: Cpu[] = [];
  private steps = 0;
  private nextFrame = 1;
  private booted = false;

  /** @param mms the address space of the task on each CPU. */
  constructor(mms: readonly number[], options: Partial<OracleOptions> = {}, override: Record<string, number> = {}) {
    this.geometry = geometry('tiny', { cpus: mms.length, frames: 400, ...override });
    const layout = new Layout<Geometry>(this.geometry);
    for (const tables of [HARDWARE_TABLES, KERNEL_TABLES, ORACLE_TABLES]) {
      for (const t of Object.values(tables)) layout.place(t as never);
    }
    this.mem = new SteppedMemory(layout as Layout<unknown>, layout.range(HARDWARE_TABLES.frame.name));
    const bind = (of: object) =>
      Object.fromEntries(Object.entries(of).map(([key, t]) => [key, layout.columns(t as never, this.mem)]));
    const kernelColumns = bind(KERNEL_TABLES) as KernelColumns;
    this.columns = { ...(bind(HARDWARE_TABLES) as HardwareColumns), ...kernelColumns };
    const ghosts = bind(ORACLE_TABLES) as unknown as ConstructorParameters<typeof Oracle>[1];
    const all = { strict: false, threads: false, ...options };
    this.oracle = new Oracle(this.mem, ghosts, this.columns, this.geometry, all);
    const pace = { stepping: true, due: () => true };
    mms.forEach((mm, id) => {
      const costs = COST_PROFILES.timeless as CostProfile;
      const cpu = new Cpu(id as CpuId, this.mem, this.geometry, SWITCHES_6_18, costs, this.columns, pace);
      cpu.current = (this.geometry.cpus + id) as TaskId;
      cpu.bindKernel({} as never, kernelColumns, {});
      cpu.observer = this.oracle;
      this.cpus.push(cpu);
      if (mm > 0) this.enter(id, mm);
      else this.leave(id);
    });
    for (let file = 1; file <= this.geometry.files; file++) {
      this.poke(this.columns.inode.iSize.at(file as FileId), FILE_SIZE);
    }
    this.oracle.boot();
    this.booted = true;
  }

  /** The task of CPU `id` runs in `mm` from now on; its root table is made if there is none. */
  enter(id: number, mm: number, pcid = mm): void {
    this.root(mm);
    this.poke(this.columns.tasks.mm.at(this.cpus[id].current), mm);
    this.poke(this.columns.mm.users.at(mm as MmId), 1);
    this.step(id, NOWHERE, () => writeCr3(this.cpus[id], this.root(mm), pcid as Pcid, true));
  }

  /** The root table of an address space. */
  root(mm: number): Pfn {
    const at = this.columns.mm.pgd.at(mm as MmId);
    if (this.mem.words[at] === 0) {
      if (this.booted) this.newRoot(0, mm);
      else this.poke(at, this.nextFrame++);
    }
    return this.mem.words[at] as Pfn;
  }

  /** A new root table in an operation of CPU `id`: what fork does first. */
  newRoot(id: number, mm: number): void {
    const pgd = this.frame(id, OWNER_TABLE);
    this.poke(this.columns.mm.pgd.at(mm as MmId), pgd);
    this.oracle.tableLinked(this.cpus[id], mm as MmId, pgd, 0, 0 as Vpn);
  }

  /** CPU `id` loads the kernel's own tables, and forgets what it had cached of its PCID. */
  leave(id: number): void {
    this.step(id, NOWHERE, () => writeCr3(this.cpus[id], this.root(0), 0 as Pcid, false));
  }
  /** The tables of an address space without pages go back, every TLB and paging-structure cache flushed before. */
  dropTables(id: number, mm: number): void {
    const root = this.root(mm);
    for (const cpu of this.cpus) this.step(cpu.id, NOWHERE, () => toggleCr4Pge(cpu));
    for (let i = 0; i < 1 << this.geometry.levelBits[0]; i++) {
      const table = ptePfn(this.columns.frame.words.peek(root, i * 2));
      if (table === 0) continue;
      this.oracle.tableUnlinked(this.cpus[id], -1 as MmId, table);
      this.free(table, id);
    }
    this.oracle.tableUnlinked(this.cpus[id], mm as MmId, root);
    this.free(root, id);
    this.poke(this.columns.mm.pgd.at(mm as MmId), 0);
  }

  /** Hands out a frame, never used before unless `pfn` says which. Its words are zero. */
  frame(id = 0, owner: typeof OWNER_USER | typeof OWNER_TABLE = OWNER_USER, pfn = this.nextFrame++): Pfn {
    this.tick();
    for (let k = 0; k < this.geometry.frameWords; k++) this.poke(this.columns.frame.words.at(pfn as Pfn, k), 0);
    this.oracle.frameHandedOut(this.cpus[id], pfn as Pfn, owner);
    return pfn as Pfn;
  }
  free(pfn: Pfn, id = 0): void {
    this.tick();
    this.oracle.frameFreed(this.cpus[id], pfn);
  }

  /** CPU `id` maps a page; tables are made on the way. */
  map(id: number, mm: number, vpn: number, pfn: Pfn, rights: number = RW): void {
    const rw = (rights & VM_WRITE) !== 0 ? PTE_RW : 0;
    const present = rights === 0 ? 0 : LEAF | rw;
    this.setPte(id, this.table(id, mm, vpn), vpn, rights === 0 ? 0 : mkPte(pfn, present));
  }
  /** CPU `id` takes the entry of a page away; returns its frame, 0 if there was none. Nothing is flushed. */
  unmap(id: number, mm: number, vpn: number): Pfn {
    const table = this.table(id, mm, vpn);
    const index = this.index(vpn, 1);
    const word = this.columns.frame.words.at(table, index * 2);
    if (this.mem.words[word] === 0) return 0 as Pfn;
    return ptePfn(this.step(id, word, () => pteExchange(this.cpus[id], table, index, PTE_NONE)));
  }
  /** The low half of the entry of a page. */
  pte(mm: number, vpn: number): number {
    return this.columns.frame.words.peek(this.table(0, mm, vpn), this.index(vpn, 1) * 2);
  }
  /** The table of a page, for walks that go wrong. */
  table(id: number, mm: number, vpn: number): Pfn {
    const root = this.root(mm);
    const index = this.index(vpn, 0);
    const entry = this.columns.frame.words.peek(root, index * 2);
    if (entry !== 0) return ptePfn(entry);
    const table = this.frame(id, OWNER_TABLE);
    this.oracle.tableLinked(this.cpus[id], mm as MmId, table, 1, (vpn & ~7) as Vpn);
    this.setPte(id, root, vpn, mkPte(table, PTE_P | PTE_RW | PTE_US | PTE_A), 0);
    return table;
  }

  flush(vpn: number, ids: readonly number[] = this.cpus.map((_, id) => id)): void {
    for (const id of ids) this.step(id, NOWHERE, () => invlpg(this.cpus[id], vpn as Vpn));
  }

  begin(id: number, kind: OpKind, args: Partial<Record<keyof OpArguments, number | boolean>> = {}): void {
    this.tick();
    const mm = this.columns.tasks.mm.peek(this.cpus[id].current);
    const file = { file: 0, pgoff: 0, populate: false };
    const all = { mm, from: 0, pages: 1, rights: 0, to: -1, toPages: 0, fixed: false, ...file, ...args };
    this.oracle.opBegins(this.cpus[id], kind, all as unknown as OpArguments);
  }
  end(id: number, result = 0, child = 0): void {
    this.tick();
    this.oracle.opEnds(this.cpus[id], result, child as MmId);
    this.oracle.probe(this.cpus.filter((_, i) => this.idle(i)));
  }
  /** Nothing of the CPU is in flight. */
  private idle(id: number): boolean {
    return this.columns.tasks.mm.peek(this.cpus[id].current) !== 0 && !this.busy.has(id);
  }
  /** CPUs whose TLBs the probe is to leave alone: they are in the kernel. */
  readonly busy = new Set<number>();

  /** One access, from its begin to its end; the value, or undefined for a page fault. */
  load(id: number, vpn: number, word = 0): number | undefined {
    this.begin(id, OP.load);
    return this.finish(id, vpn, word, LOAD, 0);
  }
  store(id: number, vpn: number, value: number, word = 0): boolean {
    this.begin(id, OP.store);
    return this.finish(id, vpn, word, STORE, value) !== undefined;
  }
  /** Performs and ends an access that has begun. */
  finish(id: number, vpn: number, word: number, kind: AccessKind, value: number): number | undefined {
    const done = this.perform(id, vpn, word, kind, value);
    const { loaded } = this.cpus[id];
    this.end(id, done ? 0 : -1);
    return done ? loaded : undefined;
  }
  /** Performs an access that has begun; false: page fault. */
  perform(id: number, vpn: number, word: number, kind: AccessKind, value: number): boolean {
    const cpu = this.cpus[id];
    const path = access(cpu, vpn as Vpn, word, kind, value);
    let result = this.step(id, NOWHERE, () => path.next());
    while (!result.done) result = this.step(id, cpu.word, () => path.next());
    return result.value;
  }
  /** The access of CPU `id` ends with a signal. */
  signal(id: number, vpn: number, signal: number, kind: AccessKind): void {
    this.tick();
    this.oracle.signalled(this.cpus[id], vpn as Vpn, signal, kind);
  }

  /** A whole system call; `act` is what the kernel does between begin and end, and may give the result. */
  call(
    id: number,
    kind: OpKind,
    args: Partial<Record<keyof OpArguments, number | boolean>>,
    act: () => unknown = () => 0,
  ): void {
    this.begin(id, kind, args);
    const result = act();
    this.end(id, typeof result === 'number' ? result : 0);
  }

  /** mmap that has returned, its pages present. Frames of the pages. */
  mapped(id: number, mm: number, from: number, pages = 1, rights = RW): Pfn[] {
    this.call(id, OP.mmap, { mm, from, pages, rights, fixed: true });
    return Array.from({ length: pages }, (_, i) => {
      const pfn = this.frame(id);
      this.map(id, mm, from + i, pfn, rights);
      return pfn;
    });
  }

  harm(): string | undefined {
    return this.oracle.violation?.harm;
  }

  poke(word: Word, value: number): void {
    this.mem.words[word] = value;
  }
  private setPte(id: number, table: Pfn, vpn: number, lo: number, level = 1): void {
    const index = this.index(vpn, level);
    const word = this.columns.frame.words.at(table, index * 2);
    this.step(id, word, () => pteStore(this.cpus[id], table, index, lo as never, 0 as PteHi));
  }
  private index(vpn: number, level: number): number {
    return pteIndex(this.geometry, vpn as Vpn, level);
  }
  private step<T>(id: number, word: Word, act: () => T): T {
    this.tick();
    this.mem.beginStep(id, this.cpus[id].current, word);
    return act();
  }
  private tick(): void {
    this.oracle.now = this.steps++;
  }
}
