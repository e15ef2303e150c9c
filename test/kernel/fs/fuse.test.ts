/** FUSE files: what the daemon changes, says, and answers to a read ahead; and the order of events there. */
import { describe, expect, it } from 'vitest';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { PG_UPTODATE } from '#tlblab/kernel/mm/folio.js';
import { NO_PAGE } from '#tlblab/kernel/mm/page-alloc.js';
import { EACCES, type FileId, MAP_FIXED, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body, DriverOptions } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, load, R, RW } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const SIZE = 2;
const FUSE: Partial<DriverOptions> = { files: [SIZE], fuse: [FILE] };

type Handle = Parameters<Body>[0];

/** What `body` returns, behind a file of two pages, of which nothing is cached. */
function run<T>(body: (cpu: Handle) => Path<T>, options: Partial<DriverOptions> = {}): T {
  let is: T | undefined;
  const driver = alone(
    function* (cpu) {
      is = yield* body(cpu);
    },
    { ...FUSE, ...options },
  );
  expect(driver.allDone()).toBe(true);
  return is as T;
}

function* read(cpu: Handle, index = 0, word = 0): Path<number> {
  const error = yield* cpu.kernel.sysRead(cpu, FILE, index, word);
  return error < 0 ? error : cpu.loaded;
}
function* changes(cpu: Handle, value: number): Path<void> {
  yield* cpu.kernel.fuseDaemonWrite(cpu, FILE, 0, 0, value);
}
function slotOf(cpu: Handle, index = 0): Pfn {
  return cpu.pageCache.slot.peek(filePage(cpu, FILE, index)) as Pfn;
}

describe('a FUSE file', () => {
  it('shows what the daemon had changed when a page was read, and nothing newer until the daemon says so', () => {
    const is = run(function* (cpu) {
      yield* changes(cpu, 5);
      const first = yield* read(cpu);
      yield* changes(cpu, 6);
      const old = yield* read(cpu);
      yield* cpu.kernel.fuseReverseInvalInode(cpu, FILE, 0, 1);
      return [first, old, slotOf(cpu), yield* read(cpu)];
    });
    expect(is).toEqual([5, 5, NO_PAGE, 6]);
  });

  it('has what FUSE_NOTIFY_STORE puts into a cached page there at once, in the same folio, clean', () => {
    const is = run(function* (cpu) {
      yield* read(cpu);
      const before = slotOf(cpu);
      yield* cpu.kernel.fuseNotifyStore(cpu, FILE, 0, 1, 7);
      expect(slotOf(cpu)).toBe(before);
      expect(yield* cpu.kernel.folioTestDirty(cpu, before)).toBe(false);
      return [yield* read(cpu, 0, 1), cpu.disk.words.peek(filePage(cpu, FILE, 0), 1)];
    });
    expect(is).toEqual([7, 7]);
  });

  it('reads the rest of a page of which a word was stored before it was cached', () => {
    const is = run(function* (cpu) {
      yield* changes(cpu, 5);
      yield* cpu.kernel.fuseNotifyStore(cpu, FILE, 0, 1, 7);
      const filled = cpu.folio.flags.peek(slotOf(cpu)) & PG_UPTODATE;
      return [filled, yield* read(cpu), yield* read(cpu, 0, 1)];
    });
    expect(is).toEqual([0, 5, 7]);
  });

  it('drops its page cache when it is opened', () => {
    const is = run(function* (cpu) {
      yield* read(cpu);
      yield* changes(cpu, 6);
      yield* cpu.kernel.fuseFinishOpen(cpu, FILE);
      return [slotOf(cpu), yield* read(cpu)];
    });
    expect(is).toEqual([NO_PAGE, 6]);
  });

  it('is mapped shared for reading only, and stays so', () => {
    const is = run(function* (cpu) {
      const denied = yield* cpu.kernel.sysMmap(cpu, P, SIZE, RW | VM_SHARED, MAP_FIXED, FILE, 0);
      yield* cpu.kernel.sysMmap(cpu, P, SIZE, R | VM_SHARED, MAP_FIXED, FILE, 0);
      const kept = yield* cpu.kernel.sysMprotect(cpu, P, 1, RW);
      const copied = yield* cpu.kernel.sysMmap(cpu, P, SIZE, RW, MAP_FIXED, FILE, 0);
      return [denied, kept, copied];
    });
    expect(is).toEqual([EACCES, EACCES, P]);
  });
});

describe('a read ahead', () => {
  it('replaces the folio that waits for the answer, which is freed', () => {
    let replaced: Pfn[] = [];
    const is = run(
      function* (cpu) {
        yield* read(cpu);
        const [old, folio] = replaced;
        return [slotOf(cpu) === folio, cpu.folio.refcount.peek(old), cpu.folio.refcount.peek(folio)];
      },
      {
        routines: {
          *replacePageCacheFolio(cpu, old, folio) {
            replaced = [old, folio];
            yield* MAINLINE.replacePageCacheFolio(cpu, old, folio);
          },
        },
      },
    );
    expect(replaced).toHaveLength(2);
    expect(is).toEqual([true, 0, 1]);
  });

  it('copies the words where the daemon has no page to give', () => {
    const is = run(
      function* (cpu) {
        yield* changes(cpu, 5);
        return yield* read(cpu);
      },
      {
        routines: {
          *fuseTryMoveFolio() {
            return NO_PAGE;
          },
        },
      },
    );
    expect(is).toBe(5);
  });
});

describe('event order of FUSE', () => {
  const nothing: Body = function* () {};
  const mapped: Body = function* (cpu) {
    yield* cpu.kernel.sysMmap(cpu, P, SIZE, R | VM_SHARED, MAP_FIXED, FILE, 0);
    yield* load(cpu, P);
  };

  it('read ahead: folio added, the page of the daemon filled, locked, referenced, put into the slot under xa_lock, the old one put', () => {
    inOrder(
      labelsOf(nothing, (cpu) => cpu.kernel.sysRead(cpu, FILE, 0, 0), FUSE),
      [
        'filemapAddFolio: slot to be filled',
        'filemapReadFolio: next word',
        'fuseTryMoveFolio: page of the daemon filled',
        'replacePageCacheFolio: reference',
        'spinLock',
        'replacePageCacheFolio: xa_lock held',
        'spinUnlock',
        'folioPut',
        'fuseReadahead: folio replaced',
        'folioUnlock',
        'filemapRead: folio up to date',
      ],
    );
  });

  it('notify store: word of the daemon, folio locked, word copied, unlocked, put; no flush, no dirty mark, no write_begin', () => {
    const labels = labelsOf(mapped, (cpu) => cpu.kernel.fuseNotifyStore(cpu, FILE, 0, 0, 2), FUSE);
    inOrder(labels, [
      'fuseDaemonWrite',
      'filemapGetFolio: slot',
      'folioLock',
      'fuseCopyFolio',
      'folioUnlock',
      'folioPut',
    ]);
    expect(labels.filter((l) => /^(flushTlb|folioMarkDirty|genericPerformWrite|writeEnd|downWrite)/.test(l))).toEqual(
      [],
    );
  });
});
