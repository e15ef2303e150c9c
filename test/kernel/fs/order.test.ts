/** The order of events in the paths of files (event-order anchors), read off the labels of a solo run. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { type FileId, MAP_FIXED, MIGRATE_ASYNC, MIGRATE_SYNC, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { load, RW, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;

type Handle = Parameters<Body>[0];

/** Two pages of the file in the cache, mapped shared; `use` touches each. */
function mapped(use: (cpu: Handle, page: number, value: number) => Path<unknown>): Body {
  return function* (cpu) {
    yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 1);
    yield* cpu.kernel.sysFsync(cpu, FILE);
    yield* cpu.kernel.sysMmap(cpu, P, 2, RW | VM_SHARED, MAP_FIXED, FILE, 0);
    for (const page of [P, P + 1]) yield* use(cpu, page, 1);
  };
}

/** How often a label occurs. */
function times(labels: readonly string[], label: string): number {
  return labels.filter((l) => l.startsWith(label)).length;
}

describe('event order of files', () => {
  it('reclaim of clean pages: unmap each, take it out of the cache, unlock it; one flush; free', () => {
    const labels = labelsOf(mapped(load), (cpu) => cpu.kernel.reclaimPages(cpu, FILE, 0, 2));
    const folio = [
      'folioTrylock',
      'downRead',
      'pteOffsetMapLock: PTL taken',
      'tryToUnmapOne: entry found, to be cleared',
      'archTlbbatchAddPending: generation raised',
      'setTlbUbcFlushPending: flush owed',
      'tryToUnmapOne: entry cleared, mapping',
      'spinUnlock',
      'upRead',
      'removeMapping: xa_lock held',
      'filemapRemoveFolio: slot to be emptied',
      'folioUnlock',
    ];
    inOrder(labels, [...folio, ...folio, 'smpCallFunctionMany: waits', 'freeUnrefPage', 'freeUnrefPage']);
    const flush = labels.findIndex((l) => l.startsWith('smpCallFunctionMany'));
    expect(labels.slice(0, flush).some((l) => l.startsWith('freeUnrefPage'))).toBe(false);
    expect(times(labels, 'smpCallFunctionMany: waits')).toBe(1);
  });

  it('reclaim of a page that somebody else holds: unmapped, kept, and put back only after the flush', () => {
    const body: Body = function* (cpu) {
      yield* mapped(load)(cpu);
      yield* cpu.kernel.filemapGetFolio(cpu, FILE, 0);
    };
    const labels = labelsOf(body, (cpu) => cpu.kernel.reclaimPages(cpu, FILE, 0, 1));
    inOrder(labels, [
      'tryToUnmapOne: entry found, to be cleared',
      'removeMapping: xa_lock held',
      'folioUnlock',
      'smpCallFunctionMany: waits',
      'folioAddLru',
      'folioPut',
    ]);
    expect(times(labels, 'freeUnrefPage')).toBe(0);
  });

  it('reclaim of a dirty page: flush before it is made clean and written, removed after it is written', () => {
    const labels = labelsOf(mapped(store), (cpu) => cpu.kernel.reclaimPages(cpu, FILE, 0, 1));
    inOrder(labels, [
      'tryToUnmapOne: entry found, to be cleared',
      'folioMarkDirty',
      'tryToUnmapOne: entry cleared, mapping',
      'folioTestDirty',
      'smpCallFunctionMany: waits',
      'pageout: dirty, does anybody',
      'folioClearDirtyForIo: mappings clean',
      'writeFolio: clean, writeback',
      'folioUnlock',
      'writeFolio: next word',
      'writeFolio: written',
      'folioTrylock',
      'removeMapping: xa_lock held',
      'filemapRemoveFolio: slot',
      'folioUnlock',
      'freeUnrefPage',
    ]);
  });

  it('asynchronous migration: unmap the list, one flush, then copy, slot, entries, unlock, put each', () => {
    const labels = labelsOf(mapped(load), (cpu) => cpu.kernel.migrateRange(cpu, FILE, 0, 2, MIGRATE_ASYNC));
    const unmap = [
      'folioTrylock',
      'folioTrylock',
      'tryToMigrateOne: entry cleared',
      'tryToMigrateOne: migration entry set',
    ];
    const move = [
      'migrateFolio: does anybody else',
      'copyPage',
      'folioMigrateMapping: copied',
      'folioMigrateMapping: slot to be given',
      'removeMigrationPte: counted',
      'folioUnlock',
      'folioUnlock',
      'folioPut',
      'folioPut',
    ];
    inOrder(labels, [...unmap, ...unmap, 'smpCallFunctionMany: waits', ...move, ...move]);
    const flush = labels.findIndex((l) => l.startsWith('smpCallFunctionMany'));
    expect(labels.slice(0, flush).some((l) => l.startsWith('copyPage'))).toBe(false);
  });

  it('synchronous migration flushes each entry under the PTL', () => {
    const labels = labelsOf(mapped(load), (cpu) => cpu.kernel.migrateRange(cpu, FILE, 0, 2, MIGRATE_SYNC));
    inOrder(labels, [
      'ptepClearFlush',
      'smpCallFunctionMany: waits',
      'tryToMigrateOne: entry cleared',
      'spinUnlock',
      'ptepClearFlush',
      'smpCallFunctionMany: waits',
      'copyPage',
    ]);
  });

  it('buffered write: folio found and locked, filled from disk, copied into, dirty, unlocked; then file_end_write', () => {
    const labels = labelsOf(
      function* (cpu) {
        yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 1);
        yield* cpu.kernel.reclaimPages(cpu, FILE, 0, 1);
      },
      (cpu) => cpu.kernel.sysWrite(cpu, FILE, 0, 1, 2),
    );
    inOrder(labels, [
      'downWrite',
      'filemapGetFolio: slot',
      'filemapAddFolio: slot to be filled',
      'filemapReadFolio: next word',
      'genericPerformWrite: folio locked',
      'writeEnd: copied',
      'folioMarkDirty',
      'folioUnlock',
      'upWrite',
    ]);
  });

  it('fsync: entries read-only and clean, each flushed, before the words are taken', () => {
    const labels = labelsOf(mapped(store), (cpu) => cpu.kernel.sysFsync(cpu, FILE));
    inOrder(labels, [
      'folioLock',
      'pageMkcleanOne: entry found',
      'ptepClearFlush',
      'smpCallFunctionMany: waits',
      'pageMkcleanOne: entry cleared and flushed',
      'folioClearDirtyForIo: mappings clean',
      'writeFolio: next word',
    ]);
  });

  it('msync: mmap_lock is dropped before the file is written, and not taken again behind the last mapping', () => {
    const labels = labelsOf(mapped(store), (cpu) => cpu.kernel.sysMsync(cpu, P, 2));
    inOrder(labels, ['downRead', 'upRead', 'vfsFsyncRange', 'folioLock', 'ptepClearFlush', 'writeFolio: next word']);
    const written = labels.findLastIndex((l) => l.startsWith('writeFolio: next word'));
    expect(labels.slice(written).filter((l) => l.startsWith('downRead'))).toEqual([]);
  });

  it('munmap of dirty shared pages: flush under the PTL, only then is the mapping uncounted', () => {
    const labels = labelsOf(mapped(store), (cpu) => cpu.kernel.sysMunmap(cpu, P, 2));
    inOrder(labels, [
      'zapPte: present pte found',
      'folioMarkDirty',
      'smpCallFunctionMany: waits',
      'tlbFlushRmaps: dirty page flushed',
      'spinUnlock',
    ]);
  });

  it('a store to a shared page that was read: the file system hears of it before the entry is writable', () => {
    const labels = labelsOf(mapped(load), (cpu) => store(cpu, P, 3));
    inOrder(labels, [
      'handlePteFault: PTL taken',
      'spinUnlock',
      'folioLock',
      'folioMarkDirty',
      'finishMkwriteFault: folio dirty',
      'ptepSetAccessFlags',
      'folioUnlock',
    ]);
  });

  it('truncate: length, mappings, page cache, mappings again, blocks', () => {
    const labels = labelsOf(mapped(load), (cpu) => cpu.kernel.sysTruncate(cpu, FILE, 0));
    inOrder(labels, [
      'downWrite',
      'downWrite',
      'truncateSetsize',
      'zapPte: present pte found',
      'smpCallFunctionMany: waits',
      'filemapRemoveFolio',
      'vmaIntervalTreeForeach',
      'freeBlocks: pages gone',
      'upWrite',
    ]);
  });
});
