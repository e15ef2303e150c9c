/**
 * What get_user_pages() rests on, taken away piece by piece. That a page which has been handed out again is not got, two things see
 * to: interrupts off, for which every flush waits here, and the second look at the entry. The bug gup-no-recheck has neither.
 */
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { fork, gup, load, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';
import { harmOf, type Routines } from '../hunt/harm.js';
import { SCENARIOS } from './scenarios.ts';

const { gupFast, gupFastPte } = BUGS['gup-no-recheck'].routines;

/** The harm of the program on a mainline with these routines. */
const harmIn = (source: Program, routines?: Routines) =>
  harmOf(mainline, source, { seed: 1, schedules: 2500, routines });

it('a second look at the entry, or interrupts off: one of them is enough', () => {
  const { program } = SCENARIOS['gup-no-recheck'];
  expect(harmIn(program, { gupFast })).toBeUndefined();
  expect(harmIn(program, { gupFastPte })).toBeUndefined();
  expect(harmIn(program, { gupFast, gupFastPte })).toBe('frame-reuse');
});

it('a walk that RCU knows of: else its tables are freed under it', () => {
  const program = race(
    { cpus: 2, override: { frames: 20 } },
    {
      setup: [mmap(8, 16, 'rw', { fixed: true }), store(8), store(16)],
      P0: [munmap(8, 16)],
      P1: [gup(8, 1, { fast: true })],
    },
  );
  expect(harmIn(program)).toBeUndefined();
  const unprotected: Routines = {
    *gupFast(cpu, request) {
      yield* cpu.kernel.gupFastPgdRange(cpu, request);
    },
  };
  expect(harmIn(program, unprotected)).toBe('table-reuse');
});

it('a copy before a shared page is written to: else the child sees it', () => {
  const program = race(
    { cpus: 2 },
    {
      setup: [mmap(8, 1, 'rw', { fixed: true }), store(8)],
      P0: [fork('C'), gup(8, 1, { write: true })],
      C: { cpu: 1, forkedBy: 'P0', ops: [load(8), load(8)] },
    },
  );
  expect(harmIn(program)).toBeUndefined();
  const careless: Routines = {
    *followPageMask(cpu, request, vpn) {
      return yield* MAINLINE.followPageMask(cpu, { ...request, write: false }, vpn);
    },
  };
  expect(harmIn(program, careless)).toBe('isolation');
});
