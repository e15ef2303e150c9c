/** Content that changes past the page cache: direct I/O, block devices, holes, dropped caches; and the order of events there. */
import { describe, expect, it } from 'vitest';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { ENODATA, ENOSPC, type FileId, MAP_FIXED, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body, DriverOptions } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, load, R, RW, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const SIZE = 2;

type Handle = Parameters<Body>[0];

const DEVICE: Partial<DriverOptions> = { files: [SIZE], blockdev: [FILE] };

/** What `body` returns, behind a file of two pages that is cached and clean. */
function run<T>(body: (cpu: Handle) => Path<T>, options: Partial<DriverOptions> = {}): T {
  let is: T | undefined;
  const driver = alone(function* (cpu) {
    yield* cached(cpu);
    is = yield* body(cpu);
  }, options);
  expect(driver.allDone()).toBe(true);
  return is as T;
}

function* cached(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysWrite(cpu, FILE, SIZE - 1, 0, 1);
  yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 1);
  yield* cpu.kernel.sysFsync(cpu, FILE);
}
function* map(cpu: Handle, flags: number): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P, SIZE, flags, MAP_FIXED, FILE, 0);
}
function* read(cpu: Handle, index: number, direct = false): Path<number> {
  const error = yield* cpu.kernel.sysRead(cpu, FILE, index, 0, direct);
  return error < 0 ? error : cpu.loaded;
}
function* writeDirect(cpu: Handle, index: number, value: number): Path<number> {
  return yield* cpu.kernel.sysWrite(cpu, FILE, index, 0, value, true);
}

function slotOf(cpu: Handle, index: number): number {
  return cpu.pageCache.slot.peek(filePage(cpu, FILE, index));
}
function onDisk(cpu: Handle, index: number): number {
  return cpu.disk.words.peek(filePage(cpu, FILE, index));
}

describe('direct I/O', () => {
  it.each([{}, DEVICE])(
    'changes the disk, drops the page and its mappings, and leaves the other page alone: %j',
    (options) => {
      const is = run(function* (cpu) {
        yield* map(cpu, R | VM_SHARED);
        yield* load(cpu, P);
        yield* load(cpu, P + 1);
        expect(yield* writeDirect(cpu, 0, 5)).toBe(0);
        expect([onDisk(cpu, 0), slotOf(cpu, 0), slotOf(cpu, 1) > 0]).toEqual([5, 0, true]);
        return [yield* load(cpu, P), yield* load(cpu, P + 1), yield* read(cpu, 0), yield* read(cpu, 0, true)];
      }, options);
      expect(is).toEqual([5, 1, 5, 5]);
    },
  );

  it('reads what was stored through a mapping, because that is written back first', () => {
    const is = run(function* (cpu) {
      yield* map(cpu, RW | VM_SHARED);
      yield* store(cpu, P, 7);
      return [yield* read(cpu, 0, true), onDisk(cpu, 0), yield* read(cpu, SIZE, true)];
    });
    expect(is).toEqual([7, 7, ENODATA]);
  });

  it('goes through the page cache if the page stays dirty, writes it back and drops it if it can', () => {
    let stored = false;
    const is = run(
      function* (cpu) {
        yield* map(cpu, RW | VM_SHARED);
        yield* load(cpu, P);
        const error = yield* cpu.kernel.sysWrite(cpu, FILE, 0, 1, 6, true);
        const row = filePage(cpu, FILE, 0);
        return [error, cpu.disk.words.peek(row, 0), cpu.disk.words.peek(row, 1), yield* load(cpu, P)];
      },
      {
        routines: {
          *invalidateInodePages2(cpu, file, first, end) {
            if (!stored) yield* store(cpu, P, 3);
            stored = true;
            return yield* MAINLINE.invalidateInodePages2(cpu, file, first, end);
          },
          *inodeDioBegin(cpu) {
            cpu.bug('went to the device');
          },
        },
      },
    );
    expect(is).toEqual([0, 3, 6, 3]);
  });

  it('is warned of, and no more, if a store makes the page dirty behind the first invalidation', () => {
    const is = run(
      function* (cpu) {
        yield* map(cpu, RW | VM_SHARED);
        const error = yield* writeDirect(cpu, 0, 6);
        return [error, onDisk(cpu, 0), yield* load(cpu, P)];
      },
      {
        routines: {
          *inodeDioBegin(cpu) {
            yield* store(cpu, P, 3);
          },
          *inodeDioEnd() {},
        },
      },
    );
    expect(is).toEqual([0, 6, 3]);
  });

  it('makes a file longer, but no block device', () => {
    const longer = run(function* (cpu) {
      return [yield* writeDirect(cpu, SIZE, 5), yield* read(cpu, SIZE)];
    });
    expect(longer).toEqual([0, 5]);
    const device = run(function* (cpu) {
      return [
        yield* writeDirect(cpu, SIZE, 5),
        yield* cpu.kernel.sysWrite(cpu, FILE, SIZE, 0, 5),
        yield* read(cpu, SIZE),
      ];
    }, DEVICE);
    expect(device).toEqual([ENOSPC, ENOSPC, ENODATA]);
  });
});

describe('a hole', () => {
  it('reads as zero through shared mappings and by read(2), on disk too; private copies and other pages stay', () => {
    const is = run(function* (cpu) {
      yield* map(cpu, RW);
      yield* store(cpu, P, 7);
      yield* load(cpu, P + 1);
      expect(yield* cpu.kernel.sysPunchHole(cpu, FILE, 0, 1)).toBe(0);
      expect([slotOf(cpu, 0), slotOf(cpu, 1) > 0, onDisk(cpu, 0), onDisk(cpu, 1)]).toEqual([0, true, 0, 1]);
      return [yield* load(cpu, P), yield* load(cpu, P + 1), yield* read(cpu, 0)];
    });
    expect(is).toEqual([7, 1, 0]);
  });

  it('keeps the length, and ends with the file', () => {
    run(function* (cpu) {
      yield* cpu.kernel.sysPunchHole(cpu, FILE, 1, 3);
      expect([cpu.inode.iSize.peek(FILE), yield* read(cpu, 0), yield* read(cpu, 1)]).toEqual([SIZE, 1, 0]);
    });
  });
});

describe('a dropped cache', () => {
  it("loses what is clean and in nobody's use; what is mapped or held stays", () => {
    run(function* (cpu) {
      yield* map(cpu, R | VM_SHARED);
      yield* load(cpu, P);
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 4);
      yield* cpu.kernel.sysFadviseDontneed(cpu, FILE);
      expect([slotOf(cpu, 0) > 0, slotOf(cpu, 1) > 0, onDisk(cpu, 1)]).toEqual([true, false, 4]);
      const held: Pfn = yield* cpu.kernel.filemapGetFolio(cpu, FILE, 0);
      yield* cpu.kernel.sysMunmap(cpu, P, SIZE);
      yield* cpu.kernel.sysFadviseDontneed(cpu, FILE);
      expect(slotOf(cpu, 0)).toBe(held);
      yield* cpu.kernel.folioPut(cpu, held);
      yield* cpu.kernel.sysFadviseDontneed(cpu, FILE);
      expect([slotOf(cpu, 0) > 0, cpu.folio.refcount.peek(held), yield* read(cpu, 0)]).toEqual([false, 0, 1]);
    });
  });

  it('shows what another host has written to a block device, and nothing before', () => {
    const is = run(function* (cpu) {
      yield* cpu.kernel.nvmetBdevExecuteRw(cpu, FILE, 0, 0, 5);
      const before = yield* read(cpu, 0);
      yield* cpu.kernel.sysFadviseDontneed(cpu, FILE);
      return [before, yield* read(cpu, 0)];
    }, DEVICE);
    expect(is).toEqual([1, 5]);
  });
});

describe('event order past the page cache', () => {
  const use: (touch: (cpu: Handle) => Path<unknown>) => Body = (touch) =>
    function* (cpu) {
      yield* cached(cpu);
      yield* map(cpu, RW | VM_SHARED);
      yield* touch(cpu);
    };
  const drop = [
    'zapPte: present pte found',
    'smpCallFunctionMany: waits',
    'folioLock',
    'filemapRemoveFolio: slot',
    'folioUnlock',
  ];

  it('direct read: written back, then read from the device', () => {
    const labels = labelsOf(
      use((cpu) => store(cpu, P, 3)),
      (cpu) => cpu.kernel.sysRead(cpu, FILE, 0, 0, true),
    );
    inOrder(labels, [
      'pageMkcleanOne: entry found',
      'writeFolio: next word',
      'writeFolio: written',
      'directIo: written back',
    ]);
    expect(labels.filter((l) => l.startsWith('filemapRead: folio up to date'))).toEqual([]);
  });

  it('direct write: written back, dropped with its mappings, written, dropped once more, file longer, file_end_write', () => {
    const labels = labelsOf(
      use((cpu) => store(cpu, P, 3)),
      (cpu) => cpu.kernel.sysWrite(cpu, FILE, 0, 0, 5, true),
    );
    inOrder(labels, [
      'downWrite',
      'writeFolio: next word',
      'writeFolio: written',
      ...drop,
      'inodeDioBegin',
      'directIo: page dropped',
      'inodeDioEnd',
      'filemapGetFolio',
      'genericFileDirectWrite: written, does',
      'upWrite',
    ]);
  });

  it('direct write to a block device: no lock, no count, no length', () => {
    const labels = labelsOf(
      use((cpu) => load(cpu, P)),
      (cpu) => cpu.kernel.sysWrite(cpu, FILE, 0, 0, 5, true),
      DEVICE,
    );
    inOrder(labels, ['blkdevWriteIter', ...drop, 'directIo: page dropped', 'filemapGetFolio']);
    expect(labels.filter((l) => /^(downWrite|upWrite|inodeDio|genericFileDirectWrite)/.test(l))).toEqual([]);
  });

  it.each([
    ['a file', { iomap: [FILE] }, 'downWrite', 'upWrite'],
    ['a block device', DEVICE, 'downRead', 'upRead'],
  ])('buffered write by iomap to %s: as by write_begin, which is not called', (_, kind, lock, unlock) => {
    const before: Body = function* (cpu) {
      yield* cached(cpu);
      yield* cpu.kernel.reclaimPages(cpu, FILE, 0, 1);
    };
    const write = (cpu: Handle): Path<unknown> => cpu.kernel.sysWrite(cpu, FILE, 0, 1, 2);
    const labels = labelsOf(before, write, kind);
    inOrder(labels, [
      lock,
      'filemapAddFolio: slot to be filled',
      'filemapReadFolio: next word',
      'genericPerformWrite: folio locked',
      'writeEnd: copied',
      'folioMarkDirty',
      'folioUnlock',
      unlock,
    ]);
  });

  it('hole: mappings, page cache page by page, blocks', () => {
    const labels = labelsOf(
      use((cpu) => load(cpu, P)),
      (cpu) => cpu.kernel.sysPunchHole(cpu, FILE, 0, 1),
    );
    inOrder(labels, [
      'downWrite',
      'downWrite',
      'sysPunchHole',
      'zapPte: present pte found',
      'smpCallFunctionMany: waits',
      'folioLock',
      'filemapRemoveFolio',
      'folioUnlock',
      'freeBlocks: pages gone',
      'upWrite',
      'upWrite',
    ]);
    const gone = labels.findIndex((l) => l.startsWith('filemapRemoveFolio'));
    expect(labels.slice(gone).filter((l) => l.startsWith('vmaIntervalTreeForeach'))).toEqual([]);
  });

  it('dropped cache: folio locked if it is free, clean, held by nobody, frozen, out of the cache, unlocked, put', () => {
    const labels = labelsOf(cached, (cpu) => cpu.kernel.sysFadviseDontneed(cpu, FILE));
    inOrder(labels, [
      'folioTrylock',
      'mappingEvictFolio: folio locked',
      'mappingEvictFolio: clean',
      'removeMapping: xa_lock held',
      'filemapRemoveFolio: slot',
      'removeMappingThaw',
      'folioUnlock',
      'folioPut',
      'freeUnrefPage',
    ]);
  });
});

describe('the routes of write(2)', () => {
  /** Which of the two begins it passes, and whether the write ended as one of a file. */
  function route(options: Partial<DriverOptions>): string[] {
    const passed: string[] = [];
    run(
      function* (cpu) {
        passed.splice(0);
        yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 2);
      },
      {
        ...options,
        routines: {
          *mappingWriteBegin(cpu, file, index) {
            passed.push('mapping_write_begin');
            return yield* MAINLINE.mappingWriteBegin(cpu, file, index);
          },
          *iomapWriteBegin(cpu, file, index) {
            passed.push('iomap_write_begin');
            return yield* MAINLINE.iomapWriteBegin(cpu, file, index);
          },
        },
      },
    );
    return passed;
  }

  it.each([
    [{}, 'mapping_write_begin'],
    [{ iomap: [FILE] }, 'iomap_write_begin'],
    [DEVICE, 'iomap_write_begin'],
  ])('%j: %s', (options, begin) => {
    expect(route(options)).toEqual([begin]);
  });
});
