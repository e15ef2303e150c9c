/** B-8 to B-11: when entries appear, persist and vanish. */
import { describe, expect, it } from 'vitest';
import {
  type AdversaryAction,
  adversaryActions,
  adversaryLabel,
  adversaryPerform,
  adversaryWord,
  speculation,
} from '#tlblab/hardware/adversary.js';
import { invlpg } from '#tlblab/hardware/invalidate.js';
import type { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import { mkPte, PTE_A, PTE_D, PTE_P, PTE_US } from '#tlblab/hardware/pte.js';
import { LOAD, type Pfn, type PteLo, STORE } from '#tlblab/hardware/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { TestMachine, USED, vpn } from './machine.ts';

/** What the hardware of `cpu` may do now, by label. */
function offered(cpu: LogicalCpu, pages: number[]): Map<string, AdversaryAction> {
  const into: number[] = [];
  const n = adversaryActions(cpu, pages.map(vpn), into);
  const actions = into.slice(0, n) as AdversaryAction[];
  expect(actions.every((a) => Number.isInteger(a) && a >= 0 && a < 1 << 20)).toBe(true);
  return new Map(actions.map((a) => [adversaryLabel(cpu, a), a]));
}

/** Lets the hardware do what `label` names, in a step of its own; it must be on offer. */
function act(m: TestMachine, cpu: LogicalCpu, label: string, pages: number[] = []): void {
  const action = offered(cpu, pages).get(label);
  if (action === undefined) throw new Error(`not on offer: ${label}`);
  m.step(cpu, adversaryWord(cpu, action), () => adversaryPerform(cpu, action));
}

function machine(leafBits = USED) {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), mkPte(page, leafBits));
  m.setContent(page, 0, 5);
  m.load(cpu, pgd);
  return { m, cpu, pgd, table, page };
}

describe('B-8 speculative fills', () => {
  it('B-8 happen for any page of the loaded address space, right after the CR3 load, a level per step', () => {
    const { m, cpu } = machine();
    expect([...offered(cpu, [9]).keys()]).toEqual(['hardware starts a speculative walk of page 9']);
    act(m, cpu, 'hardware starts a speculative walk of page 9', [9]);
    expect(m.pages(cpu)).toEqual([]);
    act(m, cpu, 'hardware walks on to page 9');
    expect(m.pages(cpu)).toEqual(['1:9']);
    expect([...offered(cpu, [9]).keys()]).not.toContain('hardware starts a speculative walk of page 9');
  });

  it('B-8 happen between the points of the program that runs', () => {
    const { m, cpu, table } = machine();
    const between = (nth: number) => {
      if (nth !== 1) return;
      // the demand walk has read nothing yet: the speculative one overtakes it, then the entry is gone
      act(m, cpu, 'hardware starts a speculative walk of page 9', [9]);
      act(m, cpu, 'hardware walks on to page 9');
      m.setPte(table, 1, 0 as PteLo);
    };
    expect(m.access(cpu, vpn(9), 0, LOAD, 0, between)).toBeUndefined();
    // its own walk found no entry, and the fault took the speculative entry out
    expect(m.pages(cpu)).toEqual([]);
  });

  it('B-8 begin below a root only, and one at a time, even if a schedule asks for more', () => {
    const m = new TestMachine();
    const [cpu] = m.cpus;
    const { active, vpn: walked } = cpu.hw.walk;
    const [nine, three] = [9, 3].map((page) => speculation(vpn(page)));
    const demand = (action: AdversaryAction) =>
      m.step(cpu, adversaryWord(cpu, action), () => adversaryPerform(cpu, action));
    expect([...offered(cpu, [9]).keys()]).toEqual([]);
    demand(nine);
    expect(active.peek(cpu.id, 1)).toBe(0);
    const pgd = m.frame();
    m.map(pgd, vpn(9), mkPte(m.frame(), USED));
    m.load(cpu, pgd);
    demand(nine);
    demand(three);
    expect([active.peek(cpu.id, 1) !== 0, walked.peek(cpu.id, 1)]).toEqual([true, 9]);
    expect([...offered(cpu, [3]).keys()]).not.toContain('hardware starts a speculative walk of page 3');
  });

  it('B-8 stop at an invalidation, however far they have come', () => {
    const { m, cpu, table } = machine();
    act(m, cpu, 'hardware starts a speculative walk of page 9', [9]);
    m.setPte(table, 1, 0 as PteLo);
    m.step(cpu, NOWHERE, () => invlpg(cpu, vpn(3)));
    expect([...offered(cpu, []).keys()]).toEqual([]);
    expect(m.pages(cpu)).toEqual([]);
  });

  it('B-8 set A where it is missing, in a step of its own, and fault silently', () => {
    const { m, cpu, table } = machine(PTE_P | PTE_US);
    act(m, cpu, 'hardware starts a speculative walk of page 9', [9]);
    act(m, cpu, 'hardware walks on to page 9');
    expect([m.pages(cpu), m.pte(table, 1) & PTE_A]).toEqual([[], 0]);
    act(m, cpu, 'hardware walks on to page 9');
    expect([m.pages(cpu), m.pte(table, 1) & (PTE_A | PTE_D)]).toEqual([['1:9'], PTE_A]);
    cpu.faultCode = 77;
    act(m, cpu, 'hardware starts a speculative walk of page 20', [20]);
    expect([cpu.faultCode, cpu.hw.count.pageFaults.peek(cpu.id)]).toEqual([77, 0]);
    expect([...offered(cpu, []).keys()]).not.toContain('hardware walks on to page 20');
  });

  it('B-8 need a loaded CR3 and a page number that fits an action', () => {
    const m = new TestMachine({ override: { levels: 999 } });
    expect(offered(m.cpus[0], [1]).size).toBe(0);
    m.load(m.cpus[0], 1 as Pfn);
    expect([...offered(m.cpus[0], [1, 1 << 17]).keys()]).toEqual(['hardware starts a speculative walk of page 1']);
  });
});

it('B-9 a cached entry is used whatever memory says, for as long as it lives', () => {
  const { m, cpu, pgd, table, page } = machine();
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5);
  m.setPte(table, 1, 0 as PteLo);
  m.setPte(pgd, 1, 0 as PteLo);
  for (let i = 0; i < 100; i++) {
    expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5 + i);
    expect(m.access(cpu, vpn(9), 0, STORE, 6 + i)).toBe(6 + i);
  }
  expect(m.content(page, 0)).toBe(105);
});

it('B-10 any entry may be evicted at any time, also between look-up and access', () => {
  const { m, cpu } = machine();
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5);
  act(m, cpu, 'hardware evicts the tlb entry of page 9');
  act(m, cpu, 'hardware evicts paging-structure entry 0');
  expect([m.pages(cpu), m.pointers(cpu)]).toEqual([[], []]);
  const evict = (nth: number) => nth === 3 && act(m, cpu, 'hardware evicts the tlb entry of page 9');
  expect(m.access(cpu, vpn(9), 0, LOAD, 0, evict)).toBe(5);
  // root, leaf, (evicted), leaf by way of the cached pointer, data
  expect(m.passed).toHaveLength(5);
});

it('B-10 an entry evicted between look-up and access and gone from memory is not used', () => {
  const { m, cpu, table } = machine();
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(5);
  const lose = () => {
    if (m.pages(cpu).length > 0) act(m, cpu, 'hardware evicts the tlb entry of page 9');
    m.setPte(table, 1, 0 as PteLo);
  };
  expect(m.access(cpu, vpn(9), 0, STORE, 1, lose)).toBeUndefined();
});

it('B-11 hardware may drop more than it was asked to: everything, other pcids included', () => {
  const { m, cpu, pgd } = machine();
  m.map(pgd, vpn(10), mkPte(m.frame(), USED | (1 << 8)));
  m.access(cpu, vpn(9), 0, LOAD);
  m.load(cpu, pgd, 2);
  m.access(cpu, vpn(10), 0, LOAD);
  expect(m.pages(cpu)).toEqual(['1:9', '2:10g']);
  act(m, cpu, 'hardware starts a speculative walk of page 11', [11]);
  act(m, cpu, 'hardware drops all it has cached');
  expect([m.pages(cpu), m.pointers(cpu), cpu.hw.walk.active.peek(cpu.id, 1)]).toEqual([[], [], 0]);
  expect(cpu.hw.count.fullFlushes.peek(cpu.id)).toBe(0);
});
