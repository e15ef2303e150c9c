/** The machine at rest: every live word is read back through the page tables, and no frame may be without an owner. */
import { ptePfn } from '../hardware/pte.ts';
import type { CpuId, Pfn, PteLo, Vpn } from '../hardware/types.ts';
import { NAMELESS_FILE } from '../kernel/fs/inode.ts';
import { PG_UPTODATE } from '../kernel/mm/folio.ts';
import { zeroPfn } from '../kernel/mm/page-alloc.ts';
import { swapSlotOf } from '../kernel/mm/pte-prot.ts';
import { SWAP_HAS_CACHE } from '../kernel/mm/swap-state.ts';
import { OWNER_FREE, OWNER_TABLE, OWNER_USER } from '../kernel/observer.ts';
import { type FileId, type FilePage, type MmId, NO_SLOT, type SwapSlot, VM_READ } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import { cleanPages } from './clean-pages.ts';
import type { Content } from './content.ts';
import { entryOf, maps } from './entries.ts';
import { type Ghost, type Harm, NO_ACCESS } from './ghost.ts';
import type { Rights } from './rights.ts';

/** Reads each word that was ever written and may be read now; an older value is a lost write. */
export function readBack(ghost: Ghost, rights: Rights, content: Content, backing: Backing): void {
  if (readBackFiles(ghost, content)) return;
  const { geometry, machine } = ghost;
  for (let mm = 1; mm <= geometry.mms; mm++) {
    if (machine.mm.users.peek(mm as MmId) <= 0) continue;
    for (let vpn = 0; vpn < geometry.pages; vpn++) {
      const page = ghost.pageKey(mm as MmId, vpn as Vpn);
      const { min, changing } = rights.read(page);
      if ((min & VM_READ) === 0 || changing > 0) continue;
      const lo = entryOf(ghost.machine, geometry, mm as MmId, vpn as Vpn);
      const pfn = maps(lo) ? ptePfn(lo) : cachedFrame(ghost, swapSlotOf(lo));
      for (let word = 0; word < geometry.wordsPerPage; word++) {
        const elsewhere = swapSlotOf(lo) !== NO_SLOT ? swapWord(ghost, swapSlotOf(lo), word) : undefined;
        const value =
          pfn !== 0 ? ghost.frameWord(pfn, word) : (elsewhere ?? fileWord(ghost, backing.filePageOf(page), word));
        if (content.judge(page, word, value) === 'legal') continue;
        const held = pfn !== 0 ? `frame ${pfn}` : elsewhere !== undefined ? `swap slot ${swapSlotOf(lo)}` : 'no frame';
        const says = `at rest page ${vpn} of address space ${mm}, word ${word}, is ${value} in ${held}, although ${content.expected(page, word)} was stored last`;
        const foreign = content.judge(page, word, value) === 'foreign' && content.isForeign(page, value);
        const harm: Harm = foreign ? 'isolation' : 'lost-write';
        ghost.convict({ ...NO_ACCESS, harm, says, mm: mm as MmId, vpn: vpn as Vpn, word, value });
        return;
      }
    }
  }
  cleanPages(ghost, rights, content);
}

/** Reads each word of each file as read(2) would: from the page cache, else from disk or swap. Whether one convicts. */
function readBackFiles(ghost: Ghost, content: Content): boolean {
  const { files, filePages, wordsPerPage } = ghost.geometry;
  for (let row = filePages; row < (files + 1) * filePages; row++) {
    // behind the end of every length that the file may have nothing can be read
    if (row % filePages >= ghost.g.file.maxSize.peek(Math.floor(row / filePages) as FileId)) continue;
    for (let word = 0; word < wordsPerPage; word++) {
      const key = ghost.fileKey(row);
      const value = fileWord(ghost, row, word);
      const legality = content.judgeKey(key, word, value);
      if (legality === 'legal') continue;
      const foreign = legality === 'foreign' && content.writerOf(value) !== ghost.ownerOf(key);
      const harm: Harm = foreign ? 'isolation' : 'lost-write';
      const [file, index] = [Math.floor(row / filePages), row % filePages];
      const name = `page ${index} of file ${file}`;
      const says = `at rest ${name}, word ${word}, is ${value}, although ${content.expectedKey(key, word)} was written last`;
      ghost.convict({ ...NO_ACCESS, harm, says, word, value, filePage: { file, index } });
      return true;
    }
  }
  return false;
}

/**
 * The word of a page of a file, from its folio or from disk, of a memory file from swap, of a device from its frame; 0 for row
 * -1: no file.
 */
function fileWord(ghost: Ghost, row: number, word: number): number {
  if (row < 0) return 0;
  const { machine } = ghost;
  const { filePages } = ghost.geometry;
  const raw = machine.deviceMemory.frame.peek(Math.floor(row / filePages) as FileId, row % filePages) as Pfn;
  if (raw > 0) return machine.frame.words.peek(raw, word);
  const slot = machine.pageCache.slot.peek(row as FilePage);
  const swap = swapEntryIn(ghost, row);
  const pfn = swap !== NO_SLOT ? cachedFrame(ghost, swap) : filledFrame(ghost, slot);
  if (pfn !== 0) return ghost.frameWord(pfn, word);
  return swap !== NO_SLOT ? swapWord(ghost, swap, word) : machine.disk.words.peek(row as FilePage, word);
}

/** The folio that a slot of the page cache leads to, if it is up to date: else it is read first, as when there is none. 0: none. */
function filledFrame({ machine }: Ghost, slot: number): number {
  return slot > 0 && (machine.folio.flags.peek(slot as Pfn) & PG_UPTODATE) !== 0 ? slot : 0;
}

/** Where in swap the page of a memory file lies, or NO_SLOT. */
function swapEntryIn({ geometry, machine }: Ghost, row: number): SwapSlot {
  const file = Math.floor(row / geometry.filePages) as FileId;
  const entry = machine.inode.memory.peek(file) !== 0 ? machine.pageCache.slot.peek(row as FilePage) : 0;
  return Math.max(-entry, NO_SLOT) as SwapSlot;
}

/**
 * Frames that were handed to users, page tables or the kernel and that no page table, page cache or list of the kernel leads to,
 * and slots of the swap device that are kept for entries that there are not.
 */
export function leaks(ghost: Ghost): void {
  const { geometry, machine, g } = ghost;
  const reached = new Set<number>();
  const slots = new Set<SwapSlot>();
  // page tables that wait for a grace period have an owner: RCU
  const { next, waiting, link } = machine.rcuState;
  for (const head of [next, waiting]) {
    for (let pfn = head.peek(0); pfn !== 0; pfn = link.peek(0, pfn)) reached.add(pfn);
  }
  for (let row = 0; row < (geometry.files + 1) * geometry.filePages; row++) {
    if (!isAlive(ghost, Math.floor(row / geometry.filePages) as FileId)) continue;
    const slot = machine.pageCache.slot.peek(row as FilePage);
    if (slot > 0) reached.add(slot);
    slots.add(swapEntryIn(ghost, row));
  }
  for (const pfn of ownPages(ghost)) reached.add(pfn);
  // what reclaim has not come round to yet
  for (let slot = 1 as SwapSlot; slot <= geometry.swapSlots; slot++) reached.add(cachedFrame(ghost, slot));
  for (let mm = 0; mm <= geometry.mms; mm++) {
    const pgd = machine.mm.pgd.peek(mm as MmId);
    if (pgd !== 0) reach(ghost, pgd as Pfn, 0, reached, slots);
  }
  for (let pfn = 1; pfn < geometry.frames; pfn++) {
    const owner = g.frame.owner.peek(pfn as Pfn);
    if (owner === OWNER_FREE || reached.has(pfn)) continue;
    const what = owner === OWNER_USER ? 'page' : owner === OWNER_TABLE ? 'page table' : 'page of the kernel';
    const says = `at rest frame ${pfn} is a ${what} that nothing leads to`;
    ghost.convict({ ...NO_ACCESS, harm: 'leak', says });
    return;
  }
  for (let slot = 1 as SwapSlot; slot <= geometry.swapSlots; slot++) {
    if ((machine.swap.map.peek(0, slot) & ~SWAP_HAS_CACHE) === 0 || slots.has(slot)) continue;
    const says = `at rest swap slot ${slot} is in use and no page-table entry or page cache leads to it`;
    ghost.convict({ ...NO_ACCESS, harm: 'leak', says });
    return;
  }
}

/** Does a name keep the file, or a mapping? */
function isAlive({ machine }: Ghost, file: FileId): boolean {
  return machine.inode.memory.peek(file) !== NAMELESS_FILE || machine.inode.nrMmap.peek(file) > 0;
}

/** What the kernel has allocated for itself: the zero page, memory of devices, its list, the packets that CPUs have received. */
function* ownPages({ geometry, machine }: Ghost): Iterable<number> {
  const { kernelPages, softnet } = machine;
  yield zeroPfn(geometry);
  for (let file = 1 as FileId; file <= geometry.files; file++) {
    for (let index = 0; index < geometry.filePages; index++) yield machine.deviceMemory.frame.peek(file, index);
  }
  for (let i = 0; i < kernelPages.count.peek(0); i++) yield kernelPages.list.peek(0, i);
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    for (let i = 0; i < softnet.qlen.peek(id); i++) yield softnet.packets.peek(id, i);
  }
}

function reach(ghost: Ghost, table: Pfn, level: number, reached: Set<number>, slots: Set<SwapSlot>): void {
  reached.add(table);
  const { levelBits } = ghost.geometry;
  for (let i = 0; i < 1 << levelBits[level]; i++) {
    const lo = ghost.frameWord(table, i * 2) as PteLo;
    if (!maps(lo)) {
      slots.add(swapSlotOf(lo));
      continue;
    }
    if (level === levelBits.length - 1) reached.add(ptePfn(lo));
    else reach(ghost, ptePfn(lo), level + 1, reached, slots);
  }
}

/** The frame of the folio that the swap cache has for the slot, or 0. */
function cachedFrame({ machine }: Ghost, slot: SwapSlot): Pfn {
  return machine.swap.cache.peek(0, slot) as Pfn;
}
function swapWord({ machine }: Ghost, slot: SwapSlot, word: number): number {
  return machine.swapDisk.words.peek(slot, word);
}
