/** Random histories on a kernel that is correct are never convicted; with one fault planted in it they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULTS, type Fault, ModelKernel, type ModelOp } from './model-kernel.ts';

const CPUS = 4;

const op: fc.Arbitrary<ModelOp> = fc.record({
  do: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('load' as const, 'store' as const) },
    { weight: 2, arbitrary: fc.constant('mmap' as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom('munmap' as const, 'mprotect' as const, 'madvise' as const, 'mremap' as const),
    },
    { weight: 1, arbitrary: fc.constantFrom('fork' as const, 'fork' as const, 'exit' as const) },
  ),
  page: fc.nat(5),
  pages: fc.integer({ min: 1, max: 3 }),
  to: fc.nat(5),
  toPages: fc.integer({ min: 1, max: 3 }),
  word: fc.nat(1),
  writable: fc.boolean(),
  fixed: fc.boolean(),
});

/** Who begins which operation, or goes on with the one it has begun. */
const history = fc.array(fc.record({ cpu: fc.nat(CPUS - 1), op }), { minLength: 20, maxLength: 120 });
type History = { cpu: number; op: ModelOp }[];

/** Pages 0 to 5 are mapped first. */
function run(steps: History, fault: Fault, interleaved: boolean): string | undefined {
  const kernel = new ModelKernel(fault);
  const { m } = kernel;
  const going: (Generator<void, void, void> | undefined)[] = [];
  const map: ModelOp = {
    do: 'mmap',
    page: 0,
    pages: 6,
    to: 0,
    toPages: 1,
    word: 0,
    writable: true,
    fixed: true,
  };
  for (const { cpu, op: next } of [{ cpu: 0, op: map }, { cpu: 0, op: map }, { cpu: 0, op: map }, ...steps]) {
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

const RUNS = { seed: 20, numRuns: 250 };

describe('histories on a correct kernel', () => {
  it('one operation after another are acquitted', () => {
    fc.assert(
      fc.property(history, (steps) => {
        expect(run(steps, undefined, false)).toBeUndefined();
      }),
      RUNS,
    );
  });
  it('interleaved are acquitted', () => {
    fc.assert(
      fc.property(history, (steps) => {
        expect(run(steps, undefined, true)).toBeUndefined();
      }),
      RUNS,
    );
  });
});

describe('histories with a planted fault', () => {
  it.each(FAULTS)('are convicted: %s', (fault) => {
    const samples = fc.sample(history, { seed: 21, numRuns: 40 });
    for (const interleaved of [false, true]) {
      const convicted = samples.filter((steps) => run(steps, fault, interleaved) !== undefined);
      expect(convicted.length).toBeGreaterThan(0);
    }
  });
});
