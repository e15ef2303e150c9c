/** What all parts of the oracle share: the ghost columns, the machine they watch, the time, and the first violation. */
import type { Geometry } from '../hardware/geometry.ts';
import type { HardwareColumns } from '../hardware/logical-cpu.ts';
import type { AccessKind, CpuId, Pfn, Vpn } from '../hardware/types.ts';
import type { KernelColumns } from '../kernel/cpu.ts';
import type { FileId, MmId, TaskId } from '../kernel/types.ts';
import type { Memory } from '../memory/memory.ts';
import type { Columns, Table } from '../memory/table.ts';
import type { OpKind } from './ops.ts';
import { fileBase, type ORACLE_TABLES, type PageKey, type WordKey } from './tables.ts';

type ColumnsOf<T> = T extends Table<infer R, infer _S, infer F> ? Columns<R, F> : never;
export type GhostColumns = { readonly [K in keyof typeof ORACLE_TABLES]: ColumnsOf<(typeof ORACLE_TABLES)[K]> };

/** What a run can be convicted of; `oracle` page, section "Oracle". */
export type Harm =
  | 'frame-reuse'
  | 'table-reuse'
  | 'isolation'
  | 'lost-write'
  | 'rights-bypass'
  | 'va-reuse'
  | 'stale-read'
  | 'inversion'
  | 'missed-tracking'
  | 'wrong-fault'
  | 'kernel-assert'
  | 'deadlock'
  | 'livelock'
  | 'leak';

export interface Violation {
  readonly harm: Harm;
  /** One sentence with the numbers. */
  readonly says: string;
  readonly cpu: CpuId;
  readonly task: TaskId;
  readonly mm: MmId;
  readonly vpn: Vpn;
  readonly word: number;
  /** What the access was; -1 if it was none (read-back, leak, table walk). */
  readonly kind: AccessKind | -1;
  readonly value: number;
  /** The page of a file that was read back, from page cache or disk, or by read(2). */
  readonly filePage: { readonly file: number; readonly index: number } | undefined;
  /** The access went through a translation older than the page tables. */
  readonly stale: boolean;
  /** The operation that ended that translation: the one that owed the flush. */
  readonly endedBy: { op: OpKind; task: TaskId; step: number } | undefined;
  /** Step at which the TLB entry was filled, or -1. */
  readonly filledAt: number;
  /** Nobody made this access: the probe asked what it would do. */
  readonly probe: boolean;
  /** A private mapping of a file showed an old value that the file no longer has: POSIX leaves open whether it may. */
  readonly weak: boolean;
  /** Covered by an operation in flight; convicted because of `strict`. */
  readonly window: boolean;
}

/** What a violation says that belongs to no access: nobody made it, nothing was stale. */
export const NO_ACCESS = {
  cpu: -1 as CpuId,
  task: -1 as TaskId,
  mm: 0 as MmId,
  vpn: 0 as Vpn,
  word: 0,
  kind: -1,
  value: 0,
  filePage: undefined,
  stale: false,
  endedBy: undefined,
  filledAt: -1,
  probe: false,
  weak: false,
  window: false,
} as const;

/** Groups of checks, to be switched off one by one when their price is measured. */
export interface OracleChecks {
  readonly frames: boolean;
  readonly rights: boolean;
  readonly content: boolean;
  readonly probe: boolean;
}

export interface OracleOptions {
  /** Windows convict too. */
  readonly strict: boolean;
  /** The `threads` engine: report only what is wrong whatever the true order was. */
  readonly threads: boolean;
  readonly checks?: Partial<OracleChecks>;
}

export class Ghost {
  /** Number of the present step; in `threads` whatever clock the engine gives. */
  now = 0;
  violation: Violation | undefined = undefined;
  /** A frame to which a TLB leads was handed out in this step: the probe has to look before it ends. The stepper only. */
  isDue = false;
  readonly checks: OracleChecks;
  private readonly filesFrom: number;

  constructor(
    readonly mem: Memory,
    readonly g: GhostColumns,
    readonly machine: HardwareColumns & KernelColumns,
    readonly geometry: Geometry,
    readonly options: OracleOptions,
  ) {
    this.filesFrom = fileBase(geometry);
    this.checks = { frames: true, rights: true, content: true, probe: true, ...options.checks };
  }

  /** Writes of the word with smaller numbers are illegal from now on: what loads said of those says no more than that. */
  raiseFloor(key: WordKey, to: number): void {
    const { floor, seenFloor } = this.g.word;
    floor.put(key, to);
    const seen = seenFloor.peek(key);
    if (seen !== 0 && seen <= to) seenFloor.put(key, 0);
  }

  /** The address space whose root the CPU has loaded; -1 if that is in no page table. */
  loadedBy(id: CpuId): MmId {
    return (this.g.frame.tableMm.peek(this.machine.regs.cr3Pgd.peek(id) as Pfn) - 1) as MmId;
  }

  pageKey(mm: MmId, vpn: Vpn): PageKey {
    return (mm * this.geometry.pages + vpn) as PageKey;
  }
  /** The key behind the last page of a range, cut off at the end of the address space. */
  endOf(mm: MmId, from: number, pages: number): PageKey {
    return (mm * this.geometry.pages + Math.min(from + Math.max(pages, 0), this.geometry.pages)) as PageKey;
  }
  mmOf(page: PageKey): MmId {
    return Math.floor(page / this.geometry.pages) as MmId;
  }
  vpnOf(page: PageKey): Vpn {
    return (page % this.geometry.pages) as Vpn;
  }
  wordKey(page: PageKey, word: number): WordKey {
    return (page * this.geometry.wordsPerPage + word) as WordKey;
  }
  /** The key of a page of a file. */
  fileKey(filePage: number): PageKey {
    return (this.filesFrom + filePage) as PageKey;
  }
  isFileKey(page: PageKey): boolean {
    return page >= this.filesFrom;
  }
  /** The file of the key of a page of a file. */
  fileOf(page: PageKey): FileId {
    return Math.floor((page - this.filesFrom) / this.geometry.filePages) as FileId;
  }
  /** Is it a page of a file that others write to, too: a server's, a daemon's, or a block device? */
  isRemote(page: PageKey): boolean {
    return this.isFileKey(page) && this.isRemoteFile(this.fileOf(page));
  }
  isRemoteFile(file: FileId): boolean {
    const { remote, blockdev } = this.machine.inode;
    return remote.peek(file) !== 0 || blockdev.peek(file) === 1;
  }
  /** Whose memory it is: the address space, or behind those the file. */
  ownerOf(page: PageKey): number {
    const { mms, filePages } = this.geometry;
    return page < this.filesFrom ? this.mmOf(page) : mms + Math.floor((page - this.filesFrom) / filePages);
  }
  /** The owner in words. */
  ownerName(owner: number): string {
    const { mms } = this.geometry;
    return owner <= mms ? `address space ${owner}` : `file ${owner - mms}`;
  }
  /** Raises the ghost clock: what began before has a smaller time than the one returned. */
  tick(): number {
    return this.g.global.clock.add(0, 1) + 1;
  }
  /** A word of a frame, read without an event. */
  frameWord(pfn: number, word: number): number {
    return this.machine.frame.words.peek(pfn as never, word);
  }
  /** The first violation stands. */
  convict(violation: Violation): void {
    this.violation ??= violation;
  }
}
