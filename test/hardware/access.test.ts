import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { access, tryAccess } from '#tlblab/hardware/access.js';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import { geometry } from '#tlblab/hardware/geometry.js';
import { INVPCID_CONTEXT, invlpg, invpcid, toggleCr4Pge, writeCr3 } from '#tlblab/hardware/invalidate.js';
import { LogicalCpu, type Pace } from '#tlblab/hardware/logical-cpu.js';
import { mkPte, PTE_A, PTE_D, PTE_G, PTE_NX, PTE_P, PTE_RW, PTE_US, pteStore } from '#tlblab/hardware/pte.js';
import { SWITCHES_6_18 } from '#tlblab/hardware/switches.js';
import { TLB_MISS, tlbDrop, tlbFill, tlbLookup } from '#tlblab/hardware/tlb.js';
import {
  type AccessKind,
  type CpuId,
  FETCH,
  LOAD,
  type Pcid,
  type Pfn,
  type PteHi,
  STORE,
  type TlbSlot,
} from '#tlblab/hardware/types.js';
import { NOWHERE, SharedMemory } from '#tlblab/memory/memory.js';
import { OneAccessError } from '#tlblab/memory/stepped-memory.js';
import { hardwareColumns, hardwareLayout, listener, TABLE_BITS, TestMachine, USED, vpn } from './machine.ts';

function machine(leaf = USED) {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), mkPte(page, leaf));
  m.setContent(page, 2, 42);
  m.load(cpu, pgd);
  return { m, cpu, pgd, table, page };
}

it('an access walks a level per step, then performs in one; the next one hits', () => {
  const { m, cpu, pgd, table, page } = machine();
  expect(m.access(cpu, vpn(9), 2, LOAD)).toBe(42);
  expect(m.passed).toEqual([
    `access: walking, next entry not read @ frame[${pgd}].words[2]`,
    `access: walking, next entry not read @ frame[${table}].words[2]`,
    `access: translation found in the tlb @ frame[${page}].words[2]`,
  ]);
  expect(m.access(cpu, vpn(9), 2, STORE, 43)).toBe(43);
  expect(m.passed).toEqual([`access: translation found in the tlb @ frame[${page}].words[2]`]);
  expect(m.content(page, 2)).toBe(43);
  const { count, regs } = m.hw;
  const counted = [count.accesses, count.tlbHits, count.tlbMisses, count.walkSteps].map((c) => c.peek(cpu.id));
  expect(counted).toEqual([2, 1, 1, 2]);
  const { walk, walkLevel, access: hit, cr3NoFlush } = cpu.costs;
  expect(regs.cycles.peek(cpu.id)).toBe(cr3NoFlush + walk + 2 * walkLevel + 2 * hit);
});

it('a translation that leads elsewhere after the point is announced anew', () => {
  const { m, cpu, table } = machine();
  const other = m.frame();
  m.setContent(other, 2, 7);
  m.access(cpu, vpn(9), 2, LOAD);
  const retarget = (nth: number) => {
    if (nth !== 1) return;
    m.setPte(table, 1, mkPte(other, USED));
    m.step(cpu, NOWHERE, () => invlpg(cpu, vpn(9)));
    m.walk(cpu, 1, vpn(9), LOAD);
  };
  expect(m.access(cpu, vpn(9), 2, LOAD, 0, retarget)).toBe(7);
  expect(m.passed.at(-1)).toBe(`access: translation found in the tlb @ frame[${other}].words[2]`);
});

it('an access in a step that did not announce its word breaks the one-access rule', () => {
  const { m, cpu, page } = machine();
  m.access(cpu, vpn(9), 2, LOAD);
  const path = access(cpu, vpn(9), 2, LOAD, 0);
  m.step(cpu, NOWHERE, () => path.next());
  expect(() => m.step(cpu, m.hw.frame.words.at(page, 3), () => path.next())).toThrow(OneAccessError);
});

it('tells the observer of root, walk, pointer, fill and access, each in its own step', () => {
  const { m, cpu, pgd, table, page } = machine(USED & ~PTE_D);
  const heard: string[] = [];
  const at = () => m.layout.nameOf(m.mem.touched);
  cpu.observer = listener({
    rootLoaded: (_, root) => heard.push(`root ${root}`),
    walkStarts: (_, walk, root, psc) => heard.push(`walk ${walk} starts at ${root} psc ${psc}`),
    walkReads: (_, walk, frame) => heard.push(`walk ${walk} reads ${frame}`),
    walkDescends: (_, walk, frame) => heard.push(`walk ${walk} descends to ${frame} having touched ${at()}`),
    pscFilled: (_, walk, psc) => heard.push(`walk ${walk} fills psc ${psc}`),
    tlbFilled: (_, slot, page, pfn) => heard.push(`slot ${slot} filled: ${page} -> ${pfn} having touched ${at()}`),
    accessed: (_, slot, page, word, kind, value) =>
      heard.push(`slot ${slot} page ${page} word ${word} kind ${kind} value ${value} having touched ${at()}`),
    pteChanges: (_, frame, index, oldLo, newLo) => heard.push(`entry ${frame}.${index} gains ${newLo & ~oldLo}`),
  });
  m.load(cpu, pgd, 2);
  m.access(cpu, vpn(9), 2, STORE, 5);
  expect(heard).toEqual([
    `root ${pgd}`,
    `walk 0 starts at ${pgd} psc -1`,
    `walk 0 reads ${pgd}`,
    `walk 0 descends to ${table} having touched frame[${pgd}].words[2]`,
    'walk 0 fills psc 0',
    `walk 0 reads ${table}`,
    `walk 0 reads ${table}`,
    `entry ${table}.1 gains ${PTE_D}`,
    `slot 2 filled: 9 -> ${page} having touched frame[${table}].words[2]`,
    `slot 2 page 9 word 2 kind 1 value 5 having touched frame[${page}].words[2]`,
  ]);
});

it('fills free ways first, then replaces round robin, and keeps one entry for a page', () => {
  const { m, cpu, pgd } = machine();
  // pages 1, 9, 17 and 25 share a set of two ways
  for (const page of [1, 17, 25]) m.map(pgd, vpn(page), mkPte(m.frame(), USED & ~PTE_D));
  const load = (page: number) => m.access(cpu, vpn(page), 0, LOAD);
  load(1);
  load(9);
  expect(m.pages(cpu)).toEqual(['1:1', '1:9']);
  load(17);
  expect(m.pages(cpu)).toEqual(['1:17', '1:9']);
  load(25);
  expect(m.pages(cpu)).toEqual(['1:17', '1:25']);
  // the store walks again for D: its entry is replaced in place
  m.access(cpu, vpn(25), 0, STORE, 1);
  expect(m.pages(cpu)).toEqual(['1:17', '1:25']);
});

it('a task that moves between look-up and access goes on with the tlb of the CPU it finds itself on', () => {
  const { m, cpu, pgd, table } = machine();
  const elsewhere = m.frame();
  m.setContent(elsewhere, 2, 77);
  m.load(m.cpus[1], pgd);
  m.access(cpu, vpn(9), 2, LOAD);
  m.setPte(table, 1, mkPte(elsewhere, USED));
  expect(m.access(cpu, vpn(9), 2, LOAD, 0, (nth) => nth === 1 && cpu.bind(1 as CpuId))).toBe(77);
  expect(m.hw.count.accesses.peek(1 as CpuId)).toBe(1);
});

describe('tryAccess', () => {
  /** A CPU over truly shared memory: pages 0-7 of tables 2 and 3 (roots, one level), frames 4 to 11. */
  function shared(pace: Pace = { stepping: false, due: () => false }) {
    const g = geometry('tiny', { levels: 4, tlbSets: 2, tlbWays: 3 });
    const layout = hardwareLayout(g);
    const nobodySleeps = { words: new Int32Array(1), sleepersAt: 0, changed: () => {}, acquired: () => {} };
    const mem = new SharedMemory(new Int32Array(new SharedArrayBuffer(layout.words * 4)), nobodySleeps);
    const hw = hardwareColumns(layout, mem);
    return new LogicalCpu(0 as CpuId, mem, g, SWITCHES_6_18, COST_PROFILES['bare-metal'] as CostProfile, hw, pace);
  }
  const slow = (cpu: LogicalCpu, page: number, word: number, kind: AccessKind, value: number): boolean =>
    access(cpu, vpn(page), word, kind, value).next().value as unknown as boolean;

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('access' as const),
        page: fc.nat(7),
        kind: fc.constantFrom<AccessKind>(LOAD, STORE, FETCH),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('pte' as const),
        root: fc.constantFrom(2, 3),
        page: fc.nat(7),
        frame: fc.integer({ min: 4, max: 11 }),
        bits: fc.constantFrom(0, PTE_RW, PTE_US, PTE_US | PTE_RW, PTE_US | PTE_RW | PTE_G),
        nx: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('invlpg' as const), page: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('invpcid' as const), pcid: fc.constantFrom(1, 2) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('cr3' as const), pcid: fc.constantFrom(1, 2), noflush: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pge' as const) }) },
  );

  it('does what the path does: same values, faults, frames, tlb and counters after any sequence', () => {
    let hits = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
        const [fast, plain] = [shared(), shared()];
        for (const cpu of [fast, plain]) {
          for (let page = 0; page < 8; page++) {
            const lo = mkPte((4 + page) as Pfn, page % 2 === 0 ? USED : TABLE_BITS);
            for (const root of [2, 3]) pteStore(cpu, root as Pfn, page, lo, 0 as PteHi);
          }
          writeCr3(cpu, 2 as Pfn, 1 as Pcid, false);
        }
        steps.forEach((s, i) => {
          for (const cpu of [fast, plain]) {
            if (s.do === 'pte') {
              const lo = mkPte(s.frame as Pfn, PTE_P | s.bits);
              pteStore(cpu, s.root as Pfn, s.page, lo, (s.nx ? PTE_NX : 0) as PteHi);
            } else if (s.do === 'invlpg') invlpg(cpu, vpn(s.page));
            else if (s.do === 'invpcid') invpcid(cpu, INVPCID_CONTEXT, s.pcid as Pcid, vpn(0));
            else if (s.do === 'cr3') writeCr3(cpu, (s.pcid + 1) as Pfn, s.pcid as Pcid, s.noflush);
            else if (s.do === 'pge') toggleCr4Pge(cpu);
          }
          if (s.do !== 'access') return;
          const hit = tryAccess(fast, vpn(s.page), 1, s.kind, i + 1);
          if (hit) hits++;
          const done = hit || slow(fast, s.page, 1, s.kind, i + 1);
          expect(done).toBe(slow(plain, s.page, 1, s.kind, i + 1));
          expect(done ? fast.loaded : fast.faultCode).toBe(done ? plain.loaded : plain.faultCode);
        });
        // all but the way predictor is equal, word for word
        const { tlb } = fast.hw;
        for (let word = tlb.hint.at(0 as CpuId); word < tlb.hint.at(0 as CpuId) + tlb.hint.width; word++) {
          fast.words[word] = 0;
        }
        expect(Buffer.compare(Buffer.from(fast.words.buffer), Buffer.from(plain.words.buffer))).toBe(0);
      }),
      { seed: 7, numRuns: 300 },
    );
    expect(hits).toBeGreaterThan(300);
  });

  it('misses after each kind of invalidation, though the predictor still points at the slot', () => {
    const cpu = shared();
    pteStore(cpu, 2 as Pfn, 5, mkPte(6 as Pfn, USED), 0 as PteHi);
    const hit = () => tryAccess(cpu, vpn(5), 0, LOAD, 0);
    for (const invalidate of [
      () => invlpg(cpu, vpn(5)),
      () => toggleCr4Pge(cpu),
      () => invpcid(cpu, INVPCID_CONTEXT, 1 as Pcid, vpn(0)),
      () => writeCr3(cpu, 2 as Pfn, 1 as Pcid, false),
      () => writeCr3(cpu, 2 as Pfn, 2 as Pcid, true),
    ]) {
      writeCr3(cpu, 2 as Pfn, 1 as Pcid, true);
      if (!hit()) slow(cpu, 5, 0, LOAD, 0);
      expect(hit()).toBe(true);
      invalidate();
      expect(hit()).toBe(false);
    }
  });

  it('goes the long way safely when hardware acts inside a point that does not yield', () => {
    const slots: number[] = [];
    const pace: Pace = {
      stepping: false,
      due: (who) => {
        // the entry just found is gone, and its slot holds another page
        if (slots.length === 0 && tlbLookup(who, vpn(4)) !== TLB_MISS) {
          slots.push(tlbLookup(who, vpn(4)));
          tlbDrop(who, slots[0] as TlbSlot);
          slots.push(tlbFill(who, vpn(6), mkPte(8 as Pfn, USED), 0 as PteHi));
        }
        return false;
      },
    };
    const cpu = shared(pace);
    pteStore(cpu, 2 as Pfn, 4, mkPte(7 as Pfn, USED), 0 as PteHi);
    writeCr3(cpu, 2 as Pfn, 1 as Pcid, false);
    let through = -1;
    cpu.observer = listener({ accessed: (_, slot) => (through = slot) });
    expect(slow(cpu, 4, 0, STORE, 5)).toBe(true);
    expect(slots[0]).toBe(slots[1]);
    expect(through).toBe(tlbLookup(cpu, vpn(4)));
  });

  it('leaves a store through a clean entry, and every violation, to the path', () => {
    const cpu = shared();
    writeCr3(cpu, 2 as Pfn, 1 as Pcid, false);
    pteStore(cpu, 2 as Pfn, 5, mkPte(6 as Pfn, TABLE_BITS), PTE_NX as PteHi);
    pteStore(cpu, 2 as Pfn, 4, mkPte(7 as Pfn, PTE_P | PTE_A), 0 as PteHi);
    slow(cpu, 5, 0, LOAD, 0);
    expect([LOAD, STORE, FETCH].map((kind) => tryAccess(cpu, vpn(5), 0, kind as AccessKind, 1))).toEqual([
      true,
      false,
      false,
    ]);
    expect(slow(cpu, 5, 0, STORE, 1)).toBe(true);
    expect(tryAccess(cpu, vpn(5), 0, STORE, 2)).toBe(true);
    expect(tryAccess(cpu, vpn(4), 0, LOAD, 0)).toBe(false);
  });
});
