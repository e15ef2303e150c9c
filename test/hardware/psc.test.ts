import { expect, it } from 'vitest';
import type { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import { PSC_MISS, pscDrop, pscFill, pscLookup } from '#tlblab/hardware/psc.js';
import type { Pfn } from '#tlblab/hardware/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { TestMachine, vpn } from './machine.ts';

function machine(pscEntries: number) {
  const m = new TestMachine({ override: { levels: 222, pscEntries } });
  const [cpu] = m.cpus;
  m.load(cpu, 1 as Pfn);
  const fill = (page: number, level: number, pfn: number, who: LogicalCpu = cpu) =>
    m.step(who, NOWHERE, () => pscFill(who, vpn(page), level, pfn as Pfn, 0, 0));
  return { m, cpu, fill };
}

it('the deepest pointer serves, in whatever order they came', () => {
  const { m, cpu, fill } = machine(4);
  expect(pscLookup(cpu, vpn(27))).toBe(PSC_MISS);
  const deep = fill(27, 2, 5);
  const shallow = fill(27, 1, 6);
  expect(pscLookup(cpu, vpn(27))).toBe(deep);
  // page 23 shares the upper table only, page 43 none
  expect([pscLookup(cpu, vpn(23)), pscLookup(cpu, vpn(43))]).toEqual([shallow, PSC_MISS]);
  m.step(cpu, NOWHERE, () => pscDrop(cpu, deep));
  expect(pscLookup(cpu, vpn(27))).toBe(shallow);
  m.load(cpu, 1 as Pfn, 2);
  expect(pscLookup(cpu, vpn(27))).toBe(PSC_MISS);
});

it('a pointer replaces the one of the same table, else takes a free slot, else the next victim in turn', () => {
  const { m, cpu, fill } = machine(2);
  expect([fill(0, 2, 5), fill(0, 2, 6), fill(4, 2, 7)]).toEqual([0, 0, 1]);
  expect(m.pointers(cpu)).toEqual(['1:2:0->6', '1:2:1->7']);
  expect([fill(8, 2, 8), fill(12, 2, 9), fill(16, 2, 10)]).toEqual([0, 1, 0]);
  // a pointer of the same page bits at another level, or of another CPU, is another pointer
  expect(fill(16, 1, 11)).toBe(1);
  expect(fill(16, 2, 12, m.cpus[1])).toBe(0);
  expect(m.pointers(cpu)).toEqual(['1:1:1->11', '1:2:4->10']);
});
