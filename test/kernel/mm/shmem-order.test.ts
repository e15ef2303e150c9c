/** The order of events where pages of memory files are created, go to swap, come back and are discarded, read off the labels of a solo run. */
import { describe, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { type FileId, MAP_FIXED, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { load, RW, store } from './task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const MACHINE = { override: { swapSlots: 4 }, memory: [FILE] };

type Handle = Parameters<Body>[0];

function* mapped(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysTruncate(cpu, FILE, 1);
  yield* cpu.kernel.sysMmap(cpu, P, 1, RW | VM_SHARED, MAP_FIXED, FILE, 0);
}
function* stored(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* store(cpu, P, 5);
}
function* swappedOut(cpu: Handle): Path<void> {
  yield* stored(cpu);
  yield* reclaim(cpu);
}
const reclaim = (cpu: Handle) => cpu.kernel.reclaimPages(cpu, FILE, 0, 1);

describe('event order of memory files', () => {
  it('a store to a hole: length, slot, folio into the cache, zeroed, length again; entry set, then dirty, unlocked', () => {
    inOrder(
      labelsOf(mapped, (cpu) => store(cpu, P, 5), MACHINE),
      [
        'shmemGetFolio: is the page within',
        'filemapGetFolio: slot of the page cache',
        'filemapAddFolio: new folio, to be locked',
        'filemapAddFolio: slot to be filled',
        'clearPage',
        'shmemGetFolio: new folio zeroed',
        'shmemGetFolio: new folio up to date, is the page still',
        'finishFault: folio ready',
        'finishFault: counted, pte to be set',
        'folioMarkDirty',
        'folioUnlock',
      ],
    );
  });

  it('reclaim: unmapped, the entry is none; flush before it leaves; slot, page cache, writeback; out of the swap cache, freed', () => {
    inOrder(labelsOf(stored, reclaim, MACHINE), [
      'folioTrylock',
      'pageVmaMappedWalk: PTL taken',
      'tryToUnmapOne: entry found, to be cleared',
      'archTlbbatchAddPending: generation raised',
      'folioMarkDirty',
      'tryToUnmapOne: entry cleared, mapping',
      'folioTestDirty',
      'smpCallFunctionMany: waits',
      'pageout: dirty, does anybody',
      'folioClearDirtyForIo: mappings clean',
      'swapCacheAddFolio: cluster locked, reference',
      'swapCacheAddFolio: marked, slot of the swap cache',
      'filemapRemoveFolio: slot to be emptied',
      'folioPut',
      'folioFreeSwap: folio locked',
      'writeFolio: clean, writeback',
      'folioUnlock',
      'writeFolio: next word',
      'writeFolio: written',
      'folioTrylock',
      'removeMapping: xa_lock held',
      'swapCacheDelFolio: slot of the swap cache',
      'folioUnlock',
    ]);
  });

  it('a store to a read-only entry: writable under the PTL, for no page_mkwrite waits; then the folio locked, dirty, unlocked', () => {
    const cleared = function* (cpu: Handle): Path<void> {
      yield* stored(cpu);
      yield* cpu.kernel.clearRefsWrite(cpu);
    };
    inOrder(
      labelsOf(cleared, (cpu) => store(cpu, P, 7), MACHINE),
      [
        'handlePteFault: PTL taken',
        'folioGet',
        'ptepSetAccessFlags: entry to be widened',
        'spinUnlock',
        'folioLock',
        'folioMarkDirty',
        'folioUnlock',
        'folioPut',
      ],
    );
  });

  it('swap-in: read into the swap cache, locked, confirmed, into the page cache; only then out of the swap cache, dirty, slot free', () => {
    inOrder(
      labelsOf(swappedOut, (cpu) => load(cpu, P), MACHINE),
      [
        'filemapGetFolio: slot of the page cache',
        'swapCacheGetFolio: slot of the swap cache',
        'readSwapCacheAsync: new folio',
        'swapCacheAddFolio: marked, slot of the swap cache',
        'swapReadFolio: read from swap',
        'folioUnlock',
        'folioLock: folio lock wanted',
        'shmemConfirmSwap',
        'folioWaitWriteback',
        'shmemAddToPageCache: xa_lock held',
        'filemapAddFolio: slot empty, reference of the cache',
        'filemapAddFolio: slot to be filled',
        'swapCacheDelFolio: slot of the swap cache',
        'swapCacheDelFolio: slot emptied',
        'shmemSwapinFolio: in the page cache, reference',
        'folioMarkDirty',
        'finishFault: folio ready',
      ],
    );
  });

  it('truncation: length, mappings, swap entry out of the page cache, its slot freed, mappings once more', () => {
    inOrder(
      labelsOf(swappedOut, (cpu) => cpu.kernel.sysTruncate(cpu, FILE, 0), MACHINE),
      [
        'downWrite',
        'shmemSetattr: length to be changed',
        'vmaIntervalTreeForeach',
        'filemapGetFolio: slot of the page cache',
        'shmemFreeSwap: xa_lock held',
        'shmemFreeSwap: swap entry to be taken out',
        'spinUnlock',
        'spinLock',
        'vmaIntervalTreeForeach',
        'upWrite',
      ],
    );
  });

  it('write(2) to a hole: folio locked and copied into; the length, then the other words, up to date, dirty, unlocked', () => {
    inOrder(
      labelsOf(mapped, (cpu) => cpu.kernel.sysWrite(cpu, FILE, 1, 0, 5), MACHINE),
      [
        'downWrite',
        'filemapAddFolio: new folio, to be locked',
        'genericPerformWrite: folio locked',
        'shmemWriteEnd: copied, does the file become longer',
        'shmemWriteEnd: file becomes longer',
        'shmemWriteEnd: copied, was the folio up to date',
        'shmemWriteEnd: new folio, next word',
        'shmemWriteEnd: new folio complete',
        'folioMarkDirty',
        'folioUnlock',
        'folioPut',
        'upWrite',
      ],
    );
  });
});
