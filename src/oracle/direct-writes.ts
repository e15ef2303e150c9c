/**
 * write(2) past the page cache. It writes back and drops what is cached of the page before and behind it, but in between others may
 * bring the page in and store to it, and then nobody promises which of the two stays: Linux warns of that at most. So what it
 * wrote must be seen from its return on only if nothing can have made a page of the file dirty meanwhile. That is followed by file,
 * from what programs asked for. Only for the stepper.
 */
import { type FileId, type TaskId, VM_SHARED, VM_WRITE } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind } from './ops.ts';
import type { PageKey } from './tables.ts';
import { ZERO_LEGAL, ZERO_PASSED } from './zero.ts';

export class DirectWrites {
  constructor(private readonly ghost: Ghost) {}

  begin(file: FileId): void {
    const { file: f } = this.ghost.g;
    const others = f.direct.peek(file);
    // of two at a time either may have to go through the page cache
    f.soiledUnderDirect.put(file, others > 0 ? 1 : 0);
    f.direct.put(file, others + 1);
  }

  /** The one of this task has returned: could nothing make a page of the file dirty since it began? */
  end(file: FileId, task: TaskId): boolean {
    const { file: f, global } = this.ghost.g;
    f.direct.put(file, f.direct.peek(file) - 1);
    return f.soiledUnderDirect.peek(file) === 0 && global.storing.peek(0) === 0 && !this.isBusy(file, task);
  }

  /** Something has returned, or was stored, that may leave a page of the file dirty. */
  soiled(file: FileId): void {
    const { file: f } = this.ghost.g;
    if (f.direct.peek(file) > 0) f.soiledUnderDirect.put(file, 1);
  }

  /** Is one under way, or has one returned since, that may drop the page whoever holds it? */
  mayDrop(page: PageKey, since: number): boolean {
    if (!this.ghost.isFileKey(page)) return false;
    const { file: f, page: p } = this.ghost.g;
    return f.direct.peek(this.ghost.fileOf(page)) > 0 || p.changedAt.peek(page) > since;
  }

  /** What loads have seen of the page orders nothing any more: it may have been lost. */
  forget(page: PageKey): void {
    const { seenFloor, zero } = this.ghost.g.word;
    const first = this.ghost.wordKey(page, 0);
    for (let key = first; key < first + this.ghost.geometry.wordsPerPage; key++) {
      seenFloor.put(key, 0);
      if (zero.peek(key) === ZERO_PASSED) zero.put(key, ZERO_LEGAL);
    }
  }

  /** Does another task do something that may leave a page of the file dirty? */
  private isBusy(file: FileId, but: TaskId): boolean {
    const { task: t } = this.ghost.g;
    const { cpus, tasks } = this.ghost.geometry;
    for (let task = 0 as TaskId; task < cpus + tasks; task++) {
      for (let depth = task === but ? -1 : t.depth.peek(task) - 1; depth >= 0; depth--) {
        const kind = t.kind.peek(task, depth) as OpKind;
        if (soils(this.ghost, kind, task, depth) && t.file.peek(task, depth) === file) return true;
      }
    }
    return false;
  }
}

/** May the operation on a file leave dirty pages behind? A direct write may have to go through the page cache. */
export function soils({ g }: Ghost, kind: OpKind, task: TaskId, depth: number): boolean {
  const { task: t } = g;
  const writable = VM_SHARED | VM_WRITE;
  const maps = kind === OP.mmap && (t.rights.peek(task, depth) & writable) === writable;
  return kind === OP.write || kind === OP.directWrite || (maps && t.populate.peek(task, depth) === 1);
}
