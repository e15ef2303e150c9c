/**
 * Linux: mm/compaction.c isolate_freepages(), compaction_alloc() and compaction_free(): the upper scanner takes free frames off the
 * zone, which nobody owns until a folio moves there, or until they are given back.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_KERNEL, OWNER_USER } from '../observer.ts';
import { type CompactControl, pageblockEnd, pageblockStart } from './compaction.ts';
import { NO_PAGE } from './page-alloc.ts';

export const FREE_LOOK = point('isolateFreepagesBlock: does anybody hold the frame?');
export const TAKEN_BACK = point('compactionFree: frame not needed, reference to be dropped');

/**
 * Linux: compaction_alloc(): a frame for a folio that moves, with one reference; NO_PAGE if there is none above the other
 * scanner.
 */
export function* compactionAlloc(cpu: Cpu, cc: CompactControl): Path<Pfn> {
  // the batch ends with the first folio for which there is none
  if (cc.outOfFrames) return NO_PAGE;
  if (cc.freepages.length === 0) yield* cpu.kernel.isolateFreepages(cpu, cc);
  const dst = cc.freepages.shift();
  if (dst === undefined) {
    cc.outOfFrames = true;
    return NO_PAGE;
  }
  yield* cpu.kernel.postAllocHook(cpu, dst, OWNER_USER);
  cc.nrMigratepages--;
  return dst;
}

/**
 * Linux: compaction_free(): the frame is kept for the next folio, unless somebody else has got a reference: it is theirs to
 * free then.
 */
export function* compactionFree(cpu: Cpu, cc: CompactControl, dst: Pfn): Path<void> {
  const { refcount } = cpu.folio;
  if (cpu.at(TAKEN_BACK, refcount.at(dst))) yield;
  const former = refcount.add(dst, -1);
  if (former <= 0) cpu.bug(`folio 0x${dst.toString(16)} put with refcount ${former}`);
  if (former === 1) {
    yield* cpu.kernel.freePagesPrepare(cpu, dst);
    cpu.observer?.frameFreed(cpu, dst);
    cc.freepages.unshift(dst);
  }
  cc.nrMigratepages++;
}

/**
 * Linux: isolate_freepages(): as many frames as folios wait for one, from pageblocks above the other scanner, the highest first. It
 * goes on in a pageblock that it has not looked through; every frame is looked at, in asynchronous mode, too.
 */
export function* isolateFreepages(cpu: Cpu, cc: CompactControl): Path<void> {
  const low = pageblockEnd(cpu, cc.migratePfn);
  let looksOn = true;
  while (looksOn && cc.freePfn >= low && cc.freepages.length < cc.nrMigratepages) {
    const end = Math.min(pageblockEnd(cpu, cc.freePfn), cc.end);
    const next = yield* cpu.kernel.isolateFreepagesBlock(cpu, cc, cc.freePfn, end);
    looksOn = next >= end;
    cc.freePfn = looksOn ? pageblockStart(cpu, pageblockStart(cpu, cc.freePfn) - 1) : next;
  }
}

/**
 * Linux: isolate_freepages_block(): the free frames of [pfn, end) leave the zone, until there are enough; the first frame not looked
 * at. The lock is taken at the first frame that seems to be free. The look before that is restated: at the references.
 */
export function* isolateFreepagesBlock(cpu: Cpu, cc: CompactControl, pfn: number, end: number): Path<number> {
  const { kernel } = cpu;
  const lock = cpu.zone.lock.at(cc.node);
  let locked = false;
  let at = pfn as Pfn;
  while (at < end && cc.freepages.length < cc.nrMigratepages) {
    if (!locked) {
      if (cpu.at(FREE_LOOK, cpu.folio.refcount.at(at))) yield;
      if (cpu.folio.refcount.load(at) === 0) {
        yield* kernel.spinLockIrqsave(cpu, lock);
        locked = true;
      }
    }
    if (locked && (yield* kernel.pageBuddy(cpu, cc.node, at))) {
      if (!(yield* kernel.isolateFreePage(cpu, cc.node, at))) break;
      cc.freepages.push(at);
    }
    at++;
  }
  if (locked) yield* kernel.spinUnlockIrqrestore(cpu, lock);
  return at;
}

/** Linux: release_free_list(): what is left is allocated, and freed like any other frame. */
export function* releaseFreeList(cpu: Cpu, cc: CompactControl): Path<void> {
  for (const pfn of cc.freepages.splice(0)) {
    yield* cpu.kernel.postAllocHook(cpu, pfn, OWNER_KERNEL);
    yield* cpu.kernel.freePage(cpu, pfn);
  }
}
