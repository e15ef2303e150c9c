/**
 * The machine at rest, once more: what is clean may be dropped at any moment, and then disk, swap or zeros are all that is left. A
 * page is clean if neither its folio nor an entry that maps it says that it is dirty; whoever stores through another translation,
 * left over from before it was cleaned, marks nothing.
 */
import { PTE_D, ptePfn } from '../hardware/pte.ts';
import type { Pfn, Vpn } from '../hardware/types.ts';
import { PG_ANON, PG_DIRTY, PG_LAZYFREE, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK } from '../kernel/mm/folio.ts';
import { type FileId, type FilePage, type MmId, type SwapSlot, VM_READ } from '../kernel/types.ts';
import type { Content } from './content.ts';
import { entryOf, maps } from './entries.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';
import type { Rights } from './rights.ts';

/** Convicts the first word that dropping a clean page would take back to an older value. */
export function cleanPages(ghost: Ghost, rights: Rights, content: Content): void {
  const dirty = dirtyFrames(ghost);
  const isClean = (pfn: Pfn): boolean =>
    (ghost.machine.folio.flags.peek(pfn) & (PG_DIRTY | PG_WRITEBACK)) === 0 && !dirty.has(pfn);
  if (!cleanFilePages(ghost, content, isClean)) cleanAnonPages(ghost, rights, content, isClean);
}

/** Of files with a disk of this machine's own. */
function cleanFilePages(ghost: Ghost, content: Content, isClean: (pfn: Pfn) => boolean): boolean {
  const { machine, geometry } = ghost;
  const { files, filePages, wordsPerPage } = geometry;
  for (let row = filePages; row < (files + 1) * filePages; row++) {
    const file = Math.floor(row / filePages) as FileId;
    const { remote, memory } = machine.inode;
    const index = row % filePages;
    if (remote.peek(file) !== 0 || memory.peek(file) !== 0 || index >= ghost.g.file.maxSize.peek(file)) continue;
    const pfn = machine.pageCache.slot.peek(row as FilePage) as Pfn;
    if (pfn <= 0 || (machine.folio.flags.peek(pfn) & PG_UPTODATE) === 0 || !isClean(pfn)) continue;
    for (let word = 0; word < wordsPerPage; word++) {
      const value = machine.disk.words.peek(row as FilePage, word);
      if (content.judgeKey(ghost.fileKey(row), word, value) === 'legal') continue;
      const name = `page ${index} of file ${file}, word ${word}`;
      const says = `at rest ${name}, is ${value} on disk and ${ghost.frameWord(pfn, word)} in frame ${pfn}, which is clean: it may be dropped`;
      ghost.convict({ ...NO_ACCESS, harm: 'lost-write', says, word, value, filePage: { file, index } });
      return true;
    }
  }
  return false;
}

/** Of those that the swap device holds, too, and of those that MADV_FREE has given up. */
function cleanAnonPages(ghost: Ghost, rights: Rights, content: Content, isClean: (pfn: Pfn) => boolean): void {
  const { machine, geometry } = ghost;
  for (const { mm, vpn, pfn } of mapped(ghost)) {
    const flags = machine.folio.flags.peek(pfn);
    const isSwapped = (flags & PG_SWAPCACHE) !== 0;
    if ((flags & PG_ANON) === 0 || !(isSwapped || (flags & PG_LAZYFREE) !== 0) || !isClean(pfn)) continue;
    const page = ghost.pageKey(mm, vpn);
    const { min, changing } = rights.read(page);
    if ((min & VM_READ) === 0 || changing > 0) continue;
    const slot = machine.folio.swap.peek(pfn) as SwapSlot;
    for (let word = 0; word < geometry.wordsPerPage; word++) {
      const value = isSwapped ? machine.swapDisk.words.peek(slot, word) : 0;
      if (content.judge(page, word, value) === 'legal') continue;
      const left = isSwapped ? `${value} in swap slot ${slot}` : 'given up by MADV_FREE';
      const says = `at rest page ${vpn} of address space ${mm}, word ${word}, is ${left} and ${ghost.frameWord(pfn, word)} in frame ${pfn}, which is clean: it may be dropped`;
      ghost.convict({ ...NO_ACCESS, harm: 'lost-write', says, mm, vpn, word, value });
      return;
    }
  }
}

/** Frames that some entry has as dirty. */
function dirtyFrames(ghost: Ghost): Set<Pfn> {
  const dirty = new Set<Pfn>();
  for (const { lo, pfn } of mapped(ghost)) if ((lo & PTE_D) !== 0) dirty.add(pfn);
  return dirty;
}

function* mapped(ghost: Ghost): Iterable<{ mm: MmId; vpn: Vpn; lo: number; pfn: Pfn }> {
  const { geometry, machine } = ghost;
  for (let mm = 1 as MmId; mm <= geometry.mms; mm++) {
    if (machine.mm.users.peek(mm) <= 0) continue;
    for (let vpn = 0 as Vpn; vpn < geometry.pages; vpn++) {
      const lo = entryOf(machine, geometry, mm, vpn);
      if (maps(lo)) yield { mm, vpn, lo, pfn: ptePfn(lo) };
    }
  }
}
