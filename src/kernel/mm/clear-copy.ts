/**
 * Linux: clear_page() and copy_user_highpage(), through the direct map, word by word: other CPUs may still reach either
 * frame through stale translations meanwhile. The switch `bulkCopy` does a page in one step.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

export const CLEARING = point('clearPage: frame prepared, next word not yet zero');
export const COPYING = point('copyPage: frame prepared, next word not yet copied');

/** Zeroes the first `words` words of a frame that nobody else can name yet. */
export function* clearPage(cpu: Cpu, pfn: Pfn, words: number): Path<void> {
  yield* clearWords(cpu, pfn, words, 1);
}

/** The same for the frame of a new page table, entry by entry: an entry is one 64-bit word to whoever walks. */
export function* clearTable(cpu: Cpu, pfn: Pfn, entries: number): Path<void> {
  yield* clearWords(cpu, pfn, entries * 2, 2);
}

function* clearWords(cpu: Cpu, pfn: Pfn, words: number, perStep: number): Path<void> {
  const { words: content, preparing } = cpu.hw.frame;
  const bulk = cpu.switches.bulkCopy;
  cpu.mem.acquired(preparing.at(pfn), true);
  for (let k = 0; k < words; k++) {
    const starts = bulk ? k === 0 : k % perStep === 0;
    if (starts && cpu.at(CLEARING, content.at(pfn, k))) yield;
    content.store(pfn, 0, k);
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
