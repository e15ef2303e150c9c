/** Random histories on a correct kernel with files are never convicted; with one fault planted in it they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILE_FAULTS, type FileFault, FileKernel, type FileOp } from './file-kernel.ts';

const CPUS = 3;

const op: fc.Arbitrary<FileOp> = fc.record({
  do: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('load' as const, 'store' as const) },
    { weight: 4, arbitrary: fc.constantFrom('read' as const, 'write' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('mmap' as const, 'munmap' as const, 'madvise' as const, 'reclaim' as const),
    },
    { weight: 1, arbitrary: fc.constantFrom('truncate' as const, 'fsync' as const) },
  ),
  page: fc.nat(3),
  file: fc.integer({ min: 1, max: 2 }),
  index: fc.nat(4),
  word: fc.nat(1),
  shared: fc.boolean(),
});

/** Who begins which operation, or goes on with the one it has begun. */
const history = fc.array(fc.record({ cpu: fc.nat(CPUS - 1), op }), { minLength: 20, maxLength: 140 });
type History = { cpu: number; op: FileOp }[];

/** In both address spaces pages 0 and 1 map files, shared, and 2 and 3 privately, first. */
const SETUP: History = [0, 2].flatMap((cpu) =>
  [0, 1, 2, 3].flatMap((page) => {
    const map: FileOp = { do: 'mmap', page, file: 1 + (page % 2), index: 1, word: 0, shared: page < 2 };
    return Array.from({ length: 3 }, () => ({ cpu, op: map }));
  }),
);

function run(steps: History, fault: FileFault, interleaved: boolean): string | undefined {
  const kernel = new FileKernel(fault);
  const { m } = kernel;
  const going: (Generator<void, void, void> | undefined)[] = [];
  for (const { cpu, op: next } of [...SETUP, ...steps]) {
    const path = going[cpu] ?? kernel.perform(cpu, next);
    going[cpu] = path;
    do {
      if (path.next().done) going[cpu] = undefined;
    } while (!interleaved && going[cpu]);
    if (m.harm()) return m.oracle.violation?.says;
  }
  for (const path of going) {
    while (path && !path.next().done);
  }
  m.oracle.readBack();
  m.oracle.leaks();
  return m.oracle.violation?.says;
}

const RUNS = { seed: 22, numRuns: 250 };

describe('histories on a correct kernel with files', () => {
  it.each([false, true])('are acquitted; interleaved: %s', (interleaved) => {
    fc.assert(
      fc.property(history, (steps) => {
        expect(run(steps, undefined, interleaved)).toBeUndefined();
      }),
      RUNS,
    );
  });
});

describe('histories with a planted fault', () => {
  it.each(FILE_FAULTS)('are convicted: %s', (fault) => {
    const samples = fc.sample(history, { seed: 23, numRuns: 60 });
    for (const interleaved of [false, true]) {
      const convicted = samples.filter((steps) => run(steps, fault, interleaved) !== undefined);
      expect(convicted.length).toBeGreaterThan(0);
    }
  });
});
