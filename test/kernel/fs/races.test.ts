/** Everything that files can do, at once, in many orders: nothing breaks a rule, nothing waits for ever, nothing is left. */
import { expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import {
  FAST_NODE,
  type FileId,
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  type MmId,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from '../driver.js';
import { framesWaiting, freeFrames, load, R, RW, rowsInUse, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;

type Handle = Parameters<Body>[0];

function* leave(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysExit(cpu);
}

/** Bodies by what they do; each ends. */
const BODIES: Record<string, (cpu: Handle) => Path<void>> = {
  *writer(cpu) {
    for (let i = 0; i < 4; i++) {
      yield* cpu.kernel.sysWrite(cpu, FILE, i % 3, 0, 100 + i);
      yield* cpu.kernel.sysRead(cpu, FILE, (i + 1) % 3, 0);
    }
  },
  *sharer(cpu) {
    yield* cpu.kernel.sysMmap(cpu, P, 3, RW | VM_SHARED, MAP_FIXED, FILE, 0);
    for (let i = 0; i < 6; i++) yield* store(cpu, P + (i % 3), 200 + i);
    yield* cpu.kernel.sysMprotect(cpu, (P + 1) as Vpn, 1, R);
    yield* cpu.kernel.sysMadvise(cpu, P, 2, MADV_PAGEOUT);
    yield* cpu.kernel.sysMadvise(cpu, P, 3, MADV_DONTNEED);
    yield* cpu.kernel.sysMremap(cpu, P, 2, 2, (P + 8) as Vpn);
    yield* load(cpu, P + 8);
    yield* cpu.kernel.sysMunmap(cpu, P, 10);
  },
  *copier(cpu) {
    yield* cpu.kernel.sysMmap(cpu, (P + 4) as Vpn, 3, RW, MAP_FIXED, FILE, 0);
    for (let i = 0; i < 6; i++) yield* (i % 2 === 0 ? load : reader)(cpu, P + 4 + (i % 3));
    yield* store(cpu, P + 5, 300);
    yield* cpu.kernel.sysMunmap(cpu, (P + 4) as Vpn, 3);
  },
  *reclaimer(cpu) {
    for (let i = 0; i < 3; i++) yield* cpu.kernel.reclaimPages(cpu, FILE, 0, 3);
    yield* cpu.kernel.sysFsync(cpu, FILE);
  },
  *migrator(cpu) {
    for (let i = 0; i < 3; i++) {
      yield* cpu.kernel.migrateRange(cpu, FILE, 0, 3, i % 2 === 0 ? MIGRATE_ASYNC : MIGRATE_SYNC);
    }
  },
  *compactor(cpu) {
    for (const mode of [MIGRATE_ASYNC, MIGRATE_SYNC] as const) yield* cpu.kernel.compactNode(cpu, FAST_NODE, mode);
  },
  *walker(cpu) {
    for (let i = 0; i < 3; i++) yield* cpu.kernel.pageIdleWalk(cpu, 0, 64);
  },
  *truncater(cpu) {
    for (const pages of [2, 0, 3]) yield* cpu.kernel.sysTruncate(cpu, FILE, pages);
  },
};

function* reader(cpu: Handle, page: number): Path<number> {
  return yield* load(cpu, page);
}

const CASTS: readonly (readonly (keyof typeof BODIES)[])[] = [
  ['sharer', 'migrator', 'reclaimer'],
  ['sharer', 'truncater', 'migrator'],
  ['sharer', 'walker', 'migrator', 'reclaimer'],
  ['sharer', 'walker', 'compactor', 'writer'],
  ['copier', 'compactor', 'compactor', 'truncater', 'reclaimer'],
  ['copier', 'reclaimer', 'writer'],
  ['sharer', 'copier', 'migrator', 'writer'],
  ['sharer', 'copier', 'truncater', 'reclaimer'],
  ['sharer', 'reclaimer', 'migrator', 'writer', 'truncater', 'copier'],
];

it.each(CASTS.flatMap((cast) => Array.from({ length: 12 }, (_, i) => [cast.join(', '), i + 1] as const)))(
  '%s, order %i',
  (cast, seed) => {
    const names = cast.split(', ');
    const driver = new KernelDriver({
      cpus: 3,
      mms: 2,
      override: { pteWalkLimit: 2, reclaimBatch: 2, frames: 64 },
      tasks: names.map((name, i) => ({
        cpu: i % 3,
        mm: 1 + (i % 2),
        *body(cpu): Path<void> {
          yield* BODIES[name](cpu);
          yield* leave(cpu);
        },
      })),
    });
    const before = freeFrames(driver);
    driver.run({ choose: atRandom(seed), tickEvery: 90, limit: 200_000 });
    expect(driver.allDone(), driver.whoWaits()).toBe(true);
    const { inode, mm } = driver.columns;
    expect(inode.nrMmap.peek(FILE)).toBe(0);
    expect(inode.iMmapRwsem.peek(FILE) || inode.iRwsem.peek(FILE) || inode.invalidateLock.peek(FILE)).toBe(0);
    expect(rowsInUse(driver, 1)).toBe(0);
    let roots = 0;
    for (const each of [1, 2] as MmId[]) if (mm.pgd.peek(each) === 0) roots++;
    expect(freeFrames(driver) + framesWaiting(driver) + inode.nrpages.peek(FILE)).toBe(before + roots);
  },
);
