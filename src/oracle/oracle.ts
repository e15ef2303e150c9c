/**
 * The oracle: the observer that judges what a program could notice. It trusts no generation, flag or ledger of a policy
 * and no code of a kernel path; it hears of events as they happen and compares each access with what is legal.
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import { type AccessKind, type CpuId, type Pfn, STORE, type TlbSlot, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type Observer, OWNER_TABLE } from '../kernel/observer.ts';
import { type FileId, type MmId, SIGKILL } from '../kernel/types.ts';
import type { Memory } from '../memory/memory.ts';
import { Backing } from './backing.ts';
import { CachedEntries } from './cached-entries.ts';
import { Children } from './children.ts';
import { Content } from './content.ts';
import { Effects } from './effects.ts';
import { FastLook } from './fast-look.ts';
import { FileContent } from './file-content.ts';
import type { Ghost, GhostColumns, OracleOptions, Violation } from './ghost.ts';
import { HeldPages } from './held-pages.ts';
import { Judge } from './judge.ts';
import { type Counts, ghostMeaning } from './meaning.ts';
import { NamelessFiles } from './nameless-files.ts';
import { NO_ARGUMENTS, OP, type OpArguments, type OpKind } from './ops.ts';
import { probe, type Running } from './probe.ts';
import { ProbedPages } from './probed-pages.ts';
import { leaks, readBack } from './rest.ts';
import { Rights } from './rights.ts';
import { Signals } from './signals.ts';
import type { PageKey } from './tables.ts';
import { Tracking } from './tracking.ts';
import { Translations } from './translations.ts';
import { type WindowSummary, Windows } from './windows.ts';

export type { Harm, OracleOptions, Violation } from './ghost.ts';
export { NO_ARGUMENTS, OP, type OpArguments, type OpKind, opName } from './ops.ts';
export { ORACLE_TABLES, oracleFits } from './tables.ts';
export type { WindowSummary } from './windows.ts';

type ProbeWritten = Parameters<Observer['probeWritten']> extends [unknown, ...infer Rest] ? Rest : never;

export class Oracle extends Translations implements Observer {
  private readonly rights: Rights;
  private readonly effects: Effects;
  private readonly content: Content;
  private readonly backing: Backing;
  private readonly files: FileContent;
  private readonly nameless: NamelessFiles;
  private readonly signals: Signals;
  private readonly children: Children;
  /** What hunts ask of the TLBs. */
  readonly cached: CachedEntries;
  private readonly held: HeldPages;
  private readonly tracking: Tracking;
  private readonly probed: ProbedPages;
  private readonly judge: Judge;
  private readonly seen = new Windows();
  /** In `threads`: the quick look at each access. */
  private readonly fast: FastLook | undefined;

  constructor(
    mem: Memory,
    columns: GhostColumns,
    machine: ConstructorParameters<typeof Ghost>[2],
    geometry: ConstructorParameters<typeof Ghost>[3],
    options: OracleOptions,
  ) {
    super(mem, columns, machine, geometry, options);
    this.fast = options.threads ? new FastLook(this.ghost) : undefined;
    this.rights = new Rights(this.ghost);
    this.backing = new Backing(this.ghost);
    this.content = new Content(this.ghost, this.backing);
    this.files = new FileContent(this.ghost, this.content, this.backing);
    this.nameless = new NamelessFiles(this.ghost, this.backing);
    this.signals = new Signals(this.ghost, this.ops, this.rights, this.backing, this.files);
    this.children = new Children(this.ghost, this.ops, this.rights, this.content, this.backing);
    this.cached = new CachedEntries(this.ghost);
    this.tracking = new Tracking(this.ghost, this.content, this.backing);
    this.probed = new ProbedPages(this.ghost, this.ops, this.content, this.backing);
    const { ghost, rights, versions, children, backing, files, tracking, probed } = this;
    this.effects = new Effects(ghost, rights, versions, children, backing, files, tracking, probed);
    this.held = new HeldPages(this.ghost, this.ops, this.rights, this.content, this.backing);
    this.judge = new Judge(this.ghost, this.ops, this.versions, this.rights, this.content, this.seen, this.backing);
  }

  /** Number of the present step; `threads` gives any clock that rises. */
  set now(step: number) {
    this.ghost.now = step;
  }
  get violation(): Violation | undefined {
    return this.ghost.violation;
  }
  windows(): WindowSummary[] {
    return this.seen.summary();
  }
  /** Accesses through a stale translation with a legal result. */
  get benignStale(): number {
    return this.seen.benignStale;
  }

  /** Forgets the violation; the ghost words are reset with the image. */
  reset(): void {
    this.ghost.violation = undefined;
    this.ghost.isDue = false;
    this.ghost.now = 0;
  }
  /** Forgets the violation by something that is taken back; was there one? */
  takeBack(): boolean {
    const { violation } = this.ghost;
    this.ghost.violation = undefined;
    return violation !== undefined;
  }
  /** Forgets the windows counted so far. */
  clearWindows(): void {
    this.seen.clear();
  }

  /** `args` matters to system calls only. */
  opBegins(cpu: Cpu, kind: OpKind, args: OpArguments): void {
    const was = this.enter();
    const { ghost, children } = this;
    const mm = ghost.machine.tasks.mm.peek(cpu.current) as MmId;
    if (ghost.g.mm.fork.peek(mm) !== 0) children.settle(mm);
    this.effects.begin(cpu, kind, args.mm, this.ops.begin(cpu, kind, args));
    this.leave(was);
  }

  /** @param result negative errno, or what the call returned: the page for mmap and mremap. */
  opEnds(cpu: Cpu, result: number, childMm = 0 as MmId): void {
    const was = this.enter();
    const task = cpu.current;
    const depth = this.ops.innermost(task);
    this.effects.end(cpu, this.ghost.g.task.kind.peek(task, depth) as OpKind, depth, result, childMm);
    this.ops.end(task, depth);
    this.leave(was);
  }

  /** What would happen now on these CPUs, which all stand at a user instruction boundary? */
  probe(cpus: readonly Running[]): void {
    this.ghost.isDue = false;
    if (!this.ghost.checks.probe) return;
    const was = this.enter();
    probe(this.ghost, this.judge, cpus);
    this.leave(was);
  }
  /** Has the probe to look before this step ends, whether or not an operation returns in it? */
  get isProbeDue(): boolean {
    return this.ghost.isDue;
  }
  set isProbeDue(is: boolean) {
    this.ghost.isDue = is;
  }
  /** What ghost words count as to a search of all states, where that is not what they hold. */
  meaning(pages: readonly Vpn[], counts: Counts): void {
    ghostMeaning(this.ghost, pages, counts);
  }
  readBack(): void {
    if (this.ghost.options.threads || !this.ghost.checks.content) return;
    const was = this.enter();
    readBack(this.ghost, this.rights, this.content, this.backing);
    this.leave(was);
  }
  /** At rest: is there a page or a page table that nothing leads to? */
  leaks(): void {
    leaks(this.ghost);
  }

  accessed(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn, word: number, kind: AccessKind, value: number): void {
    if (this.fast?.isCurrent(cpu as Cpu, slot, vpn)) return;
    const was = this.enter();
    const task = (cpu as Cpu).current;
    const mm = this.ghost.machine.tasks.mm.peek(task) as MmId;
    const legal = !this.fast && this.judge.isLegal(cpu.id, mm, slot, vpn, word, kind, value);
    const verdict = legal ? 'legal' : this.judge.access({ cpu, task, mm, slot, vpn, word, kind, value, probe: false });
    if (!this.fast && this.ghost.checks.content) {
      const page = this.ghost.pageKey(mm, vpn);
      const { since, writesBefore } = this.ghost.g.task;
      // the access is the last event of its operation, so it returns with this step
      const depth = this.ops.innermost(task);
      const began = writesBefore.peek(task, depth);
      if (kind === STORE) {
        this.files.storedThrough(page, word, value, began, since.peek(task, depth));
        this.tracking.stored(mm, page, since.peek(task, depth));
      } else if (verdict === 'legal') this.content.loaded(page, word, value, began, since.peek(task, depth));
    }
    this.leave(was);
  }

  signalled(cpu: Cpu, vpn: Vpn, signal: number, kind: AccessKind): void {
    // the signal of the OOM killer says nothing about rights
    if (signal === SIGKILL || this.ghost.options.threads || !this.ghost.checks.rights) return;
    const was = this.enter();
    this.signals.judge(cpu, vpn, signal, kind);
    this.leave(was);
  }

  tableLinked(cpu: Cpu, mm: MmId, table: Pfn, level: number, base: Vpn): void {
    const was = this.enter();
    if (level === 0) {
      this.children.born(cpu, mm);
      if (!this.ghost.options.threads) this.tracking.born(mm);
    }
    this.versions.tableLinked(mm, table, level, base);
    this.leave(was);
  }
  placed(cpu: Cpu, _mm: MmId, start: number): void {
    const was = this.enter();
    const task = cpu.current;
    const depth = this.ops.innermost(task);
    if (depth >= 0) {
      this.rights.place(this.ghost.g.task.kind.peek(task, depth) as OpKind, task, depth, start);
      if (!this.ghost.options.threads) this.backing.place(task, depth, start);
    }
    this.leave(was);
  }
  zeroSetup(cpu: Cpu, file: FileId, pages: number): void {
    if (this.ghost.options.threads) return;
    const was = this.enter();
    this.nameless.begins(cpu.current, this.ops.innermost(cpu.current), file, pages);
    this.leave(was);
  }
  fileEvicted(_cpu: Cpu, file: FileId): void {
    if (this.ghost.options.threads) return;
    const was = this.enter();
    this.nameless.ends(file);
    this.leave(was);
  }
  fileStored(cpu: Cpu, file: FileId, index: number, word: number, value: number): void {
    if (this.ghost.options.threads || !this.ghost.checks.content) return;
    const was = this.enter();
    this.files.stored(cpu.current, this.ops.innermost(cpu.current), this.fileKey(file, index), word, value);
    this.leave(was);
  }
  fileLoaded(cpu: Cpu, file: FileId, index: number, word: number, value: number): void {
    if (this.ghost.options.threads || !this.ghost.checks.content) return;
    const was = this.enter();
    const since = this.ghost.g.task.since.peek(cpu.current, this.ops.innermost(cpu.current));
    this.files.loaded(cpu.current, this.fileKey(file, index), word, value, since);
    this.leave(was);
  }
  pageFollowed(cpu: Cpu, nth: number, pfn: Pfn): void {
    const was = this.enter();
    this.held.followed(cpu.current, nth, pfn);
    this.leave(was);
  }
  heldAccessed(...access: Parameters<Observer['heldAccessed']>): void {
    const was = this.enter();
    this.held.accessed(...access);
    this.leave(was);
  }
  writesReported(cpu: Cpu, vpn: Vpn, softDirty: boolean, written: boolean): void {
    if (this.ghost.options.threads || !this.ghost.checks.content) return;
    const was = this.enter();
    const began = this.ghost.g.task.writesBefore.peek(cpu.current, this.ops.innermost(cpu.current));
    const mm = this.ghost.machine.tasks.mm.peek(cpu.current) as MmId;
    this.tracking.reported(cpu, mm, vpn, began, softDirty, written);
    this.leave(was);
  }
  probeWritten(cpu: Cpu, ...write: ProbeWritten): void {
    if (this.ghost.options.threads || !this.ghost.checks.content) return;
    const was = this.enter();
    this.probed.written(cpu.current, ...write);
    this.leave(was);
  }
  /** What page cache and swap device hold is the kernel's affair: programs notice by what they load. */
  slotChanges(..._: Parameters<Observer['slotChanges']>): void {}
  swapMoves(): void {}
  dutyBegins(cpu: Cpu, duty: 'reclaim'): void {
    const was = this.enter();
    this.ops.begin(cpu, OP[duty], NO_ARGUMENTS);
    this.leave(was);
  }
  dutyEnds(cpu: Cpu): void {
    const was = this.enter();
    this.ops.end(cpu.current, this.ops.innermost(cpu.current));
    this.leave(was);
  }

  private fileKey(file: FileId, index: number): PageKey {
    return this.ghost.fileKey(file * this.ghost.geometry.filePages + index);
  }

  /** The state of the ghosts at boot. Written before anything runs, in no step. */
  boot(): void {
    const was = this.enter();
    const { geometry } = this.ghost;
    for (let mm = 0 as MmId; mm <= geometry.mms; mm++) this.hasRoot(mm);
    for (let id = 0 as CpuId; id < geometry.cpus; id++) this.frames.bootedWith(id);
    this.files.boot();
    this.leave(was);
  }
  private hasRoot(mm: MmId): void {
    const pgd = this.ghost.machine.mm.pgd.peek(mm) as Pfn;
    if (pgd === 0) return;
    this.frames.handedOut(pgd, OWNER_TABLE);
    this.versions.tableLinked(mm, pgd, 0, 0 as Vpn);
  }
}
