import { expect, it } from 'vitest';
import { mkPte } from '#tlblab/hardware/pte.js';
import { LOAD, STORE } from '#tlblab/hardware/types.js';
import { TestMachine, USED, vpn } from './machine.ts';

it('an access walks a level per step, then performs in one; the next one hits', () => {
  const m = new TestMachine();
  const [cpu] = m.cpus;
  const pgd = m.frame();
  const page = m.frame();
  const [, table] = m.map(pgd, vpn(9), mkPte(page, USED));
  m.setContent(page, 2, 42);
  m.load(cpu, pgd);
  expect(m.access(cpu, vpn(9), 2, LOAD)).toBe(42);
  expect(m.passed).toEqual([
    `access: walking, next entry not read @ frame[${pgd}].words[2]`,
    `access: walking, next entry not read @ frame[${table}].words[2]`,
    `access: translation found in the tlb @ frame[${page}].words[2]`,
  ]);
  expect(m.access(cpu, vpn(9), 2, STORE, 43)).toBe(43);
  expect(m.passed).toEqual([`access: translation found in the tlb @ frame[${page}].words[2]`]);
  expect(m.content(page, 2)).toBe(43);
});
