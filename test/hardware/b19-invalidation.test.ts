/** B-19 to B-23: the invalidating instructions; B-33: what is atomic. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  INVPCID_ADDRESS,
  INVPCID_ALL,
  INVPCID_ALL_NON_GLOBAL,
  INVPCID_CONTEXT,
  type InvpcidType,
  invlpg,
  invpcid,
  toggleCr4Pge,
  writeCr3,
} from '#tlblab/hardware/invalidate.js';
import type { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import { mkPte, PTE_A, PTE_G, PTE_NX, PTE_P, PTE_RW, PTE_US, pteStore } from '#tlblab/hardware/pte.js';
import { LOAD, type Pcid, type Pfn, type PteHi, type PteLo, STORE } from '#tlblab/hardware/types.js';
import { walkStart, walkStep, walkWord } from '#tlblab/hardware/walker.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Options, TestMachine, USED, vpn } from './machine.ts';

let m: TestMachine;
let cpu: LogicalCpu;
let pgd: Pfn;

/** Pages 9, 10 and 17, and global page 18, cached under pcids 1 and 2; pcid 1 stays loaded. */
function fillAll(options: Options = {}): void {
  m = new TestMachine({ override: { pscEntries: 8, tlbWays: 8 }, ...options });
  [cpu] = m.cpus;
  pgd = m.frame();
  for (const page of [9, 10, 17]) m.map(pgd, vpn(page), mkPte(m.frame(), USED));
  m.map(pgd, vpn(18), mkPte(m.frame(), USED | PTE_G));
  for (const who of m.cpus) {
    for (const pcid of [2, 1]) {
      m.load(who, pgd, pcid);
      for (const page of [9, 10, 17, 18]) m.access(who, vpn(page), 0, LOAD);
    }
  }
}

const EVERYTHING = ['1:10', '1:17', '1:9', '2:10', '2:17', '2:18g', '2:9'];
const pointers = (who = cpu) => m.pointers(who).map((p) => p.split('->')[0]);
const ALL_POINTERS = ['1:1:1', '1:1:2', '2:1:1', '2:1:2'];
const flushes = () => [cpu.hw.count.pageFlushes.peek(cpu.id), cpu.hw.count.fullFlushes.peek(cpu.id)];

/** Executes an instruction in a step that announces nothing: an invalidation touches no contended word. */
function execute(instruction: () => void): void {
  m.step(cpu, NOWHERE, instruction);
}

beforeEach(() => fillAll());

it('B-19 INVLPG: the page in the loaded pcid, its global entry, and all pointers of the loaded pcid', () => {
  expect([m.pages(cpu), pointers(), flushes()]).toEqual([EVERYTHING, ALL_POINTERS, [0, 0]]);
  execute(() => invlpg(cpu, vpn(9)));
  expect(m.pages(cpu)).toEqual(EVERYTHING.filter((e) => e !== '1:9'));
  expect(pointers()).toEqual(['2:1:1', '2:1:2']);
  execute(() => invlpg(cpu, vpn(18)));
  expect(m.pages(cpu)).toEqual(EVERYTHING.filter((e) => e !== '1:9' && e !== '2:18g'));
  expect(flushes()).toEqual([2, 0]);
});

describe('B-20 INVPCID', () => {
  const leaves = (type: InvpcidType, pcid: number, page: number) => {
    execute(() => invpcid(cpu, type, pcid as Pcid, vpn(page)));
    return [m.pages(cpu), pointers(), flushes()];
  };

  it('B-20 type 0: one address of one pcid, which need not be loaded; globals stay', () => {
    const pages = EVERYTHING.filter((e) => e !== '2:9');
    expect(leaves(INVPCID_ADDRESS, 2, 9)).toEqual([pages, ['1:1:1', '1:1:2', '2:1:2'], [1, 0]]);
    expect(leaves(INVPCID_ADDRESS, 2, 18)).toEqual([pages, ['1:1:1', '1:1:2'], [2, 0]]);
  });
  it('B-20 type 1: one pcid; globals stay', () => {
    expect(leaves(INVPCID_CONTEXT, 2, 0)).toEqual([
      ['1:10', '1:17', '1:9', '2:18g'],
      ['1:1:1', '1:1:2'],
      [0, 1],
    ]);
  });
  it('B-20 type 2: everything', () => {
    expect(leaves(INVPCID_ALL, 0, 0)).toEqual([[], [], [0, 1]]);
  });
  it('B-20 type 3: everything but globals', () => {
    expect(leaves(INVPCID_ALL_NON_GLOBAL, 0, 0)).toEqual([['2:18g'], [], [0, 1]]);
  });
});

describe('B-21 MOV to CR3', () => {
  const empty = 30 as Pfn;
  const leaves = (pcid: number, noflush: boolean) => {
    execute(() => writeCr3(cpu, empty, pcid as Pcid, noflush));
    return [m.pages(cpu), pointers(), flushes()];
  };

  it('B-21 with bit 63 invalidates nothing, and switches at once', () => {
    expect(leaves(2, true)).toEqual([EVERYTHING, ALL_POINTERS, [0, 0]]);
    // cached under pcid 2, whatever the new root says
    expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(0);
    expect(m.access(cpu, vpn(11), 0, LOAD)).toBeUndefined();
  });
  it('B-21 without bit 63 invalidates the loaded pcid, globals excepted', () => {
    expect(leaves(2, false)).toEqual([
      ['1:10', '1:17', '1:9', '2:18g'],
      ['1:1:1', '1:1:2'],
      [0, 1],
    ]);
  });
  it('B-21 without PCIDs invalidates all but globals, whatever bit 63 says', () => {
    for (const noflush of [false, true]) {
      fillAll({ switches: { pcid: false } });
      // every load flushed the one before: pcid 0 is the only tag
      expect(m.pages(cpu)).toEqual(['0:10', '0:17', '0:18g', '0:9']);
      const before = cpu.hw.count.fullFlushes.peek(cpu.id);
      expect(leaves(2, noflush)).toEqual([['0:18g'], [], [0, before + 1]]);
      expect(cpu.hw.regs.cr3Pcid.peek(cpu.id)).toBe(0);
    }
  });
});

it('B-22 toggling CR4.PGE: everything, globals and all pcids included', () => {
  execute(() => toggleCr4Pge(cpu));
  expect([m.pages(cpu), pointers(), flushes()]).toEqual([[], [], [0, 1]]);
});

describe('B-23 an invalidation', () => {
  const instructions: [string, () => void][] = [
    ['invlpg', () => invlpg(cpu, vpn(9))],
    ['invpcid 0', () => invpcid(cpu, INVPCID_ADDRESS, 1 as Pcid, vpn(9))],
    ['invpcid 1', () => invpcid(cpu, INVPCID_CONTEXT, 1 as Pcid, vpn(0))],
    ['invpcid 2', () => invpcid(cpu, INVPCID_ALL, 0 as Pcid, vpn(0))],
    ['invpcid 3', () => invpcid(cpu, INVPCID_ALL_NON_GLOBAL, 0 as Pcid, vpn(0))],
    ['mov cr3', () => writeCr3(cpu, pgd, 1 as Pcid, false)],
    ['mov cr3, no flush', () => writeCr3(cpu, pgd, 1 as Pcid, true)],
    ['cr4.pge', () => toggleCr4Pge(cpu)],
  ];

  for (const [name, instruction] of instructions) {
    it(`B-23 (${name}) acts on the local CPU only, is complete at once, and cancels both walks`, () => {
      const other = m.cpus[1];
      execute(() => walkStart(cpu, 0, vpn(11)));
      execute(() => walkStart(cpu, 1, vpn(12)));
      execute(instruction);
      expect([m.pages(other), pointers(other)]).toEqual([EVERYTHING, ALL_POINTERS]);
      const { walk } = cpu.hw;
      expect([walk.active.peek(cpu.id, 0), walk.active.peek(cpu.id, 1)]).toEqual([0, 0]);
      // it has taken time, on this CPU's clock
      const clock = cpu.hw.regs.cycles.peek(cpu.id);
      execute(instruction);
      expect(cpu.hw.regs.cycles.peek(cpu.id)).toBeGreaterThan(clock);
    });
  }

  it('B-23 a page invalidated after its entry was cleared faults from the next access on', () => {
    const table = Number(m.pointers(cpu)[0].split('->')[1]) as Pfn;
    m.setPte(table, 1, 0 as PteLo);
    expect(m.access(cpu, vpn(9), 0, LOAD)).toBe(0);
    execute(() => invlpg(cpu, vpn(9)));
    expect(m.access(cpu, vpn(9), 0, LOAD)).toBeUndefined();
    expect(m.access(m.cpus[1], vpn(9), 0, LOAD)).toBe(0);
  });
});

describe('B-33 atomicity', () => {
  it('B-33 a walk is not atomic: another CPU may write between its levels', () => {
    m = new TestMachine({ override: { levels: 222 } });
    const [walker] = m.cpus;
    const [root, page, other] = [m.frame(), m.frame(), m.frame()];
    const [, middle, table] = m.map(root, vpn(27), mkPte(page, USED));
    m.setContent(other, 0, 7);
    m.load(walker, root);
    // each level is redirected just before the walk reads it, and what was read before is cut off behind it
    const between = (nth: number) => {
      if (nth === 2) m.setPte(root, 1, 0 as PteLo);
      if (nth === 3) {
        m.setPte(middle, 2, 0 as PteLo);
        m.setPte(table, 3, mkPte(other, USED));
      }
    };
    expect(m.access(walker, vpn(27), 0, LOAD, 0, between)).toBe(7);
    expect(m.passed).toHaveLength(4);
  });

  it('B-33 an entry is read and written whole: both halves belong to one store', () => {
    m = new TestMachine();
    const [walker, writer] = m.cpus;
    const [root, first, second] = [m.frame(), m.frame(), m.frame()];
    const [, table] = m.map(root, vpn(9), mkPte(first, PTE_P | PTE_US | PTE_RW), PTE_NX as PteHi);
    m.load(walker, root);
    m.walk(walker, 1, vpn(10), LOAD);
    m.step(walker, NOWHERE, () => walkStart(walker, 1, vpn(9)));
    // read with NX; replaced by another frame without NX before A is set
    m.step(walker, walkWord(walker, 1), () => walkStep(walker, 1, LOAD));
    m.step(writer, m.pteAt(table, 1), () => pteStore(writer, table, 1, mkPte(second, PTE_P | PTE_US), 0 as PteHi));
    for (let i = 0; i < 3; i++) m.step(walker, walkWord(walker, 1), () => walkStep(walker, 1, STORE));
    expect(m.tlb(walker)).toEqual([{ vpn: 9, pcid: 1, lo: mkPte(second, PTE_P | PTE_US | PTE_A), hi: 0, pfn: second }]);
  });
});
