/** What the emulated hardware reaches with programs of litmus suites, against searches and axioms that know nothing of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidates } from '#tlblab/hunt/suite/executions.js';
import { outcomesOf } from '#tlblab/hunt/suite/outcomes.js';
import type { SuiteRunOptions } from '#tlblab/hunt/suite/suite-run.js';
import type { MemoryModel } from '#tlblab/memory/tso-memory.js';
import type { SuiteProgram } from '#tlblab/program/suite-program.js';
import { plainProgram, remapProgram } from './arbitrary-suite.js';
import { bruteForce, shownOutcome } from './brute-force.js';

function emulated(program: SuiteProgram, memory: MemoryModel, options?: SuiteRunOptions): string[] {
  const { outcomes } = outcomesOf(program, memory, options);
  const shown = outcomes.map(({ reads, mem, map = {} }) => {
    const moved = Object.entries(map).filter(([va, pa]) => pa !== program.map[va]);
    return shownOutcome(reads, mem) + moved.map(([va, pa]) => ` ${va}->${pa}`).join('');
  });
  return [...new Set(shown)].sort();
}

describe('programs without page-table stores', () => {
  it('reach what interleavings of them reach, and nothing else', () => {
    fc.assert(
      fc.property(plainProgram, (program) => {
        expect(emulated(program, 'sc')).toEqual(bruteForce(program, false));
      }),
      { seed: 7, numRuns: 80 },
    );
  });

  it('behind store buffers reach what queues of stores before plain memory reach', () => {
    fc.assert(
      fc.property(plainProgram, (program) => {
        expect(emulated(program, 'tso')).toEqual(bruteForce(program, true));
      }),
      { seed: 7, numRuns: 80 },
    );
  });

  it('behind store buffers reach what the axioms of total store order allow', () => {
    let compared = 0;
    fc.assert(
      fc.property(plainProgram, (program) => {
        const legal = candidates(program)?.filter(({ isLegal }) => isLegal);
        if (legal === undefined) return;
        compared++;
        const shown = legal.map(({ outcome: { reads, mem } }) => shownOutcome(reads, mem));
        expect([...new Set(shown)].sort()).toEqual(bruteForce(program, true));
      }),
      { seed: 8, numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(300);
  });
});

describe('programs with a page-table store', () => {
  for (const [memory, numRuns] of [
    ['sc', 5],
    ['tso', 3],
  ] as const) {
    it(`reach with hardware that acts on remapped pages what they reach with hardware that acts on all, ${memory}`, () => {
      fc.assert(
        fc.property(remapProgram, (program) => {
          expect(emulated(program, memory)).toEqual(emulated(program, memory, { hardware: 'all' }));
        }),
        { seed: 9, numRuns },
      );
    }, 600_000);
  }
});
