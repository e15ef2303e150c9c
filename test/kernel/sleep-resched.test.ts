/** A wake that comes before its sleep ends that at once; what else was woken meanwhile, a stopper here, has its turn all the same. */
import { expect, it } from 'vitest';
import { mainline } from '#tlblab/policy/mainline.js';
import { readFinding } from '#tlblab/report/finding-file.js';
import { huntIn } from '../hunt/harm.js';

it('lets the stopper run where a sleeper was woken too early', () => {
  const { program, choices } = readFinding('test/data/sleep-resched.race.json');
  expect(huntIn(mainline, program, { schedules: 400, recorded: choices }).harm).toBeUndefined();
});
