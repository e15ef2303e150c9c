import { describe, expect, it } from 'vitest';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import { geometry } from '#tlblab/hardware/geometry.js';
import { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import {
  mkPte,
  PTE_NX,
  PTE_P,
  PTE_RW,
  PTE_US,
  pteCas,
  pteExchange,
  pteLoad,
  pteLoadBoth,
  ptePfn,
  pteStore,
} from '#tlblab/hardware/pte.js';
import { SWITCHES_6_18 } from '#tlblab/hardware/switches.js';
import type { CpuId, Pfn, PteHi, PteLo } from '#tlblab/hardware/types.js';
import { SharedMemory, type Word } from '#tlblab/memory/memory.js';
import { hardwareColumns, hardwareLayout, listener, TestMachine } from './machine.ts';

it('B-33 between threads a reader never pairs the halves of two entries', () => {
  const g = geometry('tiny');
  const layout = hardwareLayout(g);
  const nobodySleeps = { words: new Int32Array(1), sleepersAt: 0, changed: () => {}, acquired: () => {} };
  const table = 3 as Pfn;
  const first = mkPte(4 as Pfn, PTE_P | PTE_US);
  const second = mkPte(5 as Pfn, PTE_P | PTE_US);
  let high = 0;
  /** Another CPU clears the entry and sets a new one just before the high half is read for the first time. */
  class Racing extends SharedMemory {
    reads = 0;
    override load(word: Word): number {
      if (word === high && this.reads++ === 0) {
        pteExchange(cpu, table, 1, 0 as PteLo);
        pteStore(cpu, table, 1, second, PTE_NX as PteHi);
      }
      return super.load(word);
    }
  }
  const mem = new Racing(new Int32Array(new SharedArrayBuffer(layout.words * 4)), nobodySleeps);
  const hw = hardwareColumns(layout, mem);
  const pace = { stepping: false, due: () => false };
  const costs = COST_PROFILES.timeless as CostProfile;
  const cpu = new LogicalCpu(0 as CpuId, mem, g, SWITCHES_6_18, costs, hw, pace);
  high = hw.frame.words.at(table, 3);
  pteStore(cpu, table, 1, first, 0 as PteHi);
  expect([pteLoadBoth(cpu, table, 1), cpu.pteHi]).toEqual([second, PTE_NX]);
  expect(mem.reads).toBe(2);
});

describe('the verbs that change an entry', () => {
  const before = mkPte(9 as Pfn, PTE_P | PTE_RW);
  const after = mkPte(9 as Pfn, PTE_P);

  function machine() {
    const m = new TestMachine();
    const [cpu] = m.cpus;
    const table = m.frame();
    m.setPte(table, 2, before, PTE_NX as PteHi);
    const told: number[][] = [];
    cpu.observer = listener({
      // told first: memory still holds what was there
      pteChanges: (_, frame, index, oldLo, newLo, oldHi, newHi) =>
        told.push([frame, index, m.pte(table, 2), oldLo, newLo, oldHi, newHi]),
    });
    const step = <T>(act: () => T): T => m.step(cpu, m.pteAt(table, 2), act);
    return { m, cpu, table, told, step };
  }

  it('store replaces both halves', () => {
    const { m, cpu, table, told, step } = machine();
    step(() => pteStore(cpu, table, 2, after, 0 as PteHi));
    expect(told).toEqual([[table, 2, before, before, after, PTE_NX, 0]]);
    expect(step(() => [pteLoadBoth(cpu, table, 2), cpu.pteHi])).toEqual([after, 0]);
    expect(ptePfn(m.pte(table, 2))).toBe(9);
  });

  it('exchange takes what is there and leaves the high half', () => {
    const { cpu, table, told, step } = machine();
    expect(step(() => pteExchange(cpu, table, 2, 0 as PteLo))).toBe(before);
    expect(told).toEqual([[table, 2, before, before, 0, PTE_NX, PTE_NX]]);
    expect(step(() => pteLoad(cpu, table, 2))).toBe(0);
  });

  it('cas that fails changes nothing and tells nobody', () => {
    const { m, cpu, table, told, step } = machine();
    expect(step(() => pteCas(cpu, table, 2, after, 0 as PteLo))).toBe(before);
    expect([told, m.pte(table, 2)]).toEqual([[], before]);
    expect(step(() => pteCas(cpu, table, 2, before, after))).toBe(before);
    expect([told.length, m.pte(table, 2)]).toEqual([1, after]);
  });
});

it('a frame number of 20 bits survives the sign bit', () => {
  expect(ptePfn(mkPte(0xfffff as Pfn, PTE_P))).toBe(0xfffff);
});
