/** The routines of a machine: whose count, and that the same plug-ins have the same record. */
import { expect, it } from 'vitest';
import { kernelOf } from '#tlblab/engine/kernel-of.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';

const { zapPte, mmput } = MAINLINE;
const one = { zapPte: mmput as unknown as typeof zapPte };
const other = { zapPte: MAINLINE.zapPteRange as unknown as typeof zapPte, mmput: zapPte as unknown as typeof mmput };

it('the later of two that replace the same routine counts, and mainline where nobody does', () => {
  const kernel = kernelOf([one, other]);
  expect([kernel.zapPte, kernel.mmput]).toEqual([other.zapPte, other.mmput]);
  expect(kernelOf([other, one]).zapPte).toBe(one.zapPte);
  expect(kernelOf([other, one]).mmput).toBe(other.mmput);
  expect({ ...kernel, zapPte, mmput }).toEqual(MAINLINE);
  expect([MAINLINE.zapPte, MAINLINE.mmput]).toEqual([zapPte, mmput]);
});

it('the same plug-ins in the same order have the same record, others have another', () => {
  expect(kernelOf([one, other])).toBe(kernelOf([one, other]));
  expect(kernelOf([{ ...one }, other])).not.toBe(kernelOf([one, other]));
  expect(kernelOf([one])).not.toBe(kernelOf([one, other]));
});
