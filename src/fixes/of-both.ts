/** Fixes that v11 and v12 need alike, each with its own words and its own way to flush. */
import { PTE_RW, pteWrite } from '../hardware/pte.ts';
import type { PteLo } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { isShared } from '../kernel/fs/inode.ts';
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';
import type { VmFault } from '../kernel/mm/memory.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { type FileId, type TaskId, VM_WRITE } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';

const CHANGING = point('fixed setTlbUbcFlushPending: entry cleared, are permissions being changed?');

/**
 * An entry without write permission says nothing about TLBs while a change of permissions is on its way: tlb_flush_pending,
 * which is raised before the PTL is taken for that change, tells it. Such an entry counts as writable.
 */
export function protectedCounts(record: Kernel['setTlbUbcFlushPending']): Kernel['setTlbUbcFlushPending'] {
  return function* setTlbUbcFlushPending(cpu, mm, old) {
    const { tlbFlushPending } = cpu.mm;
    if (cpu.at(CHANGING, tlbFlushPending.at(mm))) yield;
    const changing = tlbFlushPending.load(mm) > 0;
    yield* record(cpu, mm, changing ? ((old | PTE_RW) as PteLo) : old);
  };
}

/**
 * Fork write-protects entries under the PTL, one table after another, and flushes at its end; of all who do that it alone says
 * nothing.
 */
export const FORK_TELLS: Pick<Kernel, 'dupMmap'> = {
  *dupMmap(cpu, child, parent) {
    yield* cpu.kernel.incTlbFlushPending(cpu, parent);
    const error = yield* MAINLINE.dupMmap(cpu, child, parent);
    yield* cpu.kernel.decTlbFlushPending(cpu, parent);
    return error;
  },
};

/**
 * An entry of an address space that only this CPU uses is flushed at once and joins no batch. It counts all the same: writable
 * before, it is writable behind a migration, and a store through it meets no flush point.
 */
export function atOnceCounts(
  clear: Kernel['ptepClearFlush'],
  canLuf: (cpu: Cpu) => Column<TaskId>,
): Kernel['ptepClearFlush'] {
  return function* ptepClearFlush(cpu, at, pte) {
    const old = yield* clear(cpu, at, pte);
    if (pteWrite(old)) canLuf(cpu).put(cpu.current, 0);
    return old;
  };
}

/** What MADV_FREE has given up reads as zeros once it is discarded: its content does not stay, whatever its entry says. */
export function discardCounts(canLuf: (cpu: Cpu) => Column<TaskId>): Kernel['discardLazyfree'] {
  return function* discardLazyfree(cpu, folio, place, pte, old) {
    const isGone = yield* MAINLINE.discardLazyfree(cpu, folio, place, pte, old);
    if (isGone) canLuf(cpu).put(cpu.current, 0);
    return isGone;
  };
}

/**
 * The flush at the end of a fault comes too late for a thread that stores through the new entry without a fault. So what the fault is
 * about is flushed before an entry becomes writable, with the folio or the entry locked, so that no reclaim and no migration of
 * it can add to the debt in between.
 */
export function beforeWritable(
  flush: (cpu: Cpu, vmf: VmFault) => Path<void>,
): Pick<Kernel, 'finishFault' | 'ptepSetAccessFlags' | 'mapSwapFolio'> {
  return {
    *finishFault(cpu, vmf, page, entry) {
      if (pteWrite(entry)) yield* flush(cpu, vmf);
      return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
    },
    *ptepSetAccessFlags(cpu, vmf, pte, old, entry) {
      if (pteWrite(entry) && !pteWrite(old)) yield* flush(cpu, vmf);
      yield* MAINLINE.ptepSetAccessFlags(cpu, vmf, pte, old, entry);
    },
    *mapSwapFolio(cpu, vmf, pte, folio) {
      if ((vmf.vmFlags & VM_WRITE) !== 0) yield* flush(cpu, vmf);
      return yield* MAINLINE.mapSwapFolio(cpu, vmf, pte, folio);
    },
  };
}

/**
 * Where the file system writes by iomap no routine of the address space is called: the flush comes once the folio is found and locked
 * there, and before it is written to.
 */
export function atIomap(flush: (cpu: Cpu, file: FileId) => Path<void>): Pick<Kernel, 'iomapWriteBegin'> {
  return {
    *iomapWriteBegin(cpu, file, index) {
      const folio = yield* MAINLINE.iomapWriteBegin(cpu, file, index);
      if (folio !== NO_PAGE) yield* flush(cpu, file);
      return folio;
    },
  };
}

/**
 * A FUSE daemon changes pages without anybody's write(2): by a notification, once the folio is locked, and by what it answers to a read
 * ahead, before that is in the page cache.
 */
export function atDaemon(
  flush: (cpu: Cpu, file: FileId) => Path<void>,
): Pick<Kernel, 'fuseCopyFolio' | 'fuseTryMoveFolio'> {
  return {
    *fuseCopyFolio(cpu, folio, word, value) {
      yield* flush(cpu, cpu.folio.mapping.load(folio) as FileId);
      yield* MAINLINE.fuseCopyFolio(cpu, folio, word, value);
    },
    *fuseTryMoveFolio(cpu, old) {
      yield* flush(cpu, cpu.folio.mapping.load(old) as FileId);
      return yield* MAINLINE.fuseTryMoveFolio(cpu, old);
    },
  };
}

/**
 * Another client's write, or another host's, is seen here once a page is read from the server or the device, or must be once open or
 * lock has returned: there it is flushed, whether or not a page of the file is cached.
 */
export function atServer(
  flush: (cpu: Cpu, file: FileId) => Path<void>,
): Pick<Kernel, 'filemapReadFolio' | 'nfsRevalidateMapping'> {
  return {
    *filemapReadFolio(cpu, file, index, folio) {
      if (isShared(cpu, file)) yield* flush(cpu, file);
      yield* MAINLINE.filemapReadFolio(cpu, file, index, folio);
    },
    *nfsRevalidateMapping(cpu, file) {
      const result = yield* MAINLINE.nfsRevalidateMapping(cpu, file);
      yield* flush(cpu, file);
      return result;
    },
  };
}
