/** The walker against a reference that says, entry by entry, what a walk of two levels must do. */
import { describe, expect, it } from 'vitest';
import { mkPte, PTE_A, PTE_D, PTE_NX, PTE_P, PTE_PS, PTE_RW, PTE_US } from '#tlblab/hardware/pte.js';
import { tlbLookup } from '#tlblab/hardware/tlb.js';
import { type AccessKind, FETCH, LOAD, type Pfn, type PteHi, type PteLo, STORE } from '#tlblab/hardware/types.js';
import { WALK_CANCELLED, walkCancel, walkStart, walkStep } from '#tlblab/hardware/walker.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { TestMachine, vpn } from './machine.ts';

const BITS = [PTE_P, PTE_RW, PTE_US, PTE_A, PTE_D];
const KINDS: readonly AccessKind[] = [LOAD, STORE, FETCH];

/** Every combination of the bits given. */
function combinations(bits: readonly number[]): number[] {
  return Array.from({ length: 2 ** bits.length }, (_, n) =>
    bits.reduce((sum, bit, i) => sum | (n & (1 << i) ? bit : 0), 0),
  );
}

interface Outcome {
  readonly fault: number | undefined;
  /** Bits of the two entries in memory afterwards. */
  readonly upper: number;
  readonly leaf: number;
  /** Steps with a contended access, the data access not counted. */
  readonly steps: number;
}

/** What the manual says (SDM 3A 4.6, 4.7, 4.8), in as few words as possible. */
function reference(upper: number, leaf: number, nx: boolean, kind: AccessKind): Outcome {
  const code = 4 | (kind === STORE ? 2 : 0) | (kind === FETCH ? 16 : 0);
  if (!(upper & PTE_P)) return { fault: code, upper, leaf, steps: 1 };
  const upperSteps = upper & PTE_A ? 1 : 2;
  const touched = upper | PTE_A;
  const both = upper & leaf;
  if (!(leaf & PTE_P)) return { fault: code, upper: touched, leaf, steps: upperSteps + 1 };
  const allowed = both & PTE_US && (kind !== STORE || both & PTE_RW) && (kind !== FETCH || !nx);
  if (!allowed) return { fault: code | 1, upper: touched, leaf, steps: upperSteps + 1 };
  const marked = leaf | PTE_A | (kind === STORE ? PTE_D : 0);
  return { fault: undefined, upper: touched, leaf: marked, steps: upperSteps + (marked === leaf ? 1 : 2) };
}

describe('every {P, RW, US, A, D} of the leaf, {P, RW, US, A} above, NX at either level', () => {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), 0 as PteLo);
  m.load(cpu, pgd);
  m.mem.rebase();
  for (const kind of KINDS) {
    it(['load', 'store', 'fetch'][kind], () => {
      for (const upper of combinations([PTE_P, PTE_RW, PTE_US, PTE_A])) {
        for (const leaf of combinations(BITS)) {
          for (const [upperNx, leafNx] of [
            [0, 0],
            [PTE_NX, 0],
            [0, PTE_NX],
          ]) {
            m.mem.reset();
            m.setPte(pgd, 1, mkPte(table, upper), upperNx as PteHi);
            m.setPte(table, 1, mkPte(page, leaf), leafNx as PteHi);
            const done = m.access(cpu, vpn(9), 1, kind, 7) !== undefined;
            const outcome: Outcome = {
              fault: done ? undefined : cpu.faultCode,
              upper: m.pte(pgd, 1) & 0xfff,
              leaf: m.pte(table, 1) & 0xfff,
              steps: m.passed.filter((p) => p.startsWith('access: walking')).length,
            };
            const expected = reference(upper, leaf, (upperNx | leafNx) !== 0, kind);
            expect(outcome, `upper ${upper} leaf ${leaf} nx ${upperNx},${leafNx}`).toEqual(expected);
            expect(m.tlb(cpu).length).toBe(done ? 1 : 0);
            expect(m.content(page, 1)).toBe(done && kind === STORE ? 7 : 0);
            if (!done) expect(cpu.faultVpn).toBe(9);
          }
        }
      }
    });
  }
});

describe('a walk in progress', () => {
  function machine() {
    const m = new TestMachine();
    const pgd = m.frame();
    const [page, other] = [m.frame(), m.frame()];
    const [, table] = m.map(pgd, vpn(9), mkPte(page, PTE_P | PTE_US));
    m.load(m.cpus[0], pgd);
    m.setContent(other, 0, 5);
    return { m, cpu: m.cpus[0], pgd, page, other, table };
  }

  it('reads an entry again that changes under its locked update', () => {
    const { m, cpu, other, table } = machine();
    // the points: root, leaf, update of A (the entry is retargeted before it), leaf again, update, data
    const retarget = (nth: number) => nth === 3 && m.setPte(table, 1, mkPte(other, PTE_P | PTE_US));
    expect(m.access(cpu, vpn(9), 0, LOAD, 0, retarget)).toBe(5);
    expect(m.passed).toHaveLength(6);
    expect(m.pte(table, 1)).toBe(mkPte(other, PTE_P | PTE_US | PTE_A));
  });

  it('faults if the entry is cleared under its locked update, and leaves the cleared entry alone', () => {
    const { m, cpu, table } = machine();
    const clear = (nth: number) => nth === 3 && m.setPte(table, 1, 0 as PteLo);
    expect(m.access(cpu, vpn(9), 0, LOAD, 0, clear)).toBeUndefined();
    expect([cpu.faultCode, m.pte(table, 1), m.tlb(cpu)]).toEqual([4, 0, []]);
  });

  it('that an interrupt cancelled starts over at the look-up', () => {
    const { m, cpu } = machine();
    const interrupt = (nth: number) => nth === 2 && m.step(cpu, NOWHERE, () => walkCancel(cpu, 0));
    expect(m.access(cpu, vpn(9), 0, LOAD, 0, interrupt)).toBe(0);
    // root; leaf (cancelled); leaf by way of the cached pointer; update of A; data
    expect(m.passed).toHaveLength(5);
    expect(cpu.hw.count.tlbMisses.peek(cpu.id)).toBe(2);
  });

  it('touches nothing once cancelled', () => {
    const { m, cpu } = machine();
    m.step(cpu, NOWHERE, () => walkStart(cpu, 0, vpn(9)));
    m.step(cpu, NOWHERE, () => walkCancel(cpu, 0));
    expect(m.step(cpu, NOWHERE, () => walkStep(cpu, 0, LOAD))).toBe(WALK_CANCELLED);
    expect(tlbLookup(cpu, vpn(9))).toBe(-1);
  });
});

it('takes PS above the last level, and a frame the machine does not have, for reserved bits', () => {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const [, table] = m.map(pgd, vpn(9), mkPte(m.geometry.frames as Pfn, PTE_P | PTE_US));
  m.load(cpu, pgd);
  expect(m.access(cpu, vpn(9), 0, LOAD)).toBeUndefined();
  expect(cpu.faultCode).toBe(1 | 4 | 8);
  m.setPte(pgd, 1, mkPte(table, PTE_P | PTE_US | PTE_PS));
  expect(m.access(cpu, vpn(9), 0, STORE)).toBeUndefined();
  expect(cpu.faultCode).toBe(1 | 2 | 4 | 8);
});
