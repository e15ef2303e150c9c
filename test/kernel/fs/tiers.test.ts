/** Two memory nodes: who goes where, in which order, and who is woken. */
import { describe, expect, it } from 'vitest';
import { nodeOf } from '#tlblab/hardware/geometry.js';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { filePage } from '#tlblab/kernel/fs/inode.js';
import { OWNER_USER } from '#tlblab/kernel/observer.js';
import {
  FAST_NODE,
  type FileId,
  GFP_KERNEL,
  GFP_THISNODE,
  MAP_FIXED,
  MIGRATE_ASYNC,
  type MmId,
  SLOW_NODE,
  VM_SHARED,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, KernelDriver } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { freeFrames, load, R, RW, store } from '../mm/task.js';

const FILE = 1 as FileId;
const P = 8 as Vpn;
const TIERS = { nodes: 2, fastFrames: 20 };

type Handle = Parameters<Body>[0];

const frameOf = (cpu: Handle, index: number) => cpu.pageCache.slot.peek(filePage(cpu, FILE, index)) as Pfn;
const tierOf = (cpu: Handle, index: number) => nodeOf(cpu.geometry, frameOf(cpu, index));

/** Two clean pages of the file, mapped and used, in the slow node. */
function* slowPages(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysWrite(cpu, FILE, 1, 0, 7);
  yield* cpu.kernel.sysFsync(cpu, FILE);
  yield* cpu.kernel.sysMmap(cpu, P, 2, RW | VM_SHARED, MAP_FIXED, FILE, 0);
  for (const page of [P, P + 1]) yield* load(cpu, page);
  yield* cpu.kernel.migrateRange(cpu, FILE, 0, 2, MIGRATE_ASYNC, SLOW_NODE);
  for (const page of [P, P + 1]) yield* load(cpu, page);
}

function* hinted(cpu: Handle): Path<void> {
  yield* slowPages(cpu);
  yield* cpu.kernel.taskNumaWork(cpu, P, 2);
}

/** What the body returns, alone on a machine with two nodes. */
function run(body: (cpu: Handle) => Path<unknown>, override: Record<string, number> = {}) {
  let is: unknown;
  const driver: KernelDriver = new KernelDriver({
    cpus: 1,
    override: { ...TIERS, ...override },
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          is = yield* body(cpu);
        },
      },
    ],
  });
  driver.run();
  return { is, driver };
}

describe('nodes', () => {
  it('give frames from the fast one while it has any, then from the slow one', () => {
    const { is } = run(function* (cpu) {
      const nodes: number[] = [];
      for (let i = 0; i < 24; i++) nodes.push(nodeOf(cpu.geometry, yield* cpu.kernel.allocPage(cpu, OWNER_USER)));
      const only = yield* cpu.kernel.allocPagesNode(cpu, OWNER_USER, FAST_NODE, GFP_KERNEL | GFP_THISNODE);
      return [nodes.lastIndexOf(0) < nodes.indexOf(1), nodes.indexOf(1), only];
    });
    // frames 1 to 19, but for the two root tables
    expect(is).toEqual([true, 17, 0]);
  });

  it('keep the frames below the low watermark while another one has more', () => {
    const { is, driver } = run(
      function* (cpu) {
        for (let i = 0; i < 16; i++) yield* cpu.kernel.allocPage(cpu, OWNER_USER);
      },
      { watermarkMin: 2, watermarkLow: 4, watermarkHigh: 6 },
    );
    expect(is).toBeUndefined();
    expect(freeFrames(driver, FAST_NODE)).toBe(4);
  });
});

describe('NUMA hints', () => {
  it('are set on pages of the slow node that are clean and used, and cost a fault each', () => {
    const { is, driver } = run(function* (cpu) {
      yield* slowPages(cpu);
      yield* store(cpu, P + 1, 9);
      yield* cpu.kernel.taskNumaWork(cpu, P, 2);
      return [yield* load(cpu, P), yield* load(cpu, P + 1), tierOf(cpu, 0), tierOf(cpu, 1)];
    });
    expect(is).toEqual([0, 9, 0, 1]);
    expect(driver.columns.kcount.hintFaults.peek(0 as never)).toBe(1);
    expect(driver.columns.kcount.promoted.peek(0 as never)).toBe(1);
  });

  it('leave read-only mappings of files alone, and the fast node', () => {
    const { driver } = run(function* (cpu) {
      yield* slowPages(cpu);
      yield* cpu.kernel.sysMmap(cpu, P, 2, R | VM_SHARED, MAP_FIXED, FILE, 0);
      yield* load(cpu, P);
      yield* cpu.kernel.taskNumaWork(cpu, P, 2);
      yield* load(cpu, P);
      yield* cpu.kernel.sysMmap(cpu, P, 2, RW | VM_SHARED, MAP_FIXED, FILE, 0);
      yield* cpu.kernel.migrateRange(cpu, FILE, 0, 2, MIGRATE_ASYNC);
      yield* load(cpu, P);
      yield* cpu.kernel.taskNumaWork(cpu, P, 2);
      yield* load(cpu, P);
    });
    expect(driver.columns.kcount.hintFaults.peek(0 as never)).toBe(0);
  });

  it('are found by a mprotect, which gives the rights back', () => {
    const { is, driver } = run(function* (cpu) {
      yield* hinted(cpu);
      yield* cpu.kernel.sysMprotect(cpu, P, 2, R);
      return [yield* load(cpu, P), yield* load(cpu, P + 1)];
    });
    expect(is).toEqual([0, 7]);
    expect(driver.columns.kcount.hintFaults.peek(0 as never)).toBe(0);
  });

  it('stay pages of the slow node while the fast one has no room; its daemon makes some', () => {
    const { is } = run(
      function* (cpu) {
        yield* hinted(cpu);
        yield* load(cpu, P);
        return [tierOf(cpu, 0), cpu.kcount.hintFaults.peek(0 as never)];
      },
      { watermarkMin: 0, watermarkLow: 1, watermarkHigh: 30 },
    );
    expect(is).toEqual([1, 1]);
  });
});

describe('event order of tiers', () => {
  const more = { override: TIERS };

  it('scan: mmap lock, flush announced, entries rewritten under the PTL, one flush, announcement withdrawn', () => {
    const labels = labelsOf(slowPages, (cpu) => cpu.kernel.taskNumaWork(cpu, P, 2), more);
    const entry = ['changePte: present pte found', 'changePte: pte taken away, new one'];
    inOrder(labels, [
      'downRead',
      'tlbGatherMmu',
      'pteOffsetMapLock: PTL taken',
      'flushTlbBatchedPending',
      ...entry,
      ...entry,
      'spinUnlock',
      'smpCallFunctionMany: waits',
      'tlbFinishMmu: flushed and freed, flush no longer pending',
      'upRead',
    ]);
    // the flush that the migration before has batched comes first
    const rewritten = labels.slice(labels.findIndex((l) => l.startsWith(entry[0])));
    expect(rewritten.filter((l) => l.startsWith('smpCallFunctionMany: waits'))).toHaveLength(1);
  });

  it('promotion: recheck, isolate, PTL dropped; unmapped without a flush, copied, slot, entries', () => {
    const labels = labelsOf(hinted, (cpu) => load(cpu, P), more);
    inOrder(labels, [
      'doNumaPage: PTL taken',
      'migrateMisplacedFolioPrepare: is the folio dirty?',
      'folioIsolateLru',
      'spinUnlock',
      'folioTrylock',
      'tryToMigrateOne: migration entry set',
      'copyPage',
      'folioMigrateMapping: slot to be given',
      'removeMigrationPte: counted',
      'folioUnlock',
    ]);
    // the scan has flushed
    expect(labels.some((l) => l.startsWith('smpCallFunctionMany'))).toBe(false);
  });

  it('promotion while the flush of the scan is pending flushes before it copies', () => {
    const pending: Body = function* (cpu) {
      yield* hinted(cpu);
      yield* cpu.kernel.incTlbFlushPending(cpu, 1 as MmId);
    };
    inOrder(
      labelsOf(pending, (cpu) => load(cpu, P), more),
      [
        'doNumaPage: PTL taken',
        'pteAccessible: entry without rights',
        'setTlbUbcFlushPending: flush owed',
        'smpCallFunctionMany: waits',
        'copyPage',
      ],
    );
  });

  it('demotion: unmap the batch, one flush, then copy; nothing leaves the page cache', () => {
    const body: Body = function* (cpu) {
      yield* slowPages(cpu);
      yield* cpu.kernel.migrateRange(cpu, FILE, 0, 2, MIGRATE_ASYNC);
    };
    const demote: Body = function* (cpu) {
      // the first time round the pages were used lately
      for (let i = 0; i < 2; i++) {
        yield* cpu.kernel.tryToFreePages(cpu, FAST_NODE, GFP_KERNEL | GFP_THISNODE);
      }
    };
    const labels = labelsOf(body, demote, { override: { ...TIERS, reclaimBatch: 20 } });
    const unmap = ['tryToMigrateOne: entry cleared', 'tryToMigrateOne: migration entry set'];
    inOrder(labels, [
      'folioReferencedOne: entry used',
      'folioAddLru',
      ...unmap,
      ...unmap,
      'smpCallFunctionMany: waits',
      'copyPage',
      'folioMigrateMapping: slot',
      'copyPage',
    ]);
    expect(labels.some((l) => l.startsWith('filemapRemoveFolio'))).toBe(false);
  });
});

describe('kswapd', () => {
  it('is woken at the low watermark, reclaims above the high one, and sleeps', () => {
    const driver: KernelDriver = new KernelDriver({
      cpus: 1,
      override: { ...TIERS, watermarkMin: 1, watermarkLow: 2, watermarkHigh: 4, pcpHigh: 0 },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            for (let i = 0; i < 6; i++) yield* cpu.kernel.sysWrite(cpu, FILE, i, 0, 10 + i);
            for (let i = 0; i < 27; i++) yield* cpu.kernel.allocPage(cpu, OWNER_USER);
          },
        },
        {
          cpu: 0,
          kswapd: FAST_NODE,
          *body(cpu): Path<void> {
            yield* cpu.kernel.kswapd(cpu, FAST_NODE);
          },
        },
      ],
    });
    driver.run();
    expect(driver.columns.zone.nrFree.peek(FAST_NODE)).toBeGreaterThan(4);
  });
});
