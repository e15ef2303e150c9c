/** B-1 to B-5: what cached entries contain and when they may exist. */
import { expect, it } from 'vitest';
import { mkPte, PTE_A, PTE_D, PTE_G, PTE_NX, PTE_P, PTE_RW, PTE_US } from '#tlblab/hardware/pte.js';
import { FETCH, LOAD, type Pfn, type PteHi, type PteLo, STORE } from '#tlblab/hardware/types.js';
import { WALK_FAULT, WALK_FILLED } from '#tlblab/hardware/walker.js';
import { TABLE_BITS, TestMachine, USED, vpn } from './machine.ts';

const RIGHTS = PTE_RW | PTE_US;

it('B-1 an entry holds page, pcid, G, frame, AND of RW and of US, OR of NX, and D of the leaf', () => {
  for (const [rootBits, middleBits, leafBits] of [
    [RIGHTS, RIGHTS, RIGHTS],
    [PTE_US, RIGHTS, RIGHTS],
    [RIGHTS, PTE_US, RIGHTS],
    [RIGHTS, RIGHTS, PTE_US],
    [PTE_RW, RIGHTS, RIGHTS],
    [RIGHTS, PTE_RW, RIGHTS],
    [RIGHTS, PTE_US, PTE_RW],
  ]) {
    for (const nxLevel of [-1, 0, 1, 2]) {
      for (const leafOnly of [0, PTE_D, PTE_G, PTE_D | PTE_G]) {
        const m = new TestMachine({ override: { levels: 222 } });
        const [cpu] = m.cpus;
        const [pgd, middle, table, page] = [m.frame(), m.frame(), m.frame(), m.frame()];
        const nx = (level: number) => (level === nxLevel ? PTE_NX : 0) as PteHi;
        m.setPte(pgd, 1, mkPte(middle, PTE_P | rootBits), nx(0));
        m.setPte(middle, 2, mkPte(table, PTE_P | middleBits), nx(1));
        m.setPte(table, 3, mkPte(page, PTE_P | leafBits | leafOnly), nx(2));
        m.load(cpu, pgd, 2);
        // the speculative walk takes every translation as it is
        expect(m.walk(cpu, 1, vpn(0b01_10_11), LOAD)).toBe(WALK_FILLED);
        const rights = rootBits & middleBits & leafBits;
        expect(m.tlb(cpu)).toEqual([
          {
            vpn: 0b01_10_11,
            pcid: 2,
            lo: mkPte(page, PTE_P | PTE_A | leafOnly | rights),
            hi: nxLevel < 0 ? 0 : PTE_NX,
            pfn: page,
          },
        ]);
      }
    }
  }
});

it('B-2 no fill without P or with a reserved bit; after a fill A is set at every level', () => {
  for (const [leaf, result] of [
    [0, WALK_FAULT],
    [PTE_RW | PTE_US | PTE_A, WALK_FAULT],
    [PTE_P | RIGHTS, WALK_FILLED],
  ]) {
    const m = new TestMachine({ override: { levels: 222 } });
    const [cpu] = m.cpus;
    const pgd = m.frame();
    const tables = m.map(pgd, vpn(27), mkPte(m.frame(), leaf), 0 as PteHi, PTE_P | RIGHTS);
    m.load(cpu, pgd);
    expect(m.walk(cpu, 1, vpn(27), LOAD)).toBe(result);
    expect(m.tlb(cpu)).toHaveLength(result === WALK_FILLED ? 1 : 0);
    const accessed = tables.map((table, level) => m.pte(table, [1, 2, 3][level]) & PTE_A);
    expect(accessed).toEqual(result === WALK_FILLED ? [PTE_A, PTE_A, PTE_A] : [PTE_A, PTE_A, leaf & PTE_A]);
  }
  const m = new TestMachine();
  const pgd = m.frame();
  m.map(pgd, vpn(3), mkPte(m.geometry.frames as Pfn, USED));
  m.load(m.cpus[0], pgd);
  expect(m.walk(m.cpus[0], 1, vpn(3), LOAD)).toBe(WALK_FAULT);
  expect(m.tlb(m.cpus[0])).toEqual([]);
});

it('B-3 not-present is never cached: P 0 -> 1 is usable by the next access without invalidation', () => {
  const m = new TestMachine({ override: { levels: 222 } });
  const [cpu] = m.cpus;
  const [pgd, middle, table, page] = [m.frame(), m.frame(), m.frame(), m.frame()];
  m.setContent(page, 0, 11);
  m.load(cpu, pgd);
  const loadFaults = () => m.access(cpu, vpn(27), 0, LOAD);
  expect(loadFaults()).toBeUndefined();
  m.setPte(pgd, 1, mkPte(middle, TABLE_BITS));
  expect(loadFaults()).toBeUndefined();
  m.setPte(middle, 2, mkPte(table, TABLE_BITS));
  expect(loadFaults()).toBeUndefined();
  expect(cpu.faultCode & 1).toBe(0);
  m.setPte(table, 3, mkPte(page, USED));
  expect(m.access(cpu, vpn(27), 0, LOAD)).toBe(11);
});

it('B-4 a pointer is cached though nothing valid lies below, and leads the walker into a reused table page', () => {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), 0 as PteLo);
  m.load(cpu, pgd);
  expect(m.walk(cpu, 1, vpn(9), LOAD)).toBe(WALK_FAULT);
  expect(m.pointers(cpu)).toEqual([`1:1:1->${table}`]);
  // the table is unhooked without a flush, and its frame becomes someone's data, which looks like an entry
  m.setPte(pgd, 1, 0 as PteLo);
  m.setContent(page, 3, 99);
  m.setContent(table, 2, mkPte(page, USED));
  expect(m.access(cpu, vpn(9), 3, LOAD)).toBe(99);
});

it('B-4 the deepest pointer serves, with the rights of the levels above it', () => {
  const m = new TestMachine({ override: { levels: 222 } });
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const [, middle, table] = m.map(pgd, vpn(27), mkPte(m.frame(), USED));
  m.map(pgd, vpn(26), mkPte(m.frame(), USED));
  m.setPte(pgd, 1, mkPte(middle, PTE_P | PTE_US | PTE_A));
  m.load(cpu, pgd);
  m.walk(cpu, 1, vpn(27), LOAD);
  expect(m.pointers(cpu)).toEqual([`1:1:1->${middle}`, `1:2:6->${table}`]);
  expect(m.access(cpu, vpn(26), 0, STORE)).toBeUndefined();
  expect(m.passed).toEqual([`access: walking, next entry not read @ frame[${table}].words[4]`]);
  expect(cpu.faultCode).toBe(1 | 2 | 4);
});

it('B-5 G makes a leaf usable in every pcid, but never a pointer above it', () => {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const empty = m.frame();
  const page = m.frame();
  m.setContent(page, 0, 5);
  m.map(pgd, vpn(9), mkPte(page, USED | PTE_G), 0 as PteHi, TABLE_BITS | PTE_G);
  m.map(pgd, vpn(10), mkPte(m.frame(), USED));
  m.load(cpu, pgd, 1);
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5);
  m.load(cpu, empty, 2);
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5);
  // the neighbour below the same "global" table entry: its walk starts at the empty root
  expect(m.access(cpu, vpn(10), 0, LOAD)).toBeUndefined();
  expect(m.passed).toEqual([`access: walking, next entry not read @ frame[${empty}].words[2]`]);
  expect(m.access(cpu, vpn(9), 0, FETCH)).toBe(5);
});
