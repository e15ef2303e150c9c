/**
 * The TLB-flush clock of Xen (xen/arch/x86/flushtlb.c, common/page_alloc.c), for pages of files and of address spaces. Xen
 * leaves out the flush when a domain gives a page back; here it is reclaim and migration that give it back. Ours is the
 * mapping, because unlike a domain a process goes on using the address: what would let it tell the old page from the new one is
 * flushed for at more points.
 *
 *     defers     the flush of a folio all of whose entries were clean and read-only; one other entry, and nothing is deferred
 *                on a machine with init_on_free, nothing at all
 *     stamp      with the frame, once its last entry is gone: whoever frees it, and whenever, the debt goes with it
 *     safe       a debt is visible (clock.lastDebt, the mark of the mm) before the folio lock is dropped: before a folio that
 *                replaces this one can be found, be written to, or be mapped where this one was
 *     memory     a mapping of a memory file is writable from its first load on, and again when mprotect gives the right back, with no store
 *                that would be noticed: so it is flushed for wherever an entry becomes writable, whatever it is set for. What a
 *                migration brings back may have become writable meanwhile: there nothing is deferred
 *     server     what another client wrote is seen once a page is read from the server, or must be once open or lock has returned:
 *                a folio that either does not find in the page cache has left it with its debt visible
 *     disk       what a direct write changes is seen once a page is read in again, which asks whether one is under way, or once the
 *                write has returned: it flushes before it writes, behind that, and so does whoever reads a page meanwhile
 *     munmap, mprotect, mremap, DONTNEED, truncation   flushTlbBatchedPending of the mm, as for mainline's batches
 */
import { irqsOff } from '../hardware/apic.ts';
import { PTE_D, PTE_RW, pteWrite } from '../hardware/pte.ts';
import { inodeDioFinished } from '../kernel/fs/direct-io.ts';
import { isFuse, isMemoryFile, isShared } from '../kernel/fs/inode.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { ANY_MM } from '../kernel/tlb/flush-info.ts';
import { type FileId, VM_NO_WRITENOTIFY, VM_WRITE } from '../kernel/types.ts';
import { passOverOwing } from './pass-over.ts';
import { definePolicy } from './policy.ts';
import {
  cleanSince,
  debtCheckpoint,
  flushDebts,
  owesNothing,
  payStamp,
  tickClock,
  unmapWalk,
  walkMet,
  XEN_TABLES,
} from './xen-clock-words.ts';

export const xenClock = definePolicy({
  name: 'xen-clock',
  says: "Xen's flush clock for reclaimed and migrated pages: a frame is stamped, CPUs that have not flushed since do so when it is allocated",
  base: 'mainline 6.18',
  gates: {
    frameReuse: 'CPUs whose last flush is no later than the stamp of the frame flush before it is handed out',
    vaReuse: 'flushTlbBatchedPending under the PTL of each table that a walk enters',
    tableFree: 'as mainline',
    narrowing: 'as mainline; entries that were writable or dirty are never put off',
    content:
      'flushed before write(2) changes a folio, before a writable entry of a file is set, by a fault or by mprotect, before a page is read from a server, and before open or lock of its file returns',
    atomicAlloc: 'with interrupts off only frames that owe nothing, and fails if there is none',
  },
  tables: XEN_TABLES,

  /** Whoever asks for a flush, a CPU that has caught up with all generations since its tick owes nothing older. */
  *flushTlbFunc(cpu, initiator) {
    const { fullFlushes } = cpu.hw.count;
    const forBatch = cpu.flushInfo.mm.load(initiator) === ANY_MM;
    const before = fullFlushes.own(cpu.id);
    const tick = yield* tickClock(cpu);
    yield* MAINLINE.flushTlbFunc(cpu, initiator);
    if (forBatch || fullFlushes.own(cpu.id) !== before) yield* cleanSince(cpu, tick);
  },

  /** A switch compares generations; only going on with the same mm, not lazily, does not. */
  *switchMmIrqsOff(cpu, next) {
    const { loadedMm, isLazy } = cpu.tlbState;
    const goesOn = loadedMm.load(cpu.id) === next && isLazy.load(cpu.id) === 0;
    const tick = goesOn ? 0 : yield* tickClock(cpu);
    yield* MAINLINE.switchMmIrqsOff(cpu, next);
    if (!goesOn) yield* cleanSince(cpu, tick);
  },

  *setTlbUbcFlushPending(cpu, mm, old) {
    yield* MAINLINE.setTlbUbcFlushPending(cpu, mm, old);
    walkMet(cpu, (old & (PTE_RW | PTE_D)) === 0);
  },

  /** An entry that is flushed at once, for it needs no IPI, counts as well: writable before, it is writable behind a migration. */
  *ptepClearFlush(cpu, at, pte) {
    const old = yield* MAINLINE.ptepClearFlush(cpu, at, pte);
    if ((old & (PTE_RW | PTE_D)) !== 0) walkMet(cpu, false);
    return old;
  },

  /** What was given up by MADV_FREE reads as zeros behind its discard, whatever its entries allowed: nothing of it is put off. */
  *discardLazyfree(cpu, folio, place, pte, old) {
    const isGone = yield* MAINLINE.discardLazyfree(cpu, folio, place, pte, old);
    if (isGone) walkMet(cpu, false);
    return isGone;
  },

  *tryToUnmap(cpu, folio, flags) {
    yield* unmapWalk(cpu, folio, MAINLINE.tryToUnmap(cpu, folio, flags));
  },
  *tryToMigrate(cpu, folio, flags) {
    const walk = MAINLINE.tryToMigrate(cpu, folio, flags);
    if (isMemoryFile(cpu, cpu.folio.mapping.load(folio) as FileId)) yield* walk;
    else yield* unmapWalk(cpu, folio, walk);
  },

  /** The end of a batch. */
  *tryToUnmapFlush(cpu) {
    yield* debtCheckpoint(cpu);
    yield* MAINLINE.tryToUnmapFlush(cpu);
  },

  /**
   * Xen never allocates with interrupts off (ASSERT_ALLOC_CONTEXT()), Linux does, and then nobody can be told to flush: frames
   * that owe one are passed over and go back.
   */
  *rmqueue(cpu, node, mark) {
    if (!irqsOff(cpu)) return yield* MAINLINE.rmqueue(cpu, node, mark);
    return yield* passOverOwing(cpu, () => MAINLINE.rmqueue(cpu, node, mark), owesNothing);
  },

  flushPoints: {
    allocate: {
      says: 'a frame gets a new owner: the CPUs that have not flushed since its stamp',
      *postAllocHook(cpu, pfn, owner) {
        yield* payStamp(cpu, pfn);
        yield* MAINLINE.postAllocHook(cpu, pfn, owner);
      },
    },
    fileWrite: {
      says: 'write(2), or what a FUSE daemon says, has locked the folio that it will change, whatever the file system: the CPUs that have not flushed since the newest debt',
      *fuseCopyFolio(cpu, folio, word, value) {
        yield* flushDebts(cpu);
        yield* MAINLINE.fuseCopyFolio(cpu, folio, word, value);
      },
      *folioToWrite(cpu, file, index) {
        const folio = yield* MAINLINE.folioToWrite(cpu, file, index);
        if (folio !== NO_PAGE) yield* flushDebts(cpu);
        return folio;
      },
      *shmemWriteBegin(cpu, file, index) {
        const folio = yield* MAINLINE.shmemWriteBegin(cpu, file, index);
        if (folio !== NO_PAGE) yield* flushDebts(cpu);
        return folio;
      },
    },
    writableFault: {
      says: 'a fault finds no entry in a file mapping, folio locked: flushed before a writable entry is set, shared or private',
      *finishFault(cpu, vmf, page, entry) {
        if (vmf.write || pteWrite(entry)) yield* flushDebts(cpu);
        return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
      },
    },
    serverRead: {
      says: 'a page is about to be read from a server, a FUSE daemon, a block device or under a direct write, and may have changed there: the CPUs that have not flushed since the newest debt',
      *filemapReadFolio(cpu, file, index, folio) {
        if (isShared(cpu, file) || !(yield* inodeDioFinished(cpu, file))) yield* flushDebts(cpu);
        yield* MAINLINE.filemapReadFolio(cpu, file, index, folio);
      },
      *fuseTryMoveFolio(cpu, old) {
        yield* flushDebts(cpu);
        return yield* MAINLINE.fuseTryMoveFolio(cpu, old);
      },
    },
    directWrite: {
      says: 'write(2) past the page cache, before and behind its change of the disk: the CPUs that have not flushed since the newest debt',
      *inodeDioBegin(cpu, file) {
        yield* MAINLINE.inodeDioBegin(cpu, file);
        yield* flushDebts(cpu);
      },
      *kiocbInvalidatePostDirectWrite(cpu, file, index) {
        yield* MAINLINE.kiocbInvalidatePostDirectWrite(cpu, file, index);
        yield* flushDebts(cpu);
      },
    },
    holePunched: {
      says: 'pages of a file have left the page cache and are about to become a hole: the CPUs that have not flushed since the newest debt',
      *truncatePagecacheRange(cpu, file, from, to) {
        yield* MAINLINE.truncatePagecacheRange(cpu, file, from, to);
        yield* flushDebts(cpu);
      },
      // a memory file has nothing behind it: its page reads as zero once folio or swap entry is gone
      *truncateInodeFolio(cpu, file, index, folio) {
        if (isMemoryFile(cpu, file)) yield* flushDebts(cpu);
        yield* MAINLINE.truncateInodeFolio(cpu, file, index, folio);
      },
      *shmemFreeSwap(cpu, file, index, slot) {
        yield* flushDebts(cpu);
        return yield* MAINLINE.shmemFreeSwap(cpu, file, index, slot);
      },
    },
    revalidated: {
      says: 'open or lock of a remote file, or a FUSE daemon, has dropped what was old: the CPUs that have not flushed since the newest debt',
      *nfsRevalidateMapping(cpu, file) {
        const result = yield* MAINLINE.nfsRevalidateMapping(cpu, file);
        yield* flushDebts(cpu);
        return result;
      },
      *invalidateInodePages2(cpu, file, first, end) {
        const result = yield* MAINLINE.invalidateInodePages2(cpu, file, first, end);
        if (isFuse(cpu, file)) yield* flushDebts(cpu);
        return result;
      },
    },
    widened: {
      says: 'a store finds a read-only entry, or mprotect gives the right to write to a memory file back: flushed before the entry becomes writable',
      *ptepSetAccessFlags(cpu, vmf, pte, old, entry) {
        if (pteWrite(entry) && !pteWrite(old)) yield* flushDebts(cpu);
        yield* MAINLINE.ptepSetAccessFlags(cpu, vmf, pte, old, entry);
      },
      *canChangePteWritable(cpu, old, entry, vmFlags) {
        const now = yield* MAINLINE.canChangePteWritable(cpu, old, entry, vmFlags);
        if ((vmFlags & VM_NO_WRITENOTIFY) !== 0 && pteWrite(now) && !pteWrite(old)) yield* flushDebts(cpu);
        return now;
      },
    },
    swapIn: {
      says: 'a page comes back from swap where it may be written to: flushed before its entry is set',
      *mapSwapFolio(cpu, vmf, pte, folio) {
        if ((vmf.vmFlags & VM_WRITE) !== 0) yield* flushDebts(cpu);
        return yield* MAINLINE.mapSwapFolio(cpu, vmf, pte, folio);
      },
    },
  },
});
