/** The machine of machine.ts with files: a page cache filled by hand, mappings of files, and the calls on them. */
import { type Pfn, STORE } from '#tlblab/hardware/types.js';
import { PG_DIRTY, PG_UPTODATE } from '#tlblab/kernel/mm/folio.js';
import { type FileId, type FilePage, VM_SHARED, VM_WRITE } from '#tlblab/kernel/types.js';
import type { Word } from '#tlblab/memory/memory.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { OracleMachine, RW } from './machine.ts';

/** How a page of a file is mapped; page 0 of file 1, shared and to be written, unless told. */
export interface Mapping {
  readonly file?: number;
  readonly index?: number;
  readonly rights?: number;
  readonly shared?: boolean;
}

export class FileMachine extends OracleMachine {
  /** The folio of a page of a file; a new one is read from disk. It counts as dirty until `cleaned`. */
  folio(file: number, index: number, id = 0): Pfn {
    const slot = this.columns.pageCache.slot.at(this.row(file, index));
    if (this.mem.words[slot] > 0) return this.mem.words[slot] as Pfn;
    const pfn = this.frame(id);
    this.copy(pfn, (word) => this.disk(file, index, word));
    this.poke(slot, pfn);
    this.poke(this.columns.folio.flags.at(pfn), PG_UPTODATE | PG_DIRTY);
    return pfn;
  }
  /** The folio says that disk holds what it holds. */
  cleaned(pfn: Pfn): void {
    this.poke(this.columns.folio.flags.at(pfn), PG_UPTODATE);
  }
  isCached(file: number, index: number): boolean {
    return this.columns.pageCache.slot.peek(this.row(file, index)) > 0;
  }
  /** Writes the folio to disk and takes it out of the page cache; its mappings and its frame are left alone. */
  evict(file: number, index: number, writes = true): Pfn {
    const pfn = this.folio(file, index);
    if (writes) this.writeOut(file, index);
    this.poke(this.columns.pageCache.slot.at(this.row(file, index)), 0);
    return pfn;
  }
  writeOut(file: number, index: number): void {
    const pfn = this.folio(file, index);
    for (let k = 0; k < this.geometry.wordsPerPage; k++) {
      this.poke(this.diskWord(file, index, k), this.columns.frame.words.peek(pfn, k));
    }
  }
  disk(file: number, index: number, word: number): number {
    return this.mem.words[this.diskWord(file, index, word)];
  }

  /** mmap of one page of a file that has returned, the folio mapped; a private mapping is not writable before its copy. */
  mapFile(id: number, mm: number, vpn: number, mapping: Mapping = {}): Pfn {
    const { file = 1, index = 0, rights = RW, shared = true } = mapping;
    const asked = { mm, from: vpn, pages: 1, rights: rights | (shared ? VM_SHARED : 0), fixed: true };
    this.call(id, OP.mmap, { ...asked, file, pgoff: index });
    return this.mapFolio(id, mm, vpn, mapping);
  }
  mapFolio(id: number, mm: number, vpn: number, { file = 1, index = 0, rights = RW, shared = true }: Mapping): Pfn {
    const pfn = this.folio(file, index, id);
    this.map(id, mm, vpn, pfn, shared ? rights : rights & ~VM_WRITE);
    return pfn;
  }
  /** A store to a private mapping: CPU `id` faults, copies the folio, and stores. */
  storeCopy(id: number, mm: number, vpn: number, value: number, word = 0): void {
    this.begin(id, OP.store);
    this.faults(id, vpn, () => this.copyPage(id, mm, vpn));
    this.finish(id, vpn, word, STORE, value);
  }
  /** A fault of a store, from its begin to its end. */
  faults(id: number, vpn: number, act: () => void = () => {}): void {
    const cpu = this.cpus[id];
    cpu.faultVpn = vpn as never;
    cpu.faultCode = FAULT_STORE;
    this.begin(id, OP.fault);
    act();
    this.end(id);
  }
  /** The page gets a copy of its own of what is mapped there. */
  copyPage(id: number, mm: number, vpn: number): Pfn {
    const from = this.unmap(id, mm, vpn);
    this.flush(vpn);
    const copy = this.frame(id);
    this.copy(copy, (word) => this.columns.frame.words.peek(from, word));
    this.map(id, mm, vpn, copy);
    return copy;
  }

  write(id: number, file: number, index: number, value: number, word = 0): void {
    this.begin(id, OP.write, { file, from: index });
    this.writes(id, file, index, value, word);
    this.end(id);
  }
  /** The copy of a write(2) in flight. */
  writes(id: number, file: number, index: number, value: number, word = 0): void {
    this.poke(this.columns.frame.words.at(this.folio(file, index, id), word), value);
    this.oracle.fileStored(this.cpus[id], file as FileId, index, word, value);
  }
  /** read(2) that finds `value`. */
  reads(id: number, file: number, index: number, value: number, word = 0): void {
    this.begin(id, OP.read, { file, from: index });
    this.oracle.fileLoaded(this.cpus[id], file as FileId, index, word, value);
    this.end(id);
  }
  /** truncate(2) while which `act` happens; folios behind the end go. */
  truncate(id: number, file: number, pages: number, act: () => void = () => {}): void {
    this.begin(id, OP.truncate, { file, pages });
    act();
    this.cut(file, pages);
    this.end(id);
  }

  /** Empties page cache and disk from a page of the file on; the folios that were cached. */
  cut(file: number, pages: number): Pfn[] {
    const folios: Pfn[] = [];
    for (let index = pages; index < this.geometry.filePages; index++) {
      if (this.isCached(file, index)) folios.push(this.folio(file, index));
      this.poke(this.columns.pageCache.slot.at(this.row(file, index)), 0);
      for (let k = 0; k < this.geometry.wordsPerPage; k++) this.poke(this.diskWord(file, index, k), 0);
    }
    return folios;
  }

  private copy(pfn: Pfn, from: (word: number) => number): void {
    for (let k = 0; k < this.geometry.wordsPerPage; k++) this.poke(this.columns.frame.words.at(pfn, k), from(k));
  }
  private row(file: number, index: number): FilePage {
    return (file * this.geometry.filePages + index) as FilePage;
  }
  diskWord(file: number, index: number, word: number): Word {
    return this.columns.disk.words.at(this.row(file, index), word);
  }
}

/** Page-fault error code of a store by user code to a present page. */
const FAULT_STORE = 7;
