/**
 * Files by what programs asked for: their length, and what write(2), read(2) and truncate do to their words. A write has
 * returned when the call has; until then old and new are both legal. Only for the stepper.
 */
import type { Vpn } from '../hardware/types.ts';
import { FAULT_WRITE } from '../hardware/walker.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type FileId, type MmId, type TaskId, VM_WRITE } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import { DirectWrites } from './direct-writes.ts';
import { discardWords } from './discards.ts';
import { Durable } from './durable.ts';
import { type Ghost, type Harm, NO_ACCESS } from './ghost.ts';
import { OP, type OpKind, opName, SYNCS } from './ops.ts';
import { RemoteFiles } from './remote-files.ts';
import { type PageKey, WRITES } from './tables.ts';

/** Calls that may change the length of a file. */
const RESIZES: readonly OpKind[] = [OP.write, OP.directWrite, OP.truncate, OP.revoke];

export class FileContent {
  private readonly durable: Durable;
  private readonly remote: RemoteFiles;
  private readonly direct: DirectWrites;

  constructor(
    private readonly ghost: Ghost,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {
    this.durable = new Durable(ghost, content, backing);
    this.direct = new DirectWrites(ghost);
    this.remote = new RemoteFiles(ghost, content, backing, this.direct);
  }

  boot(): void {
    const { file: f } = this.ghost.g;
    for (let file = 1 as FileId; file <= this.ghost.geometry.files; file++) {
      const size = this.ghost.machine.inode.iSize.peek(file);
      f.minSize.put(file, size);
      f.maxSize.put(file, size);
    }
  }

  /** Pages of the file that an access begun at ghost time `since` can rely on. */
  reliableSize(file: FileId, since: number): number {
    const { file: f } = this.ghost.g;
    return f.resizing.peek(file) > 0 || f.resizedAt.peek(file) > since ? 0 : f.minSize.peek(file);
  }

  begin(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t, file: f } = this.ghost.g;
    const file = t.file.peek(task, depth) as FileId;
    this.remote.begin(kind, task, depth);
    if (SYNCS.includes(kind) || kind === OP.directRead) this.durable.begin(file);
    if (kind === OP.directWrite) this.direct.begin(file);
    if (kind === OP.msync) this.durable.beginAll();
    if (kind === OP.gup) this.gets(task, depth, true);
    if (kind === OP.punch) this.punches(file, task, depth);
    if (!RESIZES.includes(kind)) return;
    const size = this.sizeAfter(kind, task, depth);
    f.resizing.put(file, f.resizing.peek(file) + 1);
    f.maxSize.put(file, Math.max(f.maxSize.peek(file), size));
    if (!cutsOff(kind)) return;
    f.minSize.put(file, Math.min(f.minSize.peek(file), size));
    this.pages(file, size, this.ghost.geometry.filePages, (page) => this.discards(page));
    this.losesCopies(file, size);
  }

  end(kind: OpKind, task: TaskId, depth: number, result: number): void {
    const { task: t, file: f } = this.ghost.g;
    const file = t.file.peek(task, depth) as FileId;
    const since = t.since.peek(task, depth);
    if (SYNCS.includes(kind)) this.durable.end(file, opName(kind), task, since, result);
    if (kind === OP.msync) {
      const { mm, from, pages } = t;
      const range = [from.peek(task, depth) as Vpn, pages.peek(task, depth)] as const;
      this.durable.endRange(mm.peek(task, depth) as MmId, ...range, task, since, result);
    }
    if (kind === OP.gup) this.gets(task, depth, false);
    if (kind === OP.directRead) this.durable.over(file);
    const clean = kind === OP.directWrite && this.direct.end(file, task);
    this.remote.end(kind, task, depth, result, clean);
    const before = t.writesBefore.peek(task, depth);
    if (kind === OP.punch) this.punched(file, task, depth, result >= 0);
    if (!RESIZES.includes(kind)) return;
    const alone = f.resizing.peek(file) === 1 && f.resizedAt.peek(file) <= since;
    const size = this.sizeAfter(kind, task, depth);
    const sure = result >= 0 && (kind === OP.write || clean);
    if (!cutsOff(kind)) this.written(t.op.peek(task, depth), before, since, sure);
    else this.truncated(file, size, since, before, result >= 0);
    if (result >= 0 && cutsOff(kind) && alone) {
      f.minSize.put(file, size);
      f.maxSize.put(file, size);
    } else if (result >= 0 && !cutsOff(kind) && alone) f.minSize.put(file, Math.max(f.minSize.peek(file), size));
    f.resizing.put(file, f.resizing.peek(file) - 1);
    f.resizedAt.put(file, this.ghost.tick());
  }

  /** A fault begins: what it is about is kept until it ends, wherever the task is then. */
  faultBegins(cpu: Cpu, depth: number): void {
    const { task: t } = this.ghost.g;
    t.mm.put(cpu.current, this.ghost.machine.tasks.mm.peek(cpu.current), depth);
    t.from.put(cpu.current, cpu.faultVpn, depth);
    t.rights.put(cpu.current, (cpu.faultCode & FAULT_WRITE) !== 0 ? VM_WRITE : 0, depth);
    this.faults(cpu.current, depth, true);
  }
  /**
   * A fault begins, or ends: the page of a private mapping of a file that is stored to may get a copy of its own at any moment
   * between.
   */
  faults(task: TaskId, depth: number, begins: boolean): void {
    const { task: t } = this.ghost.g;
    if (t.rights.peek(task, depth) !== VM_WRITE) return;
    const page = this.ghost.pageKey(t.mm.peek(task, depth) as MmId, t.from.peek(task, depth) as Vpn);
    this.remote.stores(begins);
    this.mayStore(page, t.since.peek(task, depth), begins);
  }
  /** get_user_pages() begins, or ends: to write, it faults as a store does. */
  private gets(task: TaskId, depth: number, begins: boolean): void {
    const { task: t } = this.ghost.g;
    if (t.rights.peek(task, depth) !== VM_WRITE) return;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth) as Vpn;
    const end = this.ghost.endOf(mm, from, t.pages.peek(task, depth));
    this.remote.stores(begins);
    for (let page = this.ghost.pageKey(mm, from); page < end; page++) {
      this.mayStore(page, t.since.peek(task, depth), begins);
    }
  }
  private mayStore(page: PageKey, since: number, begins: boolean): void {
    const { page: p } = this.ghost.g;
    if (!begins) this.remote.storedThrough(page, since);
    const writable = (p.maxRights.peek(page) & VM_WRITE) !== 0;
    if (writable || this.backing.isChanging(page)) this.backing.copies(page);
  }

  /** A store to a page of an address space, begun at ghost time `since` behind `began` writes, was performed. */
  storedThrough(page: PageKey, word: number, value: number, began: number, since: number): void {
    this.content.stored(page, word, value, began, since);
    if (!this.backing.isPlain(page)) this.remote.storedThrough(page, since);
  }

  /** write(2) in flight has put a word into the page cache, or another client's into the server's. */
  stored(task: TaskId, depth: number, page: PageKey, word: number, value: number): void {
    const { task: t } = this.ghost.g;
    this.content.performed(page, word, value, t.writesBefore.peek(task, depth), t.op.peek(task, depth));
  }

  /**
   * read(2), begun at ghost time `since`, has taken a word out of the page cache: it must be one that a load might have returned
   * since. What was truncated meanwhile may still be read from the folio that it was found in.
   */
  loaded(task: TaskId, page: PageKey, word: number, value: number, since: number): void {
    if (this.ghost.g.page.changedAt.peek(page) > since) return;
    const legality = this.content.judgeKey(page, word, value);
    if (legality === 'legal') return;
    // a direct read has on disk what had returned when it began; under what discards the page, or has, older blocks
    const durable = this.content.discardedSince(page, since) || this.content.isDurable(page, word, value, since);
    if (this.isDirect(task) && durable) return;
    if (this.ghost.isRemote(page) || this.direct.mayDrop(page, since)) {
      // the folio that it looked up may have been dropped for a newer one, which others have seen, or stored to, already
      if (legality === 'below-seen' || this.content.wasLegal(page, word, value, this.writesBefore(task))) return;
    }
    const foreign = legality === 'foreign' && this.content.writerOf(value) !== this.ghost.ownerOf(page);
    const harm: Harm = foreign ? 'isolation' : legality === 'below-seen' ? 'inversion' : 'lost-write';
    const says = `read(2) of ${this.nameOf(page)}, word ${word}, returns ${value} although ${this.content.expectedKey(page, word)} is what the word holds`;
    this.ghost.convict({ ...NO_ACCESS, harm, says, task, word, value, filePage: this.placeOf(page) });
  }

  nameOf(page: PageKey): string {
    const { file, index } = this.placeOf(page);
    return `page ${index} of file ${file}`;
  }

  /** Writes that had been performed when what the task is in began. */
  private writesBefore(task: TaskId): number {
    const { task: t } = this.ghost.g;
    return t.writesBefore.peek(task, t.depth.peek(task) - 1);
  }

  private isDirect(task: TaskId): boolean {
    const { task: t } = this.ghost.g;
    return t.kind.peek(task, t.depth.peek(task) - 1) === OP.directRead;
  }

  private placeOf(page: PageKey): { file: number; index: number } {
    const row = page - this.ghost.fileKey(0);
    const { filePages } = this.ghost.geometry;
    return { file: Math.floor(row / filePages), index: row % filePages };
  }

  /** The words that the call wrote have returned with it; if that is not sure, they may be there or not. */
  private written(op: number, before: number, since: number, sure: boolean): void {
    const { write, global, page: p } = this.ghost.g;
    for (let seq = global.writes.peek(0); seq > before && seq > global.writes.peek(0) - WRITES; seq--) {
      const row = seq % WRITES;
      if (write.op.peek(row) !== op) continue;
      const key = write.key.peek(row) as never;
      const page = Math.floor(key / this.ghost.geometry.wordsPerPage) as PageKey;
      p.changedAt.put(page, this.ghost.tick());
      if (!sure) this.direct.forget(page);
      if (!sure || this.content.discardedSince(page, since)) continue;
      this.content.returned(key, before);
    }
  }

  private truncated(file: FileId, size: number, since: number, before: number, done: boolean): void {
    this.losesCopies(file, size);
    this.discarded(file, size, this.ghost.geometry.filePages, since, before, done);
  }

  /** Private copies stay. */
  private punches(file: FileId, task: TaskId, depth: number): void {
    const { from, pages } = this.ghost.g.task;
    const first = from.peek(task, depth);
    this.pages(file, first, first + pages.peek(task, depth), (page) => this.discards(page));
  }
  private punched(file: FileId, task: TaskId, depth: number, done: boolean): void {
    const { from, pages, since, writesBefore } = this.ghost.g.task;
    const first = from.peek(task, depth);
    const end = first + pages.peek(task, depth);
    this.discarded(file, first, end, since.peek(task, depth), writesBefore.peek(task, depth), done);
  }

  private discards(page: PageKey): void {
    const { discarding } = this.ghost.g.page;
    discarding.put(page, discarding.peek(page) + 1);
  }
  private discarded(file: FileId, from: number, to: number, since: number, before: number, done: boolean): void {
    const { page: p } = this.ghost.g;
    this.pages(file, from, to, (page) => {
      const alone = done && p.discarding.peek(page) === 1 && p.discardedAt.peek(page) <= since;
      discardWords(this.ghost, page, before, done, alone);
    });
    const now = this.ghost.tick();
    this.pages(file, from, to, (page) => {
      p.discarding.put(page, p.discarding.peek(page) - 1);
      p.discardedAt.put(page, now);
      p.changedAt.put(page, now);
    });
  }

  /** Private copies of pages behind the new end go, too: at which moment is not followed. */
  private losesCopies(file: FileId, size: number): void {
    const { filePages } = this.ghost.geometry;
    this.backing.forPrivateOf(file * filePages + size, (file + 1) * filePages, (page) =>
      this.backing.becomesUnsure(page),
    );
  }

  private sizeAfter(kind: OpKind, task: TaskId, depth: number): number {
    const { task: t } = this.ghost.g;
    return cutsOff(kind) ? t.pages.peek(task, depth) : t.from.peek(task, depth) + 1;
  }

  private pages(file: FileId, from: number, to: number, each: (page: PageKey) => void): void {
    const { filePages } = this.ghost.geometry;
    for (let index = from; index < Math.min(to, filePages); index++) each(this.ghost.fileKey(file * filePages + index));
  }
}

/** Does it take the end of the file away? Of a device, all of it. */
function cutsOff(kind: OpKind): boolean {
  return kind === OP.truncate || kind === OP.revoke;
}
