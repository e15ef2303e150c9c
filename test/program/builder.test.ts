import { describe, expect, it } from 'vitest';
import { awaits, by, fork, load, mmap, munmap, post, race, write } from '#tlblab/program/builder.js';
import { printLitmus } from '#tlblab/program/litmus.js';
import { defineWorkload, requireWorkload } from '#tlblab/program/workload.js';

describe('race', () => {
  it('builds a canonical program that reads like its litmus text', () => {
    const program = race(
      { cpus: 2 },
      {
        setup: [mmap(8, 2, 'rw'), ...by('P1', write(8, 2))],
        P0: [fork('C'), munmap(8, 2), post('gone')],
        P1: { cpu: 0, ops: [awaits('gone'), load(9, { word: 2, into: 'r0' })] },
        C: { cpu: 1, forkedBy: 'P0', ops: [load(8)] },
      },
      { name: 'built', says: 'example' },
    );
    expect(printLitmus(program)).toMatchInlineSnapshot(`
      "TLB built
      "example"
      {
        machine: cpus=2;
        task P1: cpu=0;
        task C: cpu=1, forkedBy=P0;
        P0: p = mmap(rw, 2) at @8;
        P1: touch p write;
      }
       P0        | P1                 | C      ;
       fork C    | await gone         | load p ;
       munmap p  | load p[1].w2 -> r0 |        ;
       post gone |                    |        ;
      "
    `);
  });

  it('wraps CPUs and refuses what cannot be', () => {
    expect(race({ cpus: 2 }, { A: [], B: [], C: [] }).tasks.map((t) => t.cpu)).toEqual([0, 1, 0]);
    expect(() => race({ cpus: 1 }, { A: [fork('B')] })).toThrow(
      'race: tasks[0].ops[0].task: unknown task "B"; expected A',
    );
    expect(() => race({ cpus: 1 }, {})).toThrow('no tasks');
    expect(() => race({ cpus: 1 }, { A: [munmap(31, 2)] }, {}, { pages: 32 })).toThrow('pages 31 to 32');
  });
});

describe('requireWorkload', () => {
  const workload = defineWorkload({
    name: 'idle',
    says: 'nothing',
    params: {},
    program: ({ cpus }) => race({ cpus }, { P0: [] }),
  });

  it('accepts a workload and names what is wrong with another value', () => {
    expect(requireWorkload(workload, 'w.mjs')).toBe(workload);
    expect(() => requireWorkload(undefined, 'w.mjs')).toThrow(
      'w.mjs: default export: missing; expected a workload made with defineWorkload',
    );
    expect(() => requireWorkload({ ...workload, program: 3 }, 'w.mjs')).toThrow(
      'w.mjs: program: number; expected a function',
    );
    expect(() => requireWorkload({ ...workload, name: 'a b' }, 'w.mjs')).toThrow('w.mjs: name:');
  });
});
