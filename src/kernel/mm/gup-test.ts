/**
 * Linux: mm/gup_test.c __gup_test_ioctl(), with what drivers do between get and put: a word of each page is read or written
 * through the direct map, with nothing held but the reference. Meanwhile the page may be unmapped, shared by a fork, replaced.
 */
import { LOAD, type Pfn, STORE, type Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { MmId } from '../types.ts';
import type { Gup } from './gup.ts';

export const HELD_READS = point('gupTestIoctl: page held, word to be read');
export const HELD_WRITES = point('gupTestIoctl: page held, word to be written');

export interface GupTest {
  readonly start: number;
  readonly word: number;
  /** Takes get_user_pages_fast(). */
  readonly fast: boolean;
  readonly write: boolean;
  /** What to write, a value a page; its length says how many pages are wanted. */
  readonly values: readonly number[];
}

/** How many pages were had, or a negative errno. The last word read is left in `cpu.loaded`. */
export function* gupTestIoctl(cpu: Cpu, test: GupTest): Path<number> {
  const { kernel } = cpu;
  const { start, write, values } = test;
  const gup: Gup = { mm: cpu.tasks.mm.load(cpu.current) as MmId, start, nrPages: values.length, write, pages: [] };
  const got = test.fast ? yield* kernel.getUserPagesFast(cpu, gup) : yield* kernel.getUserPagesUnlocked(cpu, gup);
  for (const [nth, page] of gup.pages.entries()) yield* useHeldPage(cpu, test, nth, page);
  for (const page of gup.pages) {
    if (write) yield* kernel.setPageDirtyLock(cpu, page);
    yield* kernel.folioPut(cpu, page);
  }
  return got;
}

/** Linux: kmap_local_page() and one access. Caller holds a reference. */
function* useHeldPage(cpu: Cpu, { start, word, write, values }: GupTest, nth: number, page: Pfn): Path<void> {
  const { words } = cpu.hw.frame;
  const target = words.at(page, word);
  const vpn = (start + nth) as Vpn;
  if (write) {
    if (cpu.at(HELD_WRITES, target)) yield;
    words.store(page, values[nth], word);
    cpu.observer?.heldAccessed(cpu, nth, { vpn, pfn: page, word }, STORE, values[nth]);
  } else {
    if (cpu.at(HELD_READS, target)) yield;
    cpu.loaded = words.load(page, word);
    cpu.observer?.heldAccessed(cpu, nth, { vpn, pfn: page, word }, LOAD, cpu.loaded);
  }
}

/** Linux: mm/page-writeback.c set_page_dirty_lock(). Caller holds a reference: the page may be nobody's any more. */
export function* setPageDirtyLock(cpu: Cpu, page: Pfn): Path<void> {
  const { kernel } = cpu;
  yield* kernel.folioLock(cpu, page);
  yield* kernel.folioMarkDirty(cpu, page);
  yield* kernel.folioUnlock(cpu, page);
}
