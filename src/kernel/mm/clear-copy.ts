/**
 * Linux: clear_page(), copy_user_highpage(), and what the kernel writes to a page of its own: through the direct map, word by word,
 * because other CPUs may still reach the frames through stale translations. The switch `bulkCopy` does a page in one step.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

export const CLEARING = point('clearPage: frame prepared, next word not yet zero');
export const FILLING = point('fillPage: frame prepared, next word not yet written');
export const COPYING = point('copyPage: frame prepared, next word not yet copied');

/** Zeroes the first `words` words of a frame that nobody else can name yet. */
export function* clearPage(cpu: Cpu, pfn: Pfn, words: number): Path<void> {
  yield* setWords(cpu, { pfn, value: 0, words, perStep: 1, at: CLEARING });
}

/** The same for the frame of a new page table, entry by entry: an entry is one 64-bit word to whoever walks. */
export function* clearTable(cpu: Cpu, pfn: Pfn, entries: number): Path<void> {
  yield* setWords(cpu, { pfn, value: 0, words: entries * 2, perStep: 2, at: CLEARING });
}

/** What the kernel keeps in a page of its own: no value of a program. */
export const KERNEL_BYTES = 0x6b65726e;

/** Writes the words of a page that the kernel has just got for itself. */
export function* fillPage(cpu: Cpu, pfn: Pfn): Path<void> {
  yield* setWords(cpu, { pfn, value: KERNEL_BYTES, words: cpu.geometry.wordsPerPage, perStep: 1, at: FILLING });
}

interface Setting {
  readonly pfn: Pfn;
  readonly value: number;
  readonly words: number;
  readonly perStep: number;
  readonly at: Point;
}

function* setWords(cpu: Cpu, { pfn, value, words, perStep, at }: Setting): Path<void> {
  const { words: content, preparing } = cpu.hw.frame;
  const bulk = cpu.switches.bulkCopy;
  cpu.mem.acquired(preparing.at(pfn), true);
  for (let k = 0; k < words; k++) {
    const starts = bulk ? k === 0 : k % perStep === 0;
    if (starts && cpu.at(at, content.at(pfn, k))) yield;
    content.store(pfn, value, k);
  }
  cpu.mem.released(preparing.at(pfn));
}

/** Copies a page into a frame that nobody else can name yet. Caller holds a reference on `from`. */
export function* copyPage(cpu: Cpu, from: Pfn, to: Pfn): Path<void> {
  const { words: content, preparing } = cpu.hw.frame;
  const { mem, geometry } = cpu;
  const bulk = cpu.switches.bulkCopy;
  mem.acquired(preparing.at(to), true);
  // a bulk copy stands for reads that no other access can fall between
  if (bulk) mem.acquired(preparing.at(from), false);
  for (let k = 0; k < geometry.wordsPerPage; k++) {
    if ((k === 0 || !bulk) && cpu.at(COPYING, content.at(from, k))) yield;
    content.store(to, content.load(from, k), k);
  }
  if (bulk) mem.released(preparing.at(from));
  mem.released(preparing.at(to));
}
