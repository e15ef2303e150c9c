/** The order of events where anonymous folios are reclaimed, come back and move, read off the labels of a solo run. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import {
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  type TaskId,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { load, RW, store } from './task.js';

const P = 8 as Vpn;
const SWAP = { override: { swapSlots: 4 } };

type Handle = Parameters<Body>[0];

/** Two anonymous pages that were stored to. */
function* mapped(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P, 2, RW, MAP_FIXED);
  for (const page of [P, P + 1]) yield* store(cpu, page, page);
}
function* swappedOut(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* reclaim(cpu, 2);
}
function* freed(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* cpu.kernel.sysMadvise(cpu, P, 2, MADV_FREE);
}
/** Swapped out and loaded again: clean, and still in the swap cache. */
function* backAgain(cpu: Handle): Path<void> {
  yield* swappedOut(cpu);
  for (const page of [P, P + 1]) yield* load(cpu, page);
}
const reclaim = (cpu: Handle, pages = 1) => cpu.kernel.reclaimMmRange(cpu, cpu.current, P, pages);
const migrate = (mode: typeof MIGRATE_ASYNC | typeof MIGRATE_SYNC) => (cpu: Handle) =>
  cpu.kernel.migrateMmRange(cpu, cpu.current, P, 2, mode);

const times = (labels: readonly string[], label: string): number => labels.filter((l) => l.startsWith(label)).length;

describe('event order of swap', () => {
  it('reclaim of a dirty page: slot, unmap, swap entry; flush before it is written; out of the cache, unlocked, freed', () => {
    inOrder(
      labelsOf(mapped, (cpu) => reclaim(cpu), SWAP),
      [
        'folioTrylock',
        'swapCacheAddFolio: reference taken',
        'swapCacheAddFolio: marked, slot of the swap cache',
        'folioMarkDirty',
        'downRead',
        'pageVmaMappedWalk: PTL taken',
        'pageAnonExclusive',
        'tryToUnmapOne: entry found, to be cleared',
        'archTlbbatchAddPending: generation raised',
        'folioMarkDirty',
        'spinLock',
        'folioTryShareAnonRmapPte',
        'tryToUnmapOne: entry cleared, slot counted, swap entry to be set',
        'tryToUnmapOne: entry cleared, mapping',
        'folioPut',
        'spinUnlock',
        'upRead',
        'folioTestDirty',
        'smpCallFunctionMany: waits',
        'pageout: dirty, does anybody',
        'folioClearDirtyForIo: mappings clean',
        'folioFreeSwap: folio locked',
        'writeFolio: clean, writeback',
        'folioUnlock',
        'writeFolio: next word',
        'writeFolio: written',
        'folioTrylock',
        'removeMapping: xa_lock held',
        'folioTestDirty',
        'swapCacheDelFolio: slot of the swap cache',
        'folioUnlock',
        'freeUnrefPage',
      ],
    );
  });

  it('reclaim of pages that are clean in the swap cache: no write, one flush behind both, then free', () => {
    const labels = labelsOf(backAgain, (cpu) => reclaim(cpu, 2), SWAP);
    const one = ['folioTrylock', 'tryToUnmapOne: entry found', 'removeMapping: xa_lock held', 'folioUnlock'];
    inOrder(labels, [...one, ...one, 'smpCallFunctionMany: waits', 'freeUnrefPage', 'freeUnrefPage']);
    expect(times(labels, 'writeFolio')).toBe(0);
    expect(times(labels, 'smpCallFunctionMany: waits')).toBe(1);
  });

  it('a fault at a swap entry: cache, read, folio lock, PTL, entry again; slot given up, counted, set', () => {
    inOrder(
      labelsOf(swappedOut, (cpu) => load(cpu, P), SWAP),
      [
        'handlePteFault: pte to be read',
        'swapCacheGetFolio',
        'allocPage',
        'readSwapCacheAsync: new folio, to be locked',
        'swapCacheAddFolio: marked, slot',
        'folioAddLru',
        'filemapReadFolio: next word',
        'swapReadFolio: read from swap',
        'folioUnlock',
        'folioLock',
        'pteOffsetMapLock: PTL taken',
        'doSwapPage: folio locked, PTL taken, pte to be rechecked',
        'spinLock',
        'folioAddNewAnonRmap',
        'doSwapPage: mapping counted, pte to be set',
        'folioUnlock',
        'spinUnlock',
      ],
    );
  });

  it('a store at a swap entry takes the folio out of the swap cache before the entry is set', () => {
    inOrder(
      labelsOf(swappedOut, (cpu) => store(cpu, P, 7), SWAP),
      [
        'doSwapPage: folio locked, PTL taken, pte to be rechecked',
        'doSwapPage: store, does only the swap cache',
        'swapCacheDelFolio: slot of the swap cache',
        'folioFreeSwap: out of the swap cache',
        'folioMarkDirty',
        'doSwapPage: mapping counted, pte to be set',
      ],
    );
  });

  it('DONTNEED of a swap entry: slot given up, then the entry cleared', () => {
    const labels = labelsOf(swappedOut, (cpu) => cpu.kernel.sysMadvise(cpu, P, 1, MADV_DONTNEED), SWAP);
    inOrder(labels, ['zapPte: next pte', 'spinLock', 'zapPte: present pte found', 'spinUnlock']);
  });

  it('PAGEOUT reclaims what only this address space maps', () => {
    const labels = labelsOf(mapped, (cpu) => cpu.kernel.sysMadvise(cpu, P, 1, MADV_PAGEOUT), SWAP);
    inOrder(labels, ['pageoutPte: present pte found', 'folioIsolateLru', 'spinUnlock', 'writeFolio: next word']);
  });

  it('PAGEOUT leaves what a child maps, too', () => {
    const body: Body = function* (cpu) {
      yield* mapped(cpu);
      yield* cpu.kernel.sysFork(cpu, 4 as TaskId);
    };
    const labels = labelsOf(body, (cpu) => cpu.kernel.sysMadvise(cpu, P, 1, MADV_PAGEOUT), SWAP);
    expect(times(labels, 'pageoutPte: present pte found')).toBe(1);
    expect(times(labels, 'folioIsolateLru')).toBe(0);
  });

  it('fork counts the slot for the child before its entry exists, and takes the exclusive mark off the parent', () => {
    inOrder(
      labelsOf(swappedOut, (cpu) => cpu.kernel.sysFork(cpu, 4 as TaskId), SWAP),
      [
        'copyPte: next pte of the parent',
        'spinLock',
        'copyPte: exclusive migration or swap entry of the parent',
        'copyPte: migration or swap entry of the child',
      ],
    );
  });

  it('FREE: each entry taken away and set clean, the folio to be discarded; one flush', () => {
    const labels = labelsOf(mapped, (cpu) => cpu.kernel.sysMadvise(cpu, P, 2, MADV_FREE), SWAP);
    const one = ['madviseFreePte: young or dirty', 'madviseFreePte: pte taken away', 'folioMarkLazyfree: to be put'];
    inOrder(labels, [...one, ...one, 'spinUnlock', 'smpCallFunctionMany: waits']);
    expect(times(labels, 'smpCallFunctionMany: waits')).toBe(1);
  });

  it('reclaim of a freed page: entry cleared, references, mappings, dirty mark; no slot, no write; flush, then free', () => {
    const labels = labelsOf(freed, (cpu) => reclaim(cpu), SWAP);
    inOrder(labels, [
      'folioTrylock',
      'tryToUnmapOne: entry found, to be cleared',
      'discardLazyfree: entry cleared, who holds',
      'discardLazyfree: references read',
      'discardLazyfree: nobody else holds it',
      'tryToUnmapOne: entry cleared, mapping',
      'folioTestDirty',
      'removeLazyfree',
      'folioUnlock',
      'smpCallFunctionMany: waits',
      'freeUnrefPage',
    ]);
    expect(times(labels, 'swapCacheAddFolio') + times(labels, 'writeFolio')).toBe(0);
  });

  it('reclaim of a freed page that was stored to: the entry comes back, and the page is no longer to be discarded', () => {
    const body: Body = function* (cpu) {
      yield* freed(cpu);
      yield* store(cpu, P, 7);
    };
    const labels = labelsOf(body, (cpu) => reclaim(cpu), SWAP);
    inOrder(labels, [
      'folioMarkDirty',
      'discardLazyfree: to be kept',
      'discardLazyfree: entry to be set again',
      'discardLazyfree: entry set, written to',
      'spinUnlock',
      'folioUnlock',
      'folioAddLru',
    ]);
    expect(times(labels, 'freeUnrefPage')).toBe(0);
  });

  it('COLD only makes entries old', () => {
    const labels = labelsOf(mapped, (cpu) => cpu.kernel.sysMadvise(cpu, P, 2, MADV_COLD), SWAP);
    expect(times(labels, 'pageoutPte: young pte')).toBe(2);
    expect(times(labels, 'folioIsolateLru')).toBe(0);
  });

  it('asynchronous migration: unmap both, one flush, then copy each and bring the entries back', () => {
    const labels = labelsOf(mapped, migrate(MIGRATE_ASYNC), SWAP);
    const unmap = ['folioTryShareAnonRmapPte', 'tryToMigrateOne: migration entry set'];
    const move = [
      'copyPage',
      'folioMigrateAnonMapping: copied, does anybody',
      'folioAddAnonRmapPte: folio referenced',
      'folioAddAnonRmapPte: counted, to be marked exclusive',
      'removeMigrationPte: counted',
    ];
    inOrder(labels, [...unmap, ...unmap, 'smpCallFunctionMany: waits', ...move, ...move]);
    expect(labels.findIndex((l) => l.startsWith('copyPage'))).toBeGreaterThan(
      labels.findIndex((l) => l.startsWith('smpCallFunctionMany')),
    );
  });

  it('synchronous migration of pages in the swap cache: flushed under the PTL; the cache is told under its lock', () => {
    inOrder(labelsOf(backAgain, migrate(MIGRATE_SYNC), SWAP), [
      'ptepClearFlush',
      'smpCallFunctionMany: waits',
      'tryToMigrateOne: entry cleared',
      'copyPage',
      'spinLock',
      'folioMigrateAnonMapping: cluster locked, references to be frozen',
      'folioMigrateAnonMapping: slot to be given',
      'spinUnlock',
      'removeMigrationPte: counted',
    ]);
  });
});
