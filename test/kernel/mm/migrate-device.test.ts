/** Migration to a device: what was stored is found in the device's frames, others keep their pages, and the order is Linux'. */
import { describe, expect, it } from 'vitest';
import { nodeOf } from '#tlblab/hardware/geometry.js';
import type { Pfn, Vpn } from '#tlblab/hardware/types.js';
import { EINVAL, MAP_FIXED, type TaskId } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, RW, store } from './task.js';

const P = 8 as Vpn;
const SWAP = { swapSlots: 4 };
const TIERS = { ...SWAP, nodes: 2, fastFrames: 20 };
type Handle = Parameters<Body>[0];

function* mapped(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysMmap(cpu, P, 2, RW, MAP_FIXED);
  for (const page of [P, P + 1]) yield* store(cpu, page, page);
}

/** The result, the values of both pages, how many of them lie in node 1, and how many frames are gone that would be free otherwise. */
function migrated(override: Record<string, number>, body: (cpu: Handle) => Path<number>) {
  let result = 0;
  const values: number[] = [];
  const driver = alone(
    function* (cpu) {
      yield* mapped(cpu);
      result = yield* body(cpu);
      for (const page of [P, P + 1]) values.push(yield* load(cpu, page));
    },
    { override },
  );
  const { mapcount } = driver.columns.folio;
  const frames = Array.from({ length: driver.geometry.frames }, (_, pfn) => pfn as Pfn);
  const slow = frames.filter((pfn) => mapcount.peek(pfn) > 0 && nodeOf(driver.geometry, pfn) === 1).length;
  return { result, values, slow, lost: freeFrames(alone(mapped, { override })) - freeFrames(driver) };
}

describe('pages that move to a device', () => {
  const both = (cpu: Handle) => cpu.kernel.dmirrorMigrateToDevice(cpu, P, 2);

  it('lie in its memory, with what was stored, and their old frames are free', () => {
    expect(migrated(TIERS, both)).toEqual({ result: 0, values: [8, 9], slow: 2, lost: 0 });
  });

  it('move within one node, too', () => {
    expect(migrated(SWAP, both)).toEqual({ result: 0, values: [8, 9], slow: 0, lost: 0 });
  });

  it('stay if somebody else holds them', () => {
    const held = (cpu: Handle) =>
      (function* (): Path<number> {
        const gup = { mm: 1 as never, start: P, nrPages: 1, write: false, pages: [] as Pfn[] };
        yield* cpu.kernel.getUserPagesFast(cpu, gup);
        const result = yield* both(cpu);
        for (const page of gup.pages) yield* cpu.kernel.folioPut(cpu, page);
        return result;
      })();
    expect(migrated(TIERS, held)).toEqual({ result: 0, values: [8, 9], slow: 1, lost: 0 });
  });

  it('stay where rmap cannot find them, on a machine without swap', () => {
    expect(migrated({ nodes: 2, fastFrames: 20 }, both)).toEqual({ result: 0, values: [8, 9], slow: 0, lost: 0 });
  });

  it('are those before a hole', () => {
    const more = (cpu: Handle) => cpu.kernel.dmirrorMigrateToDevice(cpu, P, 4);
    expect(migrated(TIERS, more)).toEqual({ result: EINVAL, values: [8, 9], slow: 2, lost: 0 });
  });
});

describe('event order', () => {
  const more = { override: SWAP };
  const moves = (cpu: Handle) => cpu.kernel.dmirrorMigrateToDevice(cpu, P, 2);

  it('exclusive pages: each flushed when it is cleared, once more under the PTL; copied, moved, entries, freed', () => {
    const collected = ['folioTrylock', 'ptepClearFlush', 'folioTryShareAnonRmapPte', 'tryToMigrateOne: entry cleared'];
    inOrder(labelsOf(mapped, moves, more), [
      'downRead',
      ...collected,
      ...collected,
      'smpCallFunctionMany: waits',
      'spinUnlock',
      'folioIsolateLru',
      'migrateVmaCheckPage',
      'copyPage',
      'folioMigrateAnonMapping',
      'folioAddLru',
      'removeMigrationPte: migration entry found',
      'folioUnlock',
      'freeUnrefPage',
      'upRead',
    ]);
  });

  it('shared pages: cleared under the folio lock, one flush for all before the PTL is dropped', () => {
    const forked: Body = function* (cpu) {
      yield* mapped(cpu);
      yield* cpu.kernel.sysFork(cpu, 4 as TaskId);
    };
    const labels = labelsOf(forked, moves, more);
    const cleared = labels.findIndex((l) => l.startsWith('migrateVmaCollectPte: folio locked, pte to be cleared'));
    const flushed = labels.findIndex((l, i) => i > cleared && l.startsWith('smpCallFunctionMany: waits'));
    const dropped = labels.findIndex((l, i) => i > cleared && l.startsWith('spinUnlock'));
    expect(cleared).toBeGreaterThan(0);
    expect(flushed).toBeGreaterThan(cleared);
    expect(dropped).toBeGreaterThan(flushed);
    expect(labels.filter((l) => l.startsWith('ptepClearFlush')).length).toBeGreaterThan(0);
  });
});
