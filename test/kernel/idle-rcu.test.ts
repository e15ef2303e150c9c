/** The idle task frees page tables whose grace period is over, and nobody runs in its midst: else, at rest, it still had some in hand. */
import { expect, it } from 'vitest';
import { mainline } from '#tlblab/policy/mainline.js';
import { readFinding } from '#tlblab/report/finding-file.js';
import { huntIn } from '../hunt/harm.js';

it('leaves no page table over where its CPU takes another one down', () => {
  const { program, choices } = readFinding('test/data/idle-rcu.race.json');
  expect(huntIn(mainline, program, { schedules: 400, recorded: choices }).harm).toBeUndefined();
});
