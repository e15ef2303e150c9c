/**
 * A kernel with files that is trivially correct: each call, and each fault, does everything at one moment between its begin
 * and its end, and flushes every TLB before a frame goes back. Single faults can be planted in it.
 */
import { LOAD, type Pfn, STORE } from '#tlblab/hardware/types.js';
import { type FileId, SIGBUS, VM_SHARED } from '#tlblab/kernel/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { FileMachine } from './file-machine.ts';
import { FILE_SIZE, RW, SIGSEGV } from './machine.ts';

export const FILE_FAULTS = [
  'reclaim flushes nothing',
  'reclaim forgets what is dirty',
  'munmap drops dirty folios',
  'private stores reach the file',
  'DONTNEED drops shared content',
  'DONTNEED keeps private copies',
  'truncate keeps mappings',
  'fsync writes nothing',
  'faults within the file fail',
  'mmap forgets the offset',
] as const;
export type FileFault = (typeof FILE_FAULTS)[number] | undefined;

/** One operation, as data. Pages of address spaces are 0 to 3, those of files 0 to 4. */
export interface FileOp {
  do: 'load' | 'store' | 'mmap' | 'munmap' | 'madvise' | 'read' | 'write' | 'truncate' | 'fsync' | 'reclaim';
  page: number;
  file: number;
  index: number;
  word: number;
  shared: boolean;
}

interface Mapped {
  readonly file: number;
  readonly index: number;
  readonly shared: boolean;
  copied: boolean;
}

export class FileKernel {
  readonly m = new FileMachine([1, 1, 2], {}, { frames: 2000 });
  private readonly mms = [1, 1, 2];
  private readonly spaces = [new Map<number, Mapped>(), new Map<number, Mapped>(), new Map<number, Mapped>()];
  private readonly sizes = [0, FILE_SIZE, FILE_SIZE];
  private values = 0;

  constructor(private readonly fault: FileFault) {}

  /** The phases of an operation; each is one moment. */
  *perform(id: number, op: FileOp): Generator<void, void, void> {
    const { m } = this;
    if (op.do === 'load' || op.do === 'store') {
      m.begin(id, OP[op.do]);
      yield;
      yield* this.access(id, op);
      return;
    }
    m.busy.add(id);
    const inFile = op.do !== 'mmap' && op.do !== 'munmap' && op.do !== 'madvise';
    const rights = RW | (op.shared ? VM_SHARED : 0);
    const range = { from: inFile ? op.index : op.page, pages: op.do === 'truncate' ? op.index : 1 };
    m.begin(id, OP[op.do], { ...range, rights, fixed: true, file: op.file, pgoff: op.index });
    yield;
    this.act(id, op);
    yield;
    m.busy.delete(id);
    m.end(id);
  }

  private *access(id: number, { do: what, page, word }: FileOp): Generator<void, void, void> {
    const { m } = this;
    const kind = what === 'load' ? LOAD : STORE;
    const value = ++this.values;
    while (!m.perform(id, page, word, kind, value)) {
      m.busy.add(id);
      m.begin(id, OP.fault);
      yield;
      const signal = this.resolve(id, page, kind === STORE);
      yield;
      m.busy.delete(id);
      m.end(id, -signal);
      if (signal === 0) continue;
      m.signal(id, page, signal, kind);
      break;
    }
    m.end(id);
  }

  /** The signal, or 0. */
  private resolve(id: number, page: number, storing: boolean): number {
    const { m } = this;
    const mm = this.mms[id];
    const mapped = this.spaces[mm].get(page);
    if (!mapped) return SIGSEGV;
    if (mapped.index >= this.sizes[mapped.file] || this.fault === 'faults within the file fail') return SIGBUS;
    const present = m.pte(mm, page) !== 0;
    if (present && (mapped.shared || mapped.copied)) return 0;
    if (!present) m.mapFolio(id, mm, page, mapped);
    if (!storing || mapped.shared) return 0;
    if (this.fault === 'private stores reach the file') m.map(id, mm, page, m.folio(mapped.file, mapped.index));
    else {
      m.copyPage(id, mm, page);
      mapped.copied = true;
    }
    return 0;
  }

  private act(id: number, op: FileOp): void {
    const { m } = this;
    const { file, index, page, word } = op;
    const mm = this.mms[id];
    switch (op.do) {
      case 'mmap': {
        this.zap(id, mm, page);
        const shown = this.fault === 'mmap forgets the offset' ? 0 : index;
        this.spaces[mm].set(page, { file, index: shown, shared: op.shared, copied: false });
        return;
      }
      case 'munmap': {
        const mapped = this.spaces[mm].get(page);
        this.zap(id, mm, page);
        this.spaces[mm].delete(page);
        if (mapped?.shared && this.fault === 'munmap drops dirty folios') this.reclaim(id, mapped, false);
        return;
      }
      case 'madvise': {
        const mapped = this.spaces[mm].get(page);
        if (mapped?.copied && this.fault === 'DONTNEED keeps private copies') return;
        this.zap(id, mm, page);
        if (mapped?.shared && this.fault === 'DONTNEED drops shared content') this.reclaim(id, mapped, false);
        return;
      }
      case 'read':
        if (index >= this.sizes[file]) return;
        m.oracle.fileLoaded(
          m.cpus[id],
          file as FileId,
          index,
          word,
          m.columns.frame.words.peek(m.folio(file, index), word),
        );
        return;
      case 'write':
        m.writes(id, file, index, ++this.values, word);
        this.sizes[file] = Math.max(this.sizes[file], index + 1);
        return;
      case 'truncate':
        this.sizes[file] = index;
        if (this.fault !== 'truncate keeps mappings') this.unmapBehind(id, file, index);
        for (const folio of m.cut(file, index)) m.free(folio, id);
        return;
      case 'fsync':
        for (let i = 0; i < this.sizes[file]; i++) {
          if (m.isCached(file, i) && this.fault !== 'fsync writes nothing') m.writeOut(file, i);
        }
        return;
      case 'reclaim':
        this.reclaim(id, op, this.fault !== 'reclaim forgets what is dirty');
        return;
    }
  }

  /** Takes a folio out of the page cache, unmapped and flushed. */
  private reclaim(id: number, { file, index }: { file: number; index: number }, writes: boolean): void {
    const { m } = this;
    if (!m.isCached(file, index)) return;
    for (const [mm, space] of this.spaces.entries()) {
      for (const [page, of] of space) {
        if (of.file !== file || of.index !== index || of.copied || m.unmap(id, mm, page) === 0) continue;
        if (this.fault !== 'reclaim flushes nothing') m.flush(page);
      }
    }
    m.free(m.evict(file, index, writes), id);
  }

  private unmapBehind(id: number, file: number, size: number): void {
    for (const [mm, space] of this.spaces.entries()) {
      for (const [page, of] of space) if (of.file === file && of.index >= size) this.zap(id, mm, page);
    }
  }

  /** Takes the entry of a page away, and its private copy if it has one. */
  private zap(id: number, mm: number, page: number): void {
    const { m } = this;
    const mapped = this.spaces[mm].get(page);
    if (!mapped) return;
    const pfn: Pfn = m.unmap(id, mm, page);
    m.flush(page);
    if (mapped.copied && pfn !== 0) m.free(pfn, id);
    mapped.copied = false;
  }
}
