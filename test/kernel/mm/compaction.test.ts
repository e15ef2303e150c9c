/** Compaction: folios go up, frames are neither lost nor used twice, and the order of events is the published one. */
import { describe, expect, it } from 'vitest';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { PG_ANON } from '#tlblab/kernel/mm/folio.js';
import {
  FAST_NODE,
  type FileId,
  MAP_FIXED,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  SLOW_NODE,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, RW, store } from './task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
/** Of a tiny machine with one node, whose pageblocks have four frames: the first that compaction takes. */
const HIGHEST_BLOCK = 36 as Pfn;

type Handle = Parameters<Body>[0];

const frameOf = (cpu: Handle, index: number) => cpu.pageCache.slot.peek(filePage(cpu, FILE, index)) as Pfn;
const framesOf = (cpu: Handle, count: number) => Array.from({ length: count }, (_, i) => frameOf(cpu, i));

const frames = (cpu: Handle) => Array.from({ length: cpu.geometry.frames }, (_, pfn) => pfn as Pfn);

/** Free frames of the one node and the one CPU. */
const freeOf = (cpu: Handle) => cpu.zone.nrFree.peek(FAST_NODE) + cpu.pcp.count.peek(cpu.id, FAST_NODE);

/** That many clean pages of the file, mapped and read. */
function* mapped(cpu: Handle, count: number): Path<void> {
  yield* cpu.kernel.sysWrite(cpu, FILE, count - 1, 0, 7);
  yield* cpu.kernel.sysFsync(cpu, FILE);
  yield* cpu.kernel.sysMmap(cpu, P, count, RW | VM_SHARED, MAP_FIXED, FILE, 0);
  for (let i = 0; i < count; i++) yield* load(cpu, P + i);
}

/** What the body returns, alone on a machine. */
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
  return { is: is as T, driver };
}

describe('event order of compaction', () => {
  const file = (cpu: Handle) => mapped(cpu, 2);
  const isolate = [
    'isolateMigratepagesBlock: is a folio',
    'folioTryGet',
    'isolateMigratepagesBlock: folio referenced',
    'isolateMigratepagesBlock: may be moved',
    'folioIsolateLru',
  ];
  const frame = ['isolateFreepagesBlock', 'spinLock: ', 'spinUnlock: ', 'allocPage: frame handed out'];

  it('asynchronous: isolate a pageblock, a frame each, unmap, one flush, move each', () => {
    const labels = labelsOf(file, (cpu) => cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_ASYNC), {
      override: { reclaimBatch: 8 },
    });
    const unmap = [
      'folioTrylock',
      'folioTrylock',
      'tryToMigrateOne: entry cleared',
      'tryToMigrateOne: migration entry',
    ];
    const move = ['copyPage', 'folioMigrateMapping: slot', 'removeMigrationPte: counted', 'folioUnlock', 'folioPut'];
    const second = ['allocPage: frame handed out', ...unmap];
    inOrder(labels, [
      ...isolate,
      ...isolate,
      ...frame,
      ...unmap,
      ...second,
      'smpCallFunctionMany: waits',
      ...move,
      ...move,
    ]);
    expect(labels.filter((l) => l.startsWith('smpCallFunctionMany: waits'))).toHaveLength(1);
  });

  it('synchronous: asynchronously first; what stays is tried again, waiting for it', () => {
    const held: Body = function* (cpu) {
      yield* mapped(cpu, 1);
      yield* cpu.kernel.filemapGetFolio(cpu, FILE, 0);
    };
    const labels = labelsOf(held, (cpu) => cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_SYNC));
    const undone = ['migrateFolio: does anybody else', 'removeMigrationPte: counted', 'folioUnlock', 'compactionFree'];
    inOrder(labels, [
      ...isolate,
      ...frame,
      'folioTrylock',
      'smpCallFunctionMany: waits',
      ...undone,
      'allocPage: frame handed out',
      'folioLock',
      'ptepClearFlush',
      'smpCallFunctionMany: waits',
      ...undone,
      // given up: back to the lists; at the end the frame is given back
      'folioAddLru',
      'allocPage: frame handed out',
      'freeUnrefPage',
    ]);
    expect(labels.filter((l) => l.startsWith('isolateFreepagesBlock'))).toHaveLength(1);
  });
});

describe('compaction', () => {
  it('moves folios from the lowest frames to the highest; what they hold stays, no frame is lost', () => {
    const { is } = run(
      function* (cpu) {
        yield* mapped(cpu, 3);
        yield* cpu.kernel.sysMmap(cpu, 16 as Vpn, 2, RW, MAP_FIXED);
        for (const page of [16, 17]) yield* store(cpu, page, page);
        const [before, free] = [framesOf(cpu, 3), freeOf(cpu)];
        const moved = yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_ASYNC);
        const values = [yield* load(cpu, P + 2), yield* load(cpu, 16), yield* load(cpu, 17)];
        const up = Math.max(...before) < Math.min(...framesOf(cpu, 3));
        const again = yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_SYNC);
        return { moved, values, up, again, lost: free - freeOf(cpu) };
      },
      { swapSlots: 4 },
    );
    expect(is).toEqual({ moved: 5, values: [7, 16, 17], up: true, again: 0, lost: 0 });
  });

  it('stays in its node', () => {
    const { is } = run(
      function* (cpu) {
        yield* mapped(cpu, 2);
        yield* cpu.kernel.migrateRange(cpu, FILE, 0, 1, MIGRATE_ASYNC, SLOW_NODE);
        const [slow, fast] = framesOf(cpu, 2);
        const first = yield* cpu.kernel.compactNode(cpu, SLOW_NODE, MIGRATE_ASYNC);
        const [slowAfter, fastAfter] = framesOf(cpu, 2);
        return [first, slowAfter > slow, fastAfter === fast];
      },
      { nodes: 2, fastFrames: 20 },
    );
    expect(is).toEqual([1, true, true]);
  });

  it('leaves what somebody holds where it is, moves the others, and gives the frame back', () => {
    const { is } = run(function* (cpu) {
      yield* mapped(cpu, 3);
      const [low, pinned, high] = framesOf(cpu, 3);
      yield* cpu.kernel.folioTryGet(cpu, pinned);
      const free = freeOf(cpu);
      const moved = yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_SYNC);
      const after = framesOf(cpu, 3);
      const values = [yield* load(cpu, P), yield* load(cpu, P + 1), yield* load(cpu, P + 2)];
      return [moved, after[0] > low, after[1] === pinned, after[2] > high, freeOf(cpu) - free, ...values];
    });
    expect(is).toEqual([2, true, true, true, 0, 0, 0, 7]);
  });

  it('does not even isolate an anonymous folio that somebody holds', () => {
    const { is, driver } = run(
      function* (cpu) {
        yield* cpu.kernel.sysMmap(cpu, P, 1, RW, MAP_FIXED);
        yield* store(cpu, P, 5);
        const pfn = frames(cpu).find((f) => (cpu.folio.flags.peek(f) & PG_ANON) !== 0)!;
        yield* cpu.kernel.folioTryGet(cpu, pfn);
        return yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_SYNC);
      },
      { swapSlots: 4 },
    );
    expect(is).toBe(0);
    expect(driver.trace.some((l) => l.includes('isolateMigratepagesBlock: references known'))).toBe(true);
    expect(driver.trace.some((l) => l.includes('folioIsolateLru'))).toBe(false);
  });

  it('ends at the min watermark: the folios for which there is no frame stay', () => {
    const compacted = (watermark: number) =>
      run(
        function* (cpu) {
          yield* mapped(cpu, 4);
          const [free, before] = [cpu.zone.nrFree.peek(FAST_NODE), framesOf(cpu, 4)];
          const moved = yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_SYNC);
          const values = [yield* load(cpu, P), yield* load(cpu, P + 3)];
          return { free, moved, up: framesOf(cpu, 4).filter((f, i) => f > before[i]).length, values };
        },
        { watermarkMin: watermark, watermarkLow: watermark, watermarkHigh: watermark },
      ).is;
    const { free } = compacted(0);
    // Linux: the mark and one more must stay
    expect(compacted(free - 3)).toEqual({ free, moved: 2, up: 2, values: [0, 7] });
  });

  it('leaves a new frame that is not needed to whoever has got a reference on it', () => {
    /** Frames free in the end, and whether the second CPU got its reference. */
    const compacted = (interferes: boolean) => {
      let got = false;
      const driver = new KernelDriver({
        cpus: 2,
        tasks: [
          {
            cpu: 0,
            mm: 1,
            *body(cpu): Path<void> {
              yield* mapped(cpu, 1);
              const folio = yield* cpu.kernel.filemapGetFolio(cpu, FILE, 0);
              yield* cpu.kernel.compactNode(cpu, FAST_NODE, MIGRATE_ASYNC);
              yield* cpu.kernel.folioPut(cpu, folio);
            },
          },
          {
            cpu: 1,
            *body(cpu): Path<void> {
              got = yield* cpu.kernel.folioTryGet(cpu, HIGHEST_BLOCK);
              if (got) yield* cpu.kernel.folioPut(cpu, HIGHEST_BLOCK);
            },
          },
        ],
      });
      if (interferes) {
        driver.runTo(1, 'folioTryGet');
        driver.runPast(0, 'compactionFree');
        driver.runTo(1, 'folioPut');
        driver.runPast(0, 'test: body of the task has ended');
      }
      driver.run();
      expect(driver.allDone()).toBe(true);
      return { got, free: freeFrames(driver) };
    };
    const { free } = compacted(false);
    expect(compacted(true)).toEqual({ got: true, free });
  });
});
