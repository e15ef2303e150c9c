/**
 * Files of a server, to which other clients write, of a FUSE daemon, and block devices, to which another host writes. Such a write is
 * performed when the server has the word, but it has returned for this machine only when an open or a lock has that began after the
 * server had answered, of a FUSE file the daemon's notification, and of a block device a write past the page cache, for its page:
 * until then the old value is legal. What writes pages back writes whole pages, so it may undo the write of another client that
 * it never saw; and which of the two comes last, where no lock tells, is nobody's business. So a write counts only if no page of
 * the file could have been dirty since it began. That is followed by file, from what programs asked for. Only for the stepper.
 */
import type { FileId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import { type DirectWrites, soils } from './direct-writes.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind, SYNCS } from './ops.ts';
import { type PageKey, type WordKey, WRITES } from './tables.ts';

export class RemoteFiles {
  constructor(
    private readonly ghost: Ghost,
    private readonly content: Content,
    private readonly backing: Backing,
    private readonly direct: DirectWrites,
  ) {}

  begin(kind: OpKind, task: TaskId, depth: number): void {
    const file = this.ghost.g.task.file.peek(task, depth) as FileId;
    if (this.ghost.isRemoteFile(file) && soils(this.ghost, kind, task, depth)) this.count(file, 1);
  }

  /** @param clean of a direct write: it went past the page cache, and nothing was dirty meanwhile. */
  end(kind: OpKind, task: TaskId, depth: number, result: number, clean: boolean): void {
    const { task: t, file: f } = this.ghost.g;
    const file = t.file.peek(task, depth) as FileId;
    const soiling = soils(this.ghost, kind, task, depth);
    if (soiling) this.direct.soiled(file);
    if (!this.ghost.isRemoteFile(file)) return;
    const since = t.since.peek(task, depth);
    if (soiling) {
      this.count(file, -1);
      if (!clean) this.isSoiled(file);
    }
    if (kind === OP.remote || kind === OP.notifystore)
      this.reached(file, task, depth, kind === OP.notifystore && result >= 0);
    if (result < 0) return;
    if (SYNCS.includes(kind) && !this.isBusy(file) && f.soiledAt.peek(file) <= since) this.isClean(file);
    const { filePages } = this.ghost.geometry;
    const first = file * filePages;
    if (kind === OP.open || kind === OP.lock) this.revalidated(file, since, first, first + filePages);
    const page = first + t.from.peek(task, depth);
    if (kind === OP.notifyinval) this.revalidated(file, since, page, page + t.pages.peek(task, depth));
    if (kind === OP.directWrite && clean) this.revalidated(file, since, page, page + 1);
  }

  /**
   * Something begins that stores through mappings, or has returned: then `storedThrough` tells of the pages it may have been
   * about.
   */
  stores(begins: boolean): void {
    const { storing } = this.ghost.g.global;
    storing.put(0, storing.peek(0) + (begins ? 1 : -1));
  }

  /** Something that began at ghost time `since` has stored to the page, or meant to: whatever file it shows may be dirty. */
  storedThrough(page: PageKey, since: number): void {
    const { backing } = this;
    // whatever changes the file that a page shows changes rights there
    const changed = backing.isChanging(page) || this.ghost.g.page.changedAt.peek(page) > since;
    const known = !backing.isUnsure(page) && !changed;
    if (known && (backing.filePageOf(page) < 0 || backing.isPrivate(page))) return;
    for (let file = 1 as FileId; file <= this.ghost.geometry.files; file++) {
      this.direct.soiled(file);
      if (this.ghost.isRemoteFile(file)) this.isSoiled(file);
    }
  }

  private count(file: FileId, by: number): void {
    const { soiling } = this.ghost.g.file;
    soiling.put(file, soiling.peek(file) + by);
  }
  private isBusy(file: FileId): boolean {
    return this.ghost.g.file.soiling.peek(file) > 0 || this.ghost.g.global.storing.peek(0) > 0;
  }
  private isSoiled(file: FileId): void {
    const { file: f } = this.ghost.g;
    f.soiled.put(file, 1);
    f.soiledAt.put(file, this.ghost.tick());
  }
  private isClean(file: FileId): void {
    const { file: f } = this.ghost.g;
    if (f.soiled.peek(file) === 0) return;
    f.soiled.put(file, 0);
    f.cleanAt.put(file, this.ghost.tick());
  }
  /** Could no page of the file be dirty from ghost time `since` on? */
  private cleanSince(file: FileId, since: number): boolean {
    const { file: f } = this.ghost.g;
    return !this.isBusy(file) && f.soiled.peek(file) === 0 && f.cleanAt.peek(file) <= since;
  }

  /** The server has answered the write that this operation was; `told`: and the page cache has the word, too. */
  private reached(file: FileId, task: TaskId, depth: number, told: boolean): void {
    const { task: t, write, global } = this.ghost.g;
    if (!this.cleanSince(file, t.since.peek(task, depth))) return;
    const now = this.ghost.tick();
    const before = t.writesBefore.peek(task, depth);
    for (let seq = global.writes.peek(0); seq > before && seq > global.writes.peek(0) - WRITES; seq--) {
      const row = seq % WRITES;
      if (write.op.peek(row) !== t.op.peek(task, depth)) continue;
      write.reached.put(row, now);
      if (told) this.overwrites(write.key.peek(row) as WordKey, row);
    }
  }

  /** What the word held before the write of that row is to be seen no more. */
  private overwrites(key: WordKey, row: number): void {
    this.content.returned(key, this.ghost.g.write.began.peek(row));
    // who has looked the page up before, read(2) that is, may return what it found
    const page = Math.floor(key / this.ghost.geometry.wordsPerPage) as PageKey;
    this.ghost.g.page.changedAt.put(page, this.ghost.tick());
  }

  /**
   * What is cached of these pages has been dropped by a call begun at ghost time `since`: what the server had answered by then
   * is overwritten.
   */
  private revalidated(file: FileId, since: number, first: number, end: number): void {
    const { wordsPerPage } = this.ghost.geometry;
    for (let row = first; row < end; row++) {
      const page = this.ghost.fileKey(row);
      for (let word = 0; word < wordsPerPage; word++) {
        const key = this.ghost.wordKey(page, word);
        const seq = this.lastReached(file, key, since);
        if (seq !== 0) this.overwrites(key, seq % WRITES);
      }
    }
  }

  /** The newest write of the word by another client that had been answered at ghost time `since`; 0 if none is known. */
  private lastReached(file: FileId, key: WordKey, since: number): number {
    const { word, write } = this.ghost.g;
    for (let seq = word.last.peek(key); seq > 0; seq = write.before.peek(seq % WRITES)) {
      const row = seq % WRITES;
      if (write.seq.peek(row) !== seq) return 0;
      const reached = write.reached.peek(row);
      if (reached > 0 && reached <= since) return this.cleanSince(file, reached) ? seq : 0;
    }
    return 0;
  }
}
