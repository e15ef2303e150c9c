/**
 * Linux: kernel/events/uprobes.c uprobe_write_opcode(), uprobe_write(), __uprobe_write(), as they are since 6.16: __replace_page()
 * is gone. A forced write fault gives the mapping a page of its own; that page is written in place while no entry and no TLB
 * leads to it. Before, a copy was made, changed, and put in the place of the old page.
 */
import { PTE_D, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_ANON, PG_SWAPCACHE } from '../mm/folio.ts';
import type { Gup } from '../mm/gup.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { leafIndex, tableWalk } from '../mm/pgtable.ts';
import { protHi, pteMapped, vmNormalPage } from '../mm/pte-prot.ts';
import { isExclusive } from '../mm/rmap.ts';
import { vmaFlags } from '../mm/vma-tree.ts';
import { EAGAIN, EFAULT, type MmId, type VmaId } from '../types.ts';
import type { ProbeWrite } from './uprobes.ts';

export const OPCODE_READ = point('verifyOpcode: page held, instruction to be read');
export const ANON_CHECK = point('uprobeWrite: to be changed, is the page a private copy?');
export const WALKED = point('folioWalkStart: PTL taken, does the entry still map the page?');
export const COPIES_IN = point('__uprobeWrite: entry cleared and flushed, instruction to be written');
export const REFERENCES = point('__uprobeWrite: instruction restored, who holds the page?');
export const EXPECTED = point('__uprobeWrite: references read, how many of them are mappings?');
export const IN_CACHE = point('__uprobeWrite: mappings read, has the swap cache a reference?');
export const REMAPS = point('__uprobeWrite: instruction written, entry to be set again');
export const ZAPPED = point('__uprobeWrite: same as in the file, entry left empty, mapping to be uncounted');

/** A page of an address space that shows the probed page of the file. */
export interface ProbePlace {
  readonly mm: MmId;
  readonly vma: VmaId;
  readonly vpn: Vpn;
}

/**
 * Linux: uprobe_write_opcode() and uprobe_write(): 0 or a negative errno; 0 also where the instruction is there already. Taking a
 * breakpoint away asks for a page of the mapping's own only if it has to. Caller holds mmap_lock for writing.
 */
export function* uprobeWriteOpcode(cpu: Cpu, place: ProbePlace, probe: ProbeWrite): Path<number> {
  const { kernel } = cpu;
  const { mm, vpn } = place;
  for (let write = probe.isRegister; ; ) {
    const gup: Gup = { mm, start: vpn, nrPages: 1, write, force: true, pages: [] };
    const error = yield* kernel.getUserPages(cpu, gup);
    if (error !== 0) return error;
    const [page] = gup.pages;
    let done = 0;
    if (yield* kernel.verifyOpcode(cpu, page, probe)) {
      if (cpu.at(ANON_CHECK, cpu.folio.flags.at(page))) yield;
      if ((cpu.folio.flags.load(page) & PG_ANON) !== 0) done = yield* walkAndWrite(cpu, place, page, probe);
    }
    yield* kernel.folioPut(cpu, page);
    if (done === 0) return 0;
    write ||= done === EFAULT;
  }
}

/** Linux: verify_opcode(): is there something to change? Caller holds a reference. */
export function* verifyOpcode(cpu: Cpu, page: Pfn, { word, swbp, isRegister }: ProbeWrite): Path<boolean> {
  const { words } = cpu.hw.frame;
  if (cpu.at(OPCODE_READ, words.at(page, word))) yield;
  return (words.load(page, word) === swbp) !== isRegister;
}

/** Linux: folio_walk_start() to folio_walk_end(): -EAGAIN if the entry maps something else by now. */
function* walkAndWrite(cpu: Cpu, place: ProbePlace, page: Pfn, probe: ProbeWrite): Path<number> {
  const { kernel } = cpu;
  const { mm, vpn } = place;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, mm), vpn);
  const pte = pmd === NO_PAGE ? NO_PAGE : yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return EAGAIN;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(WALKED, pteWord(cpu, pte, index))) yield;
  const entry = pteLoad(cpu, pte, index);
  const same = pteMapped(entry) && vmNormalPage(entry) === page;
  const done = same ? yield* kernel.uprobeWritePte(cpu, place, pte, page, probe) : EAGAIN;
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return done;
}

/**
 * Linux: __uprobe_write(): the entry is cleared and flushed, the word written, the entry set again, dirty; or left empty, if
 * the page is what the file holds and nobody else has it. -EFAULT if the page may be shared. Caller holds the PTL.
 */
export function* uprobeWritePte(cpu: Cpu, place: ProbePlace, pte: Pfn, page: Pfn, probe: ProbeWrite): Path<number> {
  const { kernel } = cpu;
  const { mm, vma, vpn } = place;
  const { word, value, isRegister } = probe;
  // an entry that may be written to is of an exclusive page, too
  if (!(yield* isExclusive(cpu, page))) return EFAULT;
  const old = yield* kernel.ptepClearFlush(cpu, place, pte);
  const { words } = cpu.hw.frame;
  if (cpu.at(COPIES_IN, words.at(page, word))) yield;
  words.store(page, value, word);
  cpu.observer?.probeWritten(cpu, mm, vpn, word, value, isRegister);
  if (isRegister || (yield* isHeld(cpu, page)) || !(yield* kernel.origPageIsIdentical(cpu, page, probe))) {
    const index = leafIndex(cpu.geometry, vpn);
    if (cpu.at(REMAPS, pteWord(cpu, pte, index))) yield;
    pteStore(cpu, pte, index, (old | PTE_D) as PteLo, protHi(vmaFlags(cpu, vma)));
    return 0;
  }
  yield* kernel.folioRemoveRmapPte(cpu, page, ZAPPED);
  yield* kernel.freeSwapCache(cpu, page);
  yield* kernel.folioPut(cpu, page);
  return 0;
}

/** Linux: folio_ref_count() against folio_expected_ref_count(), of an anonymous page on which the caller has a reference. */
function* isHeld(cpu: Cpu, page: Pfn): Path<boolean> {
  const { refcount, mapcount, flags } = cpu.folio;
  if (cpu.at(REFERENCES, refcount.at(page))) yield;
  const references = refcount.load(page);
  if (cpu.at(EXPECTED, mapcount.at(page))) yield;
  const mappings = mapcount.load(page);
  if (cpu.at(IN_CACHE, flags.at(page))) yield;
  const cached = (flags.load(page) & PG_SWAPCACHE) !== 0 ? 1 : 0;
  return references !== mappings + cached + 1;
}

/** Linux: orig_page_is_identical(): would a fault find the same in the page cache, now? Caller holds the PTL and a reference. */
export function* origPageIsIdentical(cpu: Cpu, page: Pfn, { file, index }: ProbeWrite): Path<boolean> {
  const { kernel } = cpu;
  const orig = yield* kernel.filemapGetFolio(cpu, file, index);
  if (orig === NO_PAGE) return false;
  const same = (yield* kernel.folioTestUptodate(cpu, orig)) && (yield* kernel.pagesIdentical(cpu, page, orig));
  yield* kernel.folioPut(cpu, orig);
  return same;
}
