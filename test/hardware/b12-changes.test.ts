/** B-12 to B-18: which changes of an entry need an invalidation, page faults, and the A and D bits. */
import { describe, expect, it } from 'vitest';
import {
  mkPte,
  PTE_A,
  PTE_D,
  PTE_NX,
  PTE_P,
  PTE_RW,
  PTE_SOFT,
  PTE_US,
  pteCas,
  pteExchange,
} from '#tlblab/hardware/pte.js';
import { type AccessKind, FETCH, LOAD, type PteHi, type PteLo, STORE } from '#tlblab/hardware/types.js';
import { WALK_FILLED } from '#tlblab/hardware/walker.js';
import { type Options, TestMachine, USED, vpn } from './machine.ts';

const KINDS: readonly AccessKind[] = [LOAD, STORE, FETCH];

function machine(leaf: number, hi = 0, options: Options = {}) {
  const m = new TestMachine(options);
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), mkPte(page, leaf), hi as PteHi);
  m.load(cpu, pgd);
  return { m, cpu, pgd, table, page };
}

/** Does an entry cached before the change allow what memory forbids after it, or leave A or D clear after a use? */
function staleRight(before: [number, number], after: [number, number]): boolean {
  return KINDS.some((kind) => {
    const { m, cpu, table, page } = machine(before[0], before[1]);
    m.walk(cpu, 1, vpn(9), LOAD);
    m.setPte(table, 1, mkPte(page, after[0]), after[1] as PteHi);
    const cached = m.access(cpu, vpn(9), 0, kind) !== undefined;
    const untracked = (m.pte(table, 1) & PTE_A) === 0 || (kind === STORE && (m.pte(table, 1) & PTE_D) === 0);
    const fresh = machine(after[0], after[1]);
    const allowed = fresh.m.access(fresh.cpu, vpn(9), 0, kind) !== undefined;
    return cached && (!allowed || untracked);
  });
}

it('B-12 every change that leaves a stale right is one that Linux flushes for; software bits never are', () => {
  const changes: [string, [number, number], [number, number], boolean][] = [
    ['P 1->0', [USED, 0], [USED & ~PTE_P, 0], true],
    ['RW 1->0', [USED, 0], [USED & ~PTE_RW, 0], true],
    ['US 1->0', [USED, 0], [USED & ~PTE_US, 0], true],
    ['NX 0->1', [USED, 0], [USED, PTE_NX], true],
    ['D 1->0', [USED, 0], [USED & ~PTE_D, 0], true],
    // flushed for by the rule, but callers may leave it out: the only loss is a use not noticed
    ['A 1->0', [USED, 0], [USED & ~PTE_A, 0], true],
    ['RW 0->1', [USED & ~PTE_RW, 0], [USED, 0], false],
    ['US 0->1', [USED & ~PTE_US, 0], [USED, 0], false],
    ['NX 1->0', [USED, PTE_NX], [USED, 0], false],
    ['D 0->1', [USED & ~PTE_D, 0], [USED, 0], false],
    ['software bits 0->1', [USED, 0], [USED | PTE_SOFT, 0], false],
    ['software bits 1->0', [USED | PTE_SOFT, 0], [USED, 0], false],
  ];
  for (const [name, before, after, stale] of changes) {
    expect([name, staleRight(before, after)]).toEqual([name, stale]);
  }
});

describe('B-13 widening', () => {
  it('B-13 costs at most one spurious fault for each address, and nothing else', () => {
    for (const [name, narrow, narrowHi, kind] of [
      ['RW 0->1', USED & ~PTE_RW, 0, STORE],
      ['US 0->1', USED & ~PTE_US, 0, LOAD],
      ['NX 1->0', USED, PTE_NX, FETCH],
    ] as [string, number, number, AccessKind][]) {
      const { m, cpu, table, page } = machine(narrow, narrowHi);
      m.walk(cpu, 1, vpn(9), LOAD);
      m.setPte(table, 1, mkPte(page, USED));
      expect([name, m.access(cpu, vpn(9), 0, kind, 3)]).toEqual([name, undefined]);
      expect(cpu.faultCode & PTE_P).toBe(PTE_P);
      expect([name, m.access(cpu, vpn(9), 0, kind, 3)]).toEqual([name, kind === STORE ? 3 : 0]);
    }
  });

  it('B-13 of P or A costs none', () => {
    const absent = machine(0);
    expect(absent.m.access(absent.cpu, vpn(9), 0, LOAD)).toBeUndefined();
    absent.m.setPte(absent.table, 1, mkPte(absent.page, USED));
    expect(absent.m.access(absent.cpu, vpn(9), 0, LOAD)).toBe(0);
    const old = machine(USED & ~PTE_A);
    expect(old.m.access(old.cpu, vpn(9), 0, STORE, 1)).toBe(1);
  });

  it('B-13 above the leaf costs one too, because of the cached pointer', () => {
    const { m, cpu, pgd, table } = machine(USED);
    m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_US | PTE_A));
    // another page of the table is read first: the pointer is cached without RW
    m.access(cpu, vpn(10), 0, LOAD);
    m.walk(cpu, 1, vpn(10), LOAD);
    m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_RW | PTE_US | PTE_A));
    expect(m.access(cpu, vpn(9), 0, STORE, 1)).toBeUndefined();
    expect(m.access(cpu, vpn(9), 0, STORE, 1)).toBe(1);
  });
});

it('B-14 a page fault takes out the entry and the pointers of its address, in this pcid only', () => {
  const { m, cpu, pgd } = machine(USED & ~PTE_RW);
  m.map(pgd, vpn(10), mkPte(m.frame(), USED));
  m.map(pgd, vpn(17), mkPte(m.frame(), USED));
  m.load(cpu, pgd, 2);
  for (const page of [9, 10]) m.access(cpu, vpn(page), 0, LOAD);
  m.load(cpu, pgd, 1);
  for (const page of [9, 10]) m.access(cpu, vpn(page), 0, LOAD);
  expect(m.access(cpu, vpn(9), 0, STORE)).toBeUndefined();
  expect(m.pages(cpu)).toEqual(['1:10', '2:10', '2:9']);
  expect(m.pointers(cpu).map((p) => p.split('->')[0])).toEqual(['2:1:1']);
});

it('B-14 a retry cannot loop on stale state: after the fault it sees what memory says', () => {
  const { m, cpu, table, page } = machine(USED & ~PTE_RW);
  m.access(cpu, vpn(9), 0, LOAD);
  m.setPte(table, 1, mkPte(page, USED));
  expect(m.access(cpu, vpn(9), 0, STORE, 8)).toBeUndefined();
  expect(m.access(cpu, vpn(9), 0, STORE, 8)).toBe(8);
  expect([cpu.hw.count.pageFaults.peek(cpu.id), m.content(page, 0)]).toEqual([1, 8]);
});

describe('B-15 with spuriousFaults off', () => {
  const amd: Options = { switches: { spuriousFaults: false } };

  it('B-15 a protection fault is delivered only after a walk that confirms it', () => {
    const { m, cpu, table, page } = machine(USED & ~PTE_RW, 0, amd);
    m.access(cpu, vpn(9), 0, LOAD);
    m.setPte(table, 1, mkPte(page, USED));
    expect(m.access(cpu, vpn(9), 0, STORE, 8)).toBe(8);
    m.setPte(table, 1, mkPte(page, USED & ~PTE_RW));
    expect(m.access(cpu, vpn(9), 0, STORE, 9)).toBe(9);
    expect(cpu.hw.count.pageFaults.peek(cpu.id)).toBe(0);
  });

  it('B-15 the confirming walk does not believe a cached pointer', () => {
    const { m, cpu, pgd, table } = machine(USED, 0, amd);
    m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_US | PTE_A));
    m.access(cpu, vpn(9), 0, LOAD);
    m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_RW | PTE_US | PTE_A));
    expect(m.access(cpu, vpn(9), 0, STORE, 8)).toBe(8);
    m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_A));
    expect(m.access(cpu, vpn(10), 0, LOAD)).toBeUndefined();
  });
});

it('B-16 A and D cleared without an invalidation are not set again through the cached entry', () => {
  const { m, cpu, table, page } = machine(USED);
  expect(m.access(cpu, vpn(9), 0, STORE, 1)).toBe(1);
  m.setPte(table, 1, mkPte(page, USED & ~(PTE_A | PTE_D)));
  for (let i = 2; i < 10; i++) expect(m.access(cpu, vpn(9), 0, STORE, i)).toBe(i);
  expect(m.pte(table, 1) & (PTE_A | PTE_D)).toBe(0);
  expect(m.content(page, 0)).toBe(9);
});

describe('B-17 a store', () => {
  const exchange = ({ m, table }: ReturnType<typeof machine>) => {
    const other = m.cpus[1];
    return m.step(other, m.pteAt(table, 1), () => pteExchange(other, table, 1, 0 as PteLo));
  };

  it('B-17 through an entry cached with D=0 walks again: it faults if the entry was taken away', () => {
    const t = machine(USED & ~PTE_D);
    expect(t.m.access(t.cpu, vpn(9), 0, LOAD)).toBe(0);
    expect(exchange(t) & PTE_D).toBe(0);
    expect(t.m.access(t.cpu, vpn(9), 0, STORE, 1)).toBeUndefined();
    expect([t.m.pte(t.table, 1), t.m.content(t.page, 0)]).toEqual([0, 0]);
  });

  it('B-17 faults if only RW was taken away', () => {
    const t = machine(USED & ~PTE_D);
    t.m.access(t.cpu, vpn(9), 0, LOAD);
    t.m.setPte(t.table, 1, mkPte(t.page, USED & ~(PTE_D | PTE_RW)));
    expect(t.m.access(t.cpu, vpn(9), 0, STORE, 1)).toBeUndefined();
    expect(t.m.pte(t.table, 1) & PTE_D).toBe(0);
  });

  it('B-17 through an entry cached with D=1 never touches the entry in memory', () => {
    const t = machine(USED);
    expect(t.m.access(t.cpu, vpn(9), 0, LOAD)).toBe(0);
    expect(exchange(t) & PTE_D).toBe(PTE_D);
    expect(t.m.access(t.cpu, vpn(9), 0, STORE, 1)).toBe(1);
    expect([t.m.pte(t.table, 1), t.m.content(t.page, 0)]).toEqual([0, 1]);
  });

  it('B-17 sets D by an update that loses no race: at each point an exchange returns D or makes the store fault', () => {
    for (let when = 1; when <= 6; when++) {
      const t = machine(PTE_P | PTE_RW | PTE_US);
      let taken = 0;
      const stored = t.m.access(t.cpu, vpn(9), 0, STORE, 1, (nth) => {
        if (nth === when) taken = exchange(t);
      });
      expect([when, t.m.content(t.page, 0) === 1]).toEqual([when, stored === 1]);
      if (taken !== 0) expect([when, stored === 1]).toEqual([when, (taken & PTE_D) !== 0]);
    }
  });
});

it('B-18 speculation sets A but never D; a store sets both before it is performed', () => {
  const { m, cpu, table } = machine(PTE_P | PTE_RW | PTE_US);
  const marks = () => m.pte(table, 1) & (PTE_A | PTE_D);
  expect(m.walk(cpu, 1, vpn(9), STORE)).toBe(WALK_FILLED);
  expect(marks()).toBe(PTE_A);
  const seen: number[] = [];
  m.access(cpu, vpn(9), 0, STORE, 1, () => seen.push(marks()));
  expect(seen).toEqual([PTE_A, PTE_A, PTE_A | PTE_D]);
  // an exchange keeps what hardware set; a store of a value read before would lose it
  const lost = machine(PTE_P | PTE_RW | PTE_US | PTE_A);
  const before = lost.m.pte(lost.table, 1);
  lost.m.access(lost.cpu, vpn(9), 0, STORE, 1);
  const other = lost.m.cpus[1];
  const failed = lost.m.step(other, lost.m.pteAt(lost.table, 1), () =>
    pteCas(other, lost.table, 1, before, 0 as PteLo),
  );
  expect(failed & PTE_D).toBe(PTE_D);
  expect(lost.m.pte(lost.table, 1)).toBe(failed);
});
