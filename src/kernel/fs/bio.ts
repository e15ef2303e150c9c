/**
 * Linux: block/blk-core.c submit_bio() and the end of the I/O: a folio's words go to a device or come from it, one by one, with
 * others at work meanwhile.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Column } from '../../memory/table.ts';
import type { Cpu } from '../cpu.ts';
import { PG_WRITEBACK } from '../mm/folio.ts';
import type { FileId } from '../types.ts';
import { filePage } from './inode.ts';

export const IO_STARTS = point('writeFolio: clean, writeback to be marked');
export const WORD_OUT = point('writeFolio: next word to be written to disk');
export const IO_ENDS = point('writeFolio: written, writeback to be ended');
export const DISK_NEXT = point('filemapReadFolio: next word to be read from disk');

/** A block device, or a part of one: pages of words. */
export interface BlockDevice {
  readonly busy: Column<number>;
  readonly words: Column<number>;
}

/** Linux: folio_start_writeback(). Caller has taken the dirty mark and holds the folio lock. */
export function* folioStartWriteback(cpu: Cpu, folio: Pfn): Path<void> {
  if (cpu.at(IO_STARTS, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_WRITEBACK);
}

/** Writes the folio to page `row` of the device. It is in writeback, so it stays what it is; no lock is needed. */
export function* submitBioWrite(cpu: Cpu, folio: Pfn, { busy, words: out }: BlockDevice, row: number): Path<void> {
  const { mem, geometry } = cpu;
  const { words } = cpu.hw.frame;
  mem.acquired(busy.at(row), true);
  for (let k = 0; k < geometry.wordsPerPage; k++) {
    if (cpu.at(WORD_OUT, words.at(folio, k))) yield;
    out.store(row, words.load(folio, k), k);
  }
  mem.released(busy.at(row));
}

/** Linux: folio_end_writeback(). */
export function* folioEndWriteback(cpu: Cpu, folio: Pfn): Path<void> {
  if (cpu.at(IO_ENDS, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.and(folio, ~PG_WRITEBACK);
}

/** Fills the folio from page `row` of the device. Caller holds its lock; nobody else looks at it before it is up to date. */
export function* submitBioRead(cpu: Cpu, folio: Pfn, { words: from }: BlockDevice, row: number): Path<void> {
  const { words, preparing } = cpu.hw.frame;
  const { mem, geometry } = cpu;
  mem.acquired(preparing.at(folio), true);
  for (let k = 0; k < geometry.wordsPerPage; k++) {
    if (cpu.at(DISK_NEXT, from.at(row, k))) yield;
    words.store(folio, from.load(row, k), k);
  }
  mem.released(preparing.at(folio));
}

/** A word of a file. */
interface FileWord {
  readonly file: FileId;
  readonly index: number;
  readonly word: number;
  readonly value: number;
}

/** A word of what a server, a daemon or a device shared with others keeps gets another value, at `now`. */
export function* changeElsewhere(cpu: Cpu, now: Point, { file, index, word, value }: FileWord): Path<void> {
  const { words } = cpu.disk;
  const row = filePage(cpu, file, index);
  if (cpu.at(now, words.at(row, word))) yield;
  words.store(row, value, word);
  cpu.observer?.fileStored(cpu, file, index, word, value, 'server');
}
