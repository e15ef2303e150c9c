/** Remote files as a client sees them: close-to-open, locks, its own writes told from those of others, what invalidation drops. */
import { describe, expect, it } from 'vitest';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { EBUSY, type FileId, MAP_FIXED, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, load, R, RW, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const Q = 16 as Vpn;
const SIZE = 2;

type Handle = Parameters<Body>[0];
type Routines = NonNullable<ConstructorParameters<typeof KernelDriver>[0]['routines']>;

/** What `body` returns, behind a file of two pages that is cached and clean. */
function run<T>(body: (cpu: Handle) => Path<T>, routines: Routines = {}): { is: T; driver: KernelDriver } {
  let is: T | undefined;
  const driver = alone(
    function* (cpu) {
      yield* cached(cpu);
      is = yield* body(cpu);
    },
    { remote: [FILE], routines },
  );
  expect(driver.allDone()).toBe(true);
  return { is: is as T, driver };
}

function* cached(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysWrite(cpu, FILE, SIZE - 1, 0, 1);
  yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 1);
  yield* cpu.kernel.sysFsync(cpu, FILE);
}
function* map(cpu: Handle, at: Vpn, flags: number): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, at, SIZE, flags, MAP_FIXED, FILE, 0);
}
function* others(cpu: Handle, index: number, value: number): Path<void> {
  yield* cpu.kernel.nfsdWrite(cpu, FILE, index, 0, value);
}
function* read(cpu: Handle, index: number): Path<number> {
  yield* cpu.kernel.sysRead(cpu, FILE, index, 0);
  return cpu.loaded;
}

function slotOf(cpu: Handle, index: number): number {
  return cpu.pageCache.slot.peek(filePage(cpu, FILE, index));
}
function atServer(cpu: Handle, index: number): number {
  return cpu.disk.words.peek(filePage(cpu, FILE, index));
}

describe('a remote file', () => {
  it('shows what others wrote behind an open or a lock, through mappings and by read(2), and not before', () => {
    for (const call of ['nfsFileOpen', 'doSetlk'] as const) {
      const { is } = run(function* (cpu) {
        yield* map(cpu, P, R | VM_SHARED);
        yield* load(cpu, P);
        yield* others(cpu, 0, 5);
        const seen = [yield* load(cpu, P), yield* read(cpu, 0)];
        expect(yield* cpu.kernel[call](cpu, FILE)).toBe(0);
        return [...seen, yield* load(cpu, P), yield* read(cpu, 0)];
      });
      expect(is).toEqual([1, 1, 5, 5]);
    }
  });

  it('keeps its page cache when it is opened and nobody else has written, this client included; a lock drops it', () => {
    run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 2);
      yield* cpu.kernel.nfsFileFlush(cpu, FILE);
      expect(atServer(cpu, 0)).toBe(2);
      yield* cpu.kernel.nfsFileOpen(cpu, FILE);
      expect(slotOf(cpu, 0)).toBeGreaterThan(0);
      yield* cpu.kernel.doSetlk(cpu, FILE);
      expect([slotOf(cpu, 0), slotOf(cpu, 1)]).toEqual([0, 0]);
    });
  });

  it('drops it if others have written between two writes of this client', () => {
    const { is } = run(function* (cpu) {
      yield* others(cpu, 1, 5);
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 2);
      yield* cpu.kernel.nfsFileFlush(cpu, FILE);
      const before = yield* read(cpu, 1);
      yield* cpu.kernel.nfsFileOpen(cpu, FILE);
      return [before, yield* read(cpu, 1), yield* read(cpu, 0)];
    });
    expect(is).toEqual([1, 5, 2]);
  });

  it('is sent what is dirty before its pages go, and at the end of a lock', () => {
    run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 2);
      yield* others(cpu, 1, 5);
      yield* cpu.kernel.nfsFileOpen(cpu, FILE);
      expect([yield* load(cpu, P), yield* load(cpu, P + 1), atServer(cpu, 0)]).toEqual([2, 5, 2]);
      yield* store(cpu, P, 3);
      yield* cpu.kernel.doUnlk(cpu, FILE);
      expect(atServer(cpu, 0)).toBe(3);
    });
  });

  it('loses no private copy of a page to an invalidation', () => {
    const { is } = run(function* (cpu) {
      yield* map(cpu, P, RW);
      yield* map(cpu, Q, R | VM_SHARED);
      yield* store(cpu, P, 7);
      yield* load(cpu, P + 1);
      yield* load(cpu, Q);
      yield* others(cpu, 0, 5);
      yield* others(cpu, 1, 6);
      yield* cpu.kernel.nfsFileOpen(cpu, FILE);
      return [yield* load(cpu, P), yield* load(cpu, P + 1), yield* load(cpu, Q)];
    });
    expect(is).toEqual([7, 6, 5]);
  });

  it('gives up a page that others hold, and lets them keep the frame', () => {
    run(function* (cpu) {
      const held: Pfn = yield* cpu.kernel.filemapGetFolio(cpu, FILE, 0);
      yield* others(cpu, 0, 5);
      yield* cpu.kernel.nfsFileOpen(cpu, FILE);
      expect(slotOf(cpu, 0)).toBe(0);
      expect(cpu.folio.refcount.peek(held)).toBe(1);
      yield* cpu.kernel.folioPut(cpu, held);
    });
  });

  it('keeps a page that stays dirty, and says so', () => {
    const { is } = run(
      function* (cpu) {
        yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 2);
        yield* others(cpu, 1, 5);
        return [yield* cpu.kernel.nfsFileOpen(cpu, FILE), slotOf(cpu, 0) > 0, slotOf(cpu, 1) > 0];
      },
      {
        *nfsInvalidateMapping(cpu, file) {
          return yield* cpu.kernel.invalidateInodePages2(cpu, file);
        },
        *launderFolio() {},
      },
    );
    expect(is).toEqual([EBUSY, true, false]);
  });

  it('is written by the laundry if a store came behind the writeback, with the folio locked all the while', () => {
    let again = true;
    const { is } = run(
      function* (cpu) {
        yield* map(cpu, P, RW | VM_SHARED);
        yield* store(cpu, P, 2);
        yield* others(cpu, 1, 5);
        yield* cpu.kernel.nfsFileOpen(cpu, FILE);
        return [atServer(cpu, 0), yield* load(cpu, P)];
      },
      {
        *invalidateInodePages2(cpu, file) {
          if (again) yield* store(cpu, P, 3);
          again = false;
          return yield* MAINLINE.invalidateInodePages2(cpu, file);
        },
        *finishWriteback(cpu, file, index, folio) {
          if (!again && index === 0) expect(cpu.folio.lock.peek(folio)).toBe(cpu.current + 1);
          yield* MAINLINE.finishWriteback(cpu, file, index, folio);
        },
      },
    );
    expect(is).toEqual([3, 3]);
  });

  it('is not behind an open that finds the cache being dropped by somebody else before it is dropped', () => {
    const first = { entered: false, left: false };
    const driver = new KernelDriver({
      cpus: 2,
      remote: [FILE],
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cached(cpu);
            yield* others(cpu, 0, 5);
            yield* cpu.kernel.nfsFileOpen(cpu, FILE);
          },
        },
        {
          cpu: 1,
          mm: 2,
          *body(cpu): Path<void> {
            yield* cpu.kernel.nfsFileOpen(cpu, FILE);
            expect([first.left, yield* read(cpu, 0)]).toEqual([true, 5]);
          },
        },
      ],
      routines: {
        *nfsInvalidateMapping(cpu, file) {
          first.entered = true;
          const result = yield* MAINLINE.nfsInvalidateMapping(cpu, file);
          first.left = true;
          return result;
        },
      },
    });
    driver.run({ choose: (choices) => choices.find((c) => c.cpu === 0)!, until: () => first.entered });
    // the second opens as far as it can get, then whoever can go on does
    driver.run({ choose: (choices) => choices.find((c) => c.cpu === 1) ?? choices[0] });
    expect(driver.allDone()).toBe(true);
  });
});

describe('event order of remote files', () => {
  const dirtyAndOld: Body = function* (cpu) {
    yield* cached(cpu);
    yield* map(cpu, P, RW | VM_SHARED);
    yield* store(cpu, P, 2);
    yield* load(cpu, P + 1);
    yield* others(cpu, 1, 5);
  };
  const write = ['folioClearDirtyForIo: mappings clean', 'writeFolio: clean, writeback', 'writeFolio: next word'];
  const answer = ['nfsWritebackDone: words at the server', 'writeFolio: written, writeback to be ended'];
  const drop = [
    'zapPte: present pte found, is the page a private copy?',
    'zapPte: present pte found',
    'smpCallFunctionMany: waits',
    'folioLock',
    'folioWaitWriteback',
    'folioTestDirty',
    'filemapRemoveFolio: slot to be emptied',
    'folioPut',
    'folioUnlock',
    'folioPut',
  ];

  it('open: attributes, compare, write what is dirty, unmap, flush, take out of the cache, unlock', () => {
    const labels = labelsOf(dirtyAndOld, (cpu) => cpu.kernel.nfsFileOpen(cpu, FILE), { remote: [FILE] });
    inOrder(labels, [
      'nfsRevalidateInode: server',
      'nfsClearInvalidMapping: cache is old',
      ...write,
      ...answer,
      ...drop,
      'nfsClearInvalidMapping: cache dropped',
    ]);
    const out = labels.findIndex((l) => l.startsWith('nfsClearInvalidMapping: cache is old'));
    expect(labels.slice(0, out).some((l) => l.startsWith('writeFolio') || l.startsWith('zapPte'))).toBe(false);
  });

  it('lock: write what is dirty, attributes, unmap, flush, take out of the cache, unlock', () => {
    const labels = labelsOf(dirtyAndOld, (cpu) => cpu.kernel.doSetlk(cpu, FILE), { remote: [FILE] });
    inOrder(labels, [
      ...write,
      ...answer,
      'nfsRevalidateInode: server',
      'nfsClearInvalidMapping: cache is old',
      ...drop,
    ]);
  });

  it('open of a file that nobody has changed asks the server, and touches no page', () => {
    const labels = labelsOf(cached, (cpu) => cpu.kernel.nfsFileOpen(cpu, FILE), { remote: [FILE] });
    inOrder(labels, ['nfsRevalidateInode: server', 'nfsClearInvalidMapping: does another task']);
    expect(labels.some((l) => /folio|filemap|zapPte|writeFolio/.test(l))).toBe(false);
  });

  it('another client: the word, then the change attribute', () => {
    const labels = labelsOf(cached, (cpu) => cpu.kernel.nfsdWrite(cpu, FILE, 0, 0, 5), { remote: [FILE] });
    expect(labels.slice(0, 2)).toEqual([
      expect.stringContaining('nfsdWrite: another client writes'),
      expect.stringContaining('nfsdWrite: word changed'),
    ]);
  });
});
