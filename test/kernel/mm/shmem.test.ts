/** Memory files and shared anonymous memory as tasks see them: holes, swap, truncation, copies, and their end. */
import { describe, expect, it } from 'vitest';
import { access } from '#tlblab/hardware/access.js';
import { type Pfn, STORE, type Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { PG_DIRTY, PG_SWAPCACHE } from '#tlblab/kernel/mm/folio.js';
import { SLAB_INODE } from '#tlblab/kernel/mm/slab.js';
import {
  ENODATA,
  ENOMEM,
  type FileId,
  MADV_DONTNEED,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  type MigrateMode,
  type MmId,
  SIGBUS,
  type SwapSlot,
  type TaskId,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { alone, framesWaiting, freeFrames, load, R, RW, rowsInUse, store } from './task.js';

const FILE = 1 as FileId;
const NAMELESS = 2 as FileId;
const P = 8 as Vpn;
const Q = 16 as Vpn;

type Handle = Parameters<Body>[0];

/** What `body` returns, and the machine afterwards: file 1 is a memory file, files from 2 on have no name. */
function run<T>(
  body: (cpu: Handle) => Path<T>,
  override: Record<string, number> = { swapSlots: 4 },
): { is: T; driver: KernelDriver } {
  let is: T | undefined;
  const driver = alone(
    function* (cpu) {
      is = yield* body(cpu);
    },
    { override, files: [2], memory: [FILE] },
  );
  expect(driver.allDone()).toBe(true);
  return { is: is as T, driver };
}

const map = (cpu: Handle, at: Vpn, flags: number, pages = 2) =>
  cpu.kernel.sysMmap(cpu, at, pages, flags, MAP_FIXED, FILE, 0);
const mapShared = (cpu: Handle, at: Vpn, pages = 2) => cpu.kernel.sysMmap(cpu, at, pages, RW | VM_SHARED, MAP_FIXED);
const reclaim = (cpu: Handle, pages = 2) => cpu.kernel.reclaimPages(cpu, FILE, 0, pages);

function* readWord(cpu: Handle, index: number, word = 0): Path<number> {
  const error = yield* cpu.kernel.sysRead(cpu, FILE, index, word);
  return error === 0 ? cpu.loaded : error;
}
const entryOf = (cpu: Handle, index: number) => cpu.pageCache.slot.peek(filePage(cpu, FILE, index));
const swapMap = (driver: KernelDriver, slot: number) => driver.columns.swap.map.peek(0, slot);

describe('memory files', () => {
  it('a hole reads as zero and stays one; a load makes a clean page of zeroes, which reclaim drops', () => {
    const { is, driver } = run(function* (cpu) {
      const hole = yield* readWord(cpu, 0);
      const before = entryOf(cpu, 0);
      yield* map(cpu, P, R | VM_SHARED);
      const seen = [hole, before, yield* load(cpu, P), yield* readWord(cpu, 2)];
      return [...seen, yield* reclaim(cpu), yield* load(cpu, P)];
    });
    expect(is).toEqual([0, 0, 0, ENODATA, 1, 0]);
    expect(driver.columns.swap.map.peek(0, 1)).toBe(0);
  });

  it('write(2) zeroes what it does not write, whatever the frame held', () => {
    const { is } = run(function* (cpu) {
      yield* cpu.kernel.sysMmap(cpu, Q, 4, RW, MAP_FIXED);
      for (let i = 0; i < 4; i++) yield* store(cpu, Q + i, 99);
      yield* cpu.kernel.sysMunmap(cpu, Q, 4);
      yield* cpu.kernel.sysWrite(cpu, FILE, 3, 1, 5);
      return [yield* readWord(cpu, 3, 0), yield* readWord(cpu, 3, 1), yield* readWord(cpu, 2), cpu.loaded];
    });
    expect(is).toEqual([0, 5, 0, 0]);
  });

  it('the first store to a page that was only loaded needs no fault, and is found by reclaim', () => {
    const { is } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* load(cpu, P);
      const done = yield* access(cpu, P, 0, STORE, 7);
      return [done, yield* reclaim(cpu), yield* load(cpu, P)];
    });
    expect(is).toEqual([true, 1, 7]);
  });

  it('goes to swap and comes back, for loads, stores, read(2) and write(2); the slot is free then', () => {
    const { is, driver } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 5);
      yield* store(cpu, P + 1, 6);
      const freed = yield* reclaim(cpu);
      const entries = [entryOf(cpu, 0), entryOf(cpu, 1)];
      const seen = [yield* load(cpu, P), yield* readWord(cpu, 1)];
      yield* reclaim(cpu);
      yield* store(cpu, P, 8);
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 1, 9);
      return [freed, ...entries, ...seen, yield* load(cpu, P), yield* load(cpu, P + 1), yield* readWord(cpu, 1, 1)];
    });
    expect(is).toEqual([2, -1, -2, 5, 6, 8, 6, 9]);
    for (const slot of [1, 2]) expect(swapMap(driver, slot)).toBe(0);
    for (const index of [0, 1]) {
      const pfn = entryOf(driver.cpuOf(0), index) as Pfn;
      expect(driver.columns.folio.flags.peek(pfn) & (PG_DIRTY | PG_SWAPCACHE)).toBe(PG_DIRTY);
      expect(driver.columns.disk.words.peek(filePage(driver.cpuOf(0), FILE, index))).toBe(0);
    }
  });

  it.each([
    ['without swap', {}],
    ['with a device that is full', { swapSlots: 1 }],
  ])('stays where it is, dirty, %s', (_, override) => {
    const { is } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 5);
      yield* store(cpu, P + 1, 6);
      return [yield* reclaim(cpu), yield* load(cpu, P), yield* load(cpu, P + 1)];
    }, override);
    expect(is).toEqual(['swapSlots' in override ? 1 : 0, 5, 6]);
  });

  it('fsync and msync write nothing anywhere', () => {
    const { is, driver } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 5);
      return [yield* cpu.kernel.sysFsync(cpu, FILE), yield* cpu.kernel.sysMsync(cpu, P, 2)];
    });
    expect(is).toEqual([0, 0]);
    expect(driver.columns.disk.words.peek(filePage(driver.cpuOf(0), FILE, 0))).toBe(0);
    expect(driver.columns.folio.flags.peek(entryOf(driver.cpuOf(0), 0) as Pfn) & PG_DIRTY).toBe(PG_DIRTY);
  });

  it('truncation takes folios, swap entries and private copies; what comes back is zero', () => {
    const { is, driver } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* map(cpu, Q, RW);
      yield* store(cpu, P, 5);
      yield* reclaim(cpu);
      yield* store(cpu, P + 1, 6);
      yield* store(cpu, Q + 1, 7);
      yield* cpu.kernel.sysTruncate(cpu, FILE, 0);
      const gone = [yield* load(cpu, P), yield* load(cpu, Q + 1), yield* readWord(cpu, 0)];
      yield* cpu.kernel.sysTruncate(cpu, FILE, 2);
      return [...gone, yield* load(cpu, P), yield* load(cpu, P + 1), yield* load(cpu, Q + 1)];
    });
    expect(is).toEqual([-SIGBUS, -SIGBUS, ENODATA, 0, 0, 0]);
    expect(swapMap(driver, 1)).toBe(0);
  });

  it('a private mapping follows the file until it is stored to; the copy goes to swap by an entry of its own', () => {
    const { is } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* map(cpu, Q, RW);
      yield* store(cpu, P, 5);
      const followed = yield* load(cpu, Q);
      yield* store(cpu, Q, 6);
      yield* cpu.kernel.reclaimMmRange(cpu, cpu.current, P, 16);
      const both = [yield* load(cpu, P), yield* load(cpu, Q)];
      yield* cpu.kernel.sysMadvise(cpu, Q, 1, MADV_DONTNEED);
      return [followed, ...both, yield* load(cpu, Q)];
    });
    expect(is).toEqual([5, 5, 6, 5]);
  });

  it.each<MigrateMode>([MIGRATE_ASYNC, MIGRATE_SYNC])('migrates, mapped or in the swap cache (mode %i)', (mode) => {
    const { is, driver } = run(function* (cpu) {
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 5);
      const before = entryOf(cpu, 0);
      const moved = yield* cpu.kernel.migrateRange(cpu, FILE, 0, 2, mode);
      const after = entryOf(cpu, 0);
      // a reference of somebody else keeps it in the swap cache when it has been written
      yield* cpu.kernel.shmemGetFolio(cpu, FILE, 0, 1);
      const folio = after as Pfn;
      yield* cpu.kernel.tryToUnmap(cpu, folio, 0);
      yield* cpu.kernel.shmemWriteout(cpu, FILE, 0, folio);
      yield* cpu.kernel.folioIsolateLru(cpu, folio);
      const again = yield* cpu.kernel.doMovePagesToNode(cpu, [folio], { mode, node: 0 as never, gfp: 3 });
      const cached = cpu.swap.cache.peek(0, 1);
      return [moved, before !== after, again, cached !== folio, yield* load(cpu, P)];
    });
    expect(is).toEqual([1, true, 1, true, 5]);
    expect(swapMap(driver, 1)).toBe(0);
  });
});

describe('shared anonymous memory', () => {
  it('is one for parent and child, through swap, until both are gone; then nothing is left of it', () => {
    const before = new KernelDriver({ cpus: 1, tasks: [{ cpu: 0, mm: 1 }], override: { swapSlots: 4 } });
    const seen: number[] = [];
    const parent = 1 as TaskId;
    const driver: KernelDriver = new KernelDriver({
      cpus: 1,
      override: { swapSlots: 4 },
      files: [0],
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* mapShared(cpu, P);
            yield* store(cpu, P, 5);
            yield* cpu.kernel.sysFork(cpu, (parent + 1) as TaskId);
            yield* store(cpu, P + 1, 6);
            yield* cpu.kernel.sysSchedYield(cpu);
            seen.push(yield* load(cpu, P));
            yield* cpu.kernel.sysMunmap(cpu, P, 1);
            yield* cpu.kernel.sysExit(cpu);
          },
        },
        {
          cpu: 0,
          dead: true,
          *body(cpu) {
            seen.push(yield* load(cpu, P), yield* load(cpu, P + 1));
            yield* cpu.kernel.reclaimMmRange(cpu, cpu.current, P, 2);
            yield* store(cpu, P, 7);
            yield* cpu.kernel.sysSchedYield(cpu);
            seen.push(yield* load(cpu, P + 1), driver.columns.inode.fCount.peek(NAMELESS));
            yield* cpu.kernel.sysExit(cpu);
          },
        },
      ],
    });
    driver.run();
    expect(seen).toEqual([5, 6, 7, 6, 1]);
    expect(rowsInUse(driver, SLAB_INODE)).toBe(1);
    expect(driver.columns.mm.users.peek(1 as MmId)).toBe(0);
    // the idle CPU still borrows the root table of the one that exited last
    const roots = [1, 2].filter((mm) => driver.columns.mm.pgd.peek(mm as MmId) !== 0).length;
    expect(roots).toBe(1);
    expect(freeFrames(driver) + framesWaiting(driver) + roots).toBe(freeFrames(before) + 1);
    for (let slot = 1 as SwapSlot; slot <= 4; slot++) expect(swapMap(driver, slot)).toBe(0);
  });

  it('comes along with mremap, and is counted where mappings split and merge', () => {
    const { is, driver } = run(function* (cpu) {
      const count = () => cpu.inode.fCount.peek(NAMELESS);
      yield* mapShared(cpu, P, 3);
      yield* store(cpu, P + 1, 5);
      yield* cpu.kernel.sysMprotect(cpu, (P + 1) as Vpn, 1, R);
      const split = count();
      yield* cpu.kernel.sysMprotect(cpu, (P + 1) as Vpn, 1, RW);
      const merged = count();
      yield* cpu.kernel.sysMremap(cpu, P, 3, 4, Q);
      const seen = [split, merged, count(), yield* load(cpu, Q + 1), yield* load(cpu, Q + 3)];
      yield* cpu.kernel.sysMunmap(cpu, Q, 4);
      return [...seen, count()];
    });
    expect(is).toEqual([3, 1, 1, 5, -SIGBUS, 0]);
    expect(rowsInUse(driver, SLAB_INODE)).toBe(1);
    expect(driver.columns.inode.nrpages.peek(NAMELESS)).toBe(0);
  });

  it('begins with zeroes whatever the file of that row held before, and fails when no file is left', () => {
    const { is } = run(function* (cpu) {
      yield* mapShared(cpu, P);
      yield* store(cpu, P, 5);
      yield* cpu.kernel.sysMunmap(cpu, P, 2);
      yield* mapShared(cpu, P);
      return [yield* load(cpu, P), yield* mapShared(cpu, Q), yield* load(cpu, P)];
    });
    expect(is).toEqual([0, ENOMEM, 0]);
  });
});
