/** Linux: include/linux/mm.h pages_identical(), mm/util.c memcmp_pages(): word by word, because the pages may change meanwhile. */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

export const FIRST_READ = point('pagesIdentical: next word of the first page to be read');
export const SECOND_READ = point('pagesIdentical: next word of the second page to be compared');

/** Do both hold the same? Caller holds references. */
export function* pagesIdentical(cpu: Cpu, one: Pfn, other: Pfn): Path<boolean> {
  const { words } = cpu.hw.frame;
  for (let k = 0; k < cpu.geometry.wordsPerPage; k++) {
    if (cpu.at(FIRST_READ, words.at(one, k))) yield;
    const word = words.load(one, k);
    if (cpu.at(SECOND_READ, words.at(other, k))) yield;
    if (words.load(other, k) !== word) return false;
  }
  return true;
}
