/** Files as one task sees them: mappings, read, write, truncate, fsync, reclaim and migration of their pages. */
import { describe, expect, it } from 'vitest';
import type { CpuId, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import {
  EBADF,
  EFBIG,
  EINVAL,
  ENODATA,
  ENOMEM,
  FAST_NODE,
  type FileId,
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  SIGBUS,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { alone, framesWaiting, freeFrames, load, R, RW, rowsInUse, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const Q = 16 as Vpn;

type Handle = Parameters<Body>[0];

function* map(cpu: Handle, at: Vpn, flags: number, pages = 2, pgoff = 0): Path<number> {
  return yield* cpu.kernel.sysMmap(cpu, at, pages, flags, MAP_FIXED, FILE, pgoff);
}

/** What `body` returns, and the machine afterwards. */
function run<T>(
  body: (cpu: Handle) => Path<T>,
  override: Record<string, number> = {},
): { is: T; driver: KernelDriver } {
  let is: T | undefined;
  const driver = alone(
    function* (cpu) {
      is = yield* body(cpu);
    },
    { override },
  );
  expect(driver.allDone()).toBe(true);
  return { is: is as T, driver };
}

function diskWord(driver: KernelDriver, index: number): number {
  return driver.columns.disk.words.peek(filePage(driver.cpuOf(0), FILE, index));
}
function slotOf(driver: KernelDriver, index: number): number {
  return driver.columns.pageCache.slot.peek(filePage(driver.cpuOf(0), FILE, index));
}

describe('files', () => {
  it('a shared mapping, write(2) and read(2) see each other', () => {
    const { is } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 5);
      yield* map(cpu, P, RW | VM_SHARED);
      const seen = [yield* load(cpu, P), yield* load(cpu, P + 1)];
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 6);
      seen.push(yield* load(cpu, P));
      yield* store(cpu, P + 1, 7);
      yield* cpu.kernel.sysRead(cpu, FILE, 1, 0);
      return [...seen, cpu.loaded];
    });
    expect(is).toEqual([0, 5, 6, 7]);
  });

  it('a private mapping follows the file until it is stored to, and again after DONTNEED', () => {
    const { is } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 5);
      yield* map(cpu, P, RW, 1);
      const seen = [yield* load(cpu, P)];
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 6);
      seen.push(yield* load(cpu, P));
      yield* store(cpu, P, 7);
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 8);
      seen.push(yield* load(cpu, P));
      yield* cpu.kernel.sysMadvise(cpu, P, 1, MADV_DONTNEED);
      seen.push(yield* load(cpu, P));
      return seen;
    });
    expect(is).toEqual([5, 6, 7, 8]);
  });

  it('fsync brings stores through mappings to disk and makes them fault again', () => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 1);
      yield* map(cpu, P, RW | VM_SHARED, 1);
      yield* store(cpu, P, 9);
      yield* cpu.kernel.sysFsync(cpu, FILE);
      const between = cpu.disk.words.peek(filePage(cpu, FILE, 0));
      yield* store(cpu, P, 10);
      yield* cpu.kernel.sysFsync(cpu, FILE);
      return between;
    });
    expect(is).toBe(9);
    expect(diskWord(driver, 0)).toBe(10);
  });

  it('msync does so for what its range shows of shared mappings, past holes, and says that there were some', () => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 1);
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 5);
      yield* store(cpu, P + 1, 6);
      const whole = yield* cpu.kernel.sysMsync(cpu, (P + 1) as Vpn, 1);
      const between = [0, 1].map((i) => cpu.disk.words.peek(filePage(cpu, FILE, i)));
      yield* cpu.kernel.sysMunmap(cpu, (P + 1) as Vpn, 1);
      return [whole, ...between, yield* cpu.kernel.sysMsync(cpu, P, 8)];
    });
    expect(is).toEqual([0, 0, 6, ENOMEM]);
    expect(diskWord(driver, 0)).toBe(5);
  });

  it('msync of a private mapping writes nothing', () => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 1);
      yield* map(cpu, P, RW, 1);
      yield* store(cpu, P, 9);
      return yield* cpu.kernel.sysMsync(cpu, P, 1);
    });
    expect([is, diskWord(driver, 0)]).toEqual([0, 0]);
  });

  it('reclaim writes dirty pages out, frees the frames, leaves shadows; the next fault reads them back', () => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 1);
      yield* map(cpu, P, RW | VM_SHARED);
      yield* store(cpu, P, 3);
      yield* store(cpu, P + 1, 4);
      const frames = cpu.zone.nrFree.peek(FAST_NODE) + cpu.pcp.count.own(cpu.id);
      const freed = yield* cpu.kernel.reclaimPages(cpu, FILE, 0, 8);
      const more = cpu.zone.nrFree.peek(FAST_NODE) + cpu.pcp.count.own(cpu.id) - frames;
      const slots = [0, 1].map((i) => Math.sign(cpu.pageCache.slot.peek(filePage(cpu, FILE, i))));
      return [freed, more, ...slots, yield* load(cpu, P), yield* load(cpu, P + 1)];
    });
    expect(is).toEqual([2, 2, -1, -1, 3, 4]);
    expect(diskWord(driver, 1)).toBe(4);
    expect(driver.columns.inode.nrpages.peek(FILE)).toBe(2);
  });

  it.each([
    ['asynchronously', MIGRATE_ASYNC],
    ['synchronously', MIGRATE_SYNC],
  ] as const)('migration %s moves folios with their mappings, marks and rights', (_, mode) => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 1);
      yield* map(cpu, P, RW | VM_SHARED);
      yield* map(cpu, Q, R, 2);
      yield* store(cpu, P, 3);
      yield* load(cpu, Q);
      const before = cpu.pageCache.slot.peek(filePage(cpu, FILE, 0));
      const moved = yield* cpu.kernel.migrateRange(cpu, FILE, 0, 8, mode);
      const after = cpu.pageCache.slot.peek(filePage(cpu, FILE, 0));
      const seen = [yield* load(cpu, P), yield* load(cpu, Q)];
      yield* store(cpu, P, 5);
      return [moved, before !== after, ...seen, yield* load(cpu, Q)];
    });
    expect(is).toEqual([2, true, 3, 3, 5]);
    expect(driver.columns.folio.mapcount.peek(slotOf(driver, 0) as never)).toBe(2);
  });

  it('MADV_PAGEOUT reclaims the pages that nobody else maps', () => {
    const { is } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 1);
      yield* map(cpu, P, RW | VM_SHARED);
      yield* map(cpu, Q, R, 1);
      yield* store(cpu, P, 3);
      yield* store(cpu, P + 1, 4);
      yield* load(cpu, Q);
      const done = yield* cpu.kernel.sysMadvise(cpu, P, 2, MADV_PAGEOUT);
      const cached = [0, 1].map((i) => cpu.pageCache.slot.peek(filePage(cpu, FILE, i)) > 0);
      return [done, ...cached, yield* load(cpu, P + 1)];
    });
    expect(is).toEqual([0, true, false, 4]);
  });

  it('truncate discards words, cached and on disk, and leaves SIGBUS behind the end', () => {
    const { is, driver } = run(function* (cpu) {
      yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 5);
      yield* map(cpu, P, RW | VM_SHARED);
      yield* map(cpu, Q, RW);
      yield* load(cpu, P + 1);
      yield* store(cpu, Q + 1, 6);
      yield* cpu.kernel.sysFsync(cpu, FILE);
      yield* cpu.kernel.sysTruncate(cpu, FILE, 1);
      const seen = [yield* load(cpu, P + 1), yield* load(cpu, Q + 1), yield* cpu.kernel.sysRead(cpu, FILE, 1, 0)];
      yield* cpu.kernel.sysTruncate(cpu, FILE, 2);
      return [...seen, yield* load(cpu, P + 1), yield* load(cpu, Q + 1)];
    });
    expect(is).toEqual([-SIGBUS, -SIGBUS, ENODATA, 0, 0]);
    expect(diskWord(driver, 1)).toBe(0);
  });

  it('a split, protected and moved mapping still shows its pages', () => {
    const { is } = run(function* (cpu) {
      for (let i = 0; i < 4; i++) yield* cpu.kernel.sysWrite(cpu, FILE, i, 0, 10 + i);
      yield* map(cpu, P, RW | VM_SHARED, 4);
      for (let i = 0; i < 4; i++) yield* load(cpu, P + i);
      yield* cpu.kernel.sysMprotect(cpu, (P + 1) as Vpn, 1, R);
      yield* cpu.kernel.sysMprotect(cpu, (P + 1) as Vpn, 1, RW);
      const moved = yield* cpu.kernel.sysMremap(cpu, (P + 1) as Vpn, 2, 2, Q);
      yield* cpu.kernel.migrateRange(cpu, FILE, 0, 4, MIGRATE_ASYNC);
      yield* cpu.kernel.reclaimPages(cpu, FILE, 1, 1);
      return [moved, yield* load(cpu, Q), yield* load(cpu, Q + 1), yield* load(cpu, P), yield* load(cpu, P + 3)];
    });
    expect(is).toEqual([Q, 11, 12, 10, 13]);
  });

  it('refuses what cannot be', () => {
    const { is } = run(function* (cpu) {
      return [
        yield* cpu.kernel.sysMmap(cpu, P, 1, RW, MAP_FIXED, 9, 0),
        yield* map(cpu, P, R, 4, 7),
        yield* cpu.kernel.sysMmap(cpu, P, 9, RW | VM_SHARED, MAP_FIXED),
        yield* cpu.kernel.sysWrite(cpu, FILE, 8, 0, 1),
        yield* cpu.kernel.sysRead(cpu, 0, 0, 0),
      ];
    });
    expect(is).toEqual([EBADF, EINVAL, ENOMEM, EFBIG, EBADF]);
  });

  it('an allocation without a free frame reclaims page cache', () => {
    const { is, driver } = run(
      function* (cpu) {
        for (let i = 0; i < 4; i++) yield* cpu.kernel.sysWrite(cpu, FILE, i, 0, 10 + i);
        yield* cpu.kernel.sysMmap(cpu, P, 8, RW, MAP_FIXED);
        const signals: number[] = [];
        for (let i = 0; i < 8; i++) signals.push(yield* store(cpu, P + i, 1));
        return signals;
      },
      { frames: 16 },
    );
    expect(is).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(driver.columns.inode.nrpages.peek(FILE)).toBeLessThan(4);
    expect(
      [0, 1, 2, 3].map((i) => diskWord(driver, i) || driver.columns.frame.words.peek(slotOf(driver, i) as never)),
    ).toEqual([10, 11, 12, 13]);
  });

  it('nothing is left after munmap and truncate', () => {
    const driver: KernelDriver = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysWrite(cpu, FILE, 3, 0, 1);
            yield* map(cpu, P, RW | VM_SHARED, 4);
            yield* map(cpu, Q, RW, 4);
            for (let i = 0; i < 4; i++) {
              yield* store(cpu, P + i, 1);
              yield* store(cpu, Q + i, 2);
            }
            yield* cpu.kernel.sysMunmap(cpu, P, 4);
            yield* cpu.kernel.sysTruncate(cpu, FILE, 0);
            yield* cpu.kernel.sysMunmap(cpu, Q, 4);
          },
        },
      ],
    });
    const before = freeFrames(driver);
    driver.run();
    expect(driver.columns.inode.nrpages.peek(FILE)).toBe(0);
    expect(driver.columns.inode.nrMmap.peek(FILE)).toBe(0);
    expect(rowsInUse(driver, 1)).toBe(0);
    expect(freeFrames(driver) + framesWaiting(driver)).toBe(before);
    expect(driver.columns.rq.preemptCount.peek(0 as CpuId)).toBe(0);
  });
});
