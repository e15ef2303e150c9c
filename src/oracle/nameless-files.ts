/**
 * Shared anonymous memory: programs name it by where it is mapped, and all mappings that come from one mmap show the same. It is kept
 * as the file without a name that the kernel makes for it, whose row may have belonged to another one. Only for the stepper.
 */
import type { FileId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Ghost } from './ghost.ts';
import { ZERO_LEGAL } from './zero.ts';

export class NamelessFiles {
  constructor(
    private readonly ghost: Ghost,
    private readonly backing: Backing,
  ) {}

  /** The mmap in flight maps a new file, of zeroes. */
  begins(task: TaskId, depth: number, file: FileId, pages: number): void {
    this.forgetWords(file);
    this.resize(file, pages);
    if (depth >= 0) this.backing.mapsFile(task, depth, file);
  }

  /** Nobody maps the file any more. */
  ends(file: FileId): void {
    this.resize(file, 0);
    this.backing.forgetFile(file);
  }

  private resize(file: FileId, pages: number): void {
    const { minSize, maxSize, resizedAt } = this.ghost.g.file;
    minSize.put(file, pages);
    maxSize.put(file, pages);
    resizedAt.put(file, this.ghost.tick());
  }

  private forgetWords(file: FileId): void {
    const { word: w } = this.ghost.g;
    const { filePages, wordsPerPage } = this.ghost.geometry;
    const first = this.ghost.wordKey(this.ghost.fileKey(file * filePages), 0);
    for (let key = first; key < first + filePages * wordsPerPage; key++) {
      for (const field of [w.last, w.floor, w.seenFloor]) if (field.peek(key) !== 0) field.put(key, 0);
      if (w.zero.peek(key) !== ZERO_LEGAL) w.zero.put(key, ZERO_LEGAL);
    }
  }
}
