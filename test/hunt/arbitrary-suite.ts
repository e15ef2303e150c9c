/** Suite files of one generated test. */
import fc from 'fast-check';
import { parseSuite, type TableCase } from '#tlblab/program/suite.js';
import type { SuiteProgram } from '#tlblab/program/suite-program.js';

const VAS = ['x', 'y', 'z'];
const va = fc.constantFrom(...VAS);
const val = fc.integer({ min: 1, max: 3 });

type FileEvent = Readonly<Record<string, unknown>>;

const load = va.map((va): FileEvent[] => [{ op: 'R', va }]);
const store = fc.record({ va, val }).map(({ va, val }): FileEvent[] => [{ op: 'W', va, val }]);
const locked = fc.record({ va, val }).map(({ va, val }): FileEvent[] => [
  { op: 'R', va, flags: ['RMW'] },
  { op: 'W', va, val, flags: ['RMW'] },
]);
const fence = fc.constant<FileEvent[]>([{ op: 'MFENCE' }]);
const invalidate = va.map((va): FileEvent[] => [{ op: 'INVLPG', va }]);

const thread = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: load },
      { weight: 5, arbitrary: store },
      { weight: 1, arbitrary: locked },
      { weight: 1, arbitrary: fence },
      { weight: 1, arbitrary: invalidate },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.flat());

/** Every virtual page on a physical page of its own, or two on one. */
const map = fc.constantFrom({ x: 'Px', y: 'Py', z: 'Pz' }, { x: 'Px', y: 'Px', z: 'Pz' });

/** Without page-table stores. */
export const plainProgram: fc.Arbitrary<SuiteProgram> = fc
  .record({ threads: fc.array(thread, { minLength: 1, maxLength: 3 }), map })
  .filter(({ threads }) => threads.flat().length <= 7)
  .map(({ threads, map }) => imported(threads, map, { Px: 0, Py: 0, Pz: 7 }));

const page = fc.constantFrom('x', 'y');
const remap = fc.record({ va: page, pa: fc.constantFrom('Px', 'Py', 'Pn') });
const touch = fc.oneof(
  page.map((va): FileEvent => ({ op: 'R', va })),
  fc.record({ va: page, val }).map(({ va, val }): FileEvent => ({ op: 'W', va, val })),
  page.map((va): FileEvent => ({ op: 'INVLPG', va })),
);

/** Two threads, of which one remaps a page; the other may have the invalidation that is owed. */
export const remapProgram: fc.Arbitrary<SuiteProgram> = fc
  .record({
    before: fc.array(touch, { maxLength: 1 }),
    remap,
    flushes: fc.boolean(),
    after: fc.array(touch, { maxLength: 1 }),
    other: fc.array(touch, { minLength: 1, maxLength: 2 }),
    owed: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  })
  .filter(({ before, flushes, after, other }) => before.length + Number(flushes) + after.length + other.length <= 3)
  .map(({ before, remap: { va, pa }, flushes, after, other, owed }) => {
    const name = `0.${before.length}`;
    const flush = { op: 'INVLPG', va, for: name };
    const remapper = [...before, { op: 'WPTE', va, pa }, ...(flushes ? [flush] : []), ...after];
    const told = owed === undefined ? other : [...other.slice(0, owed), flush, ...other.slice(owed)];
    return imported([remapper, told], { x: 'Px', y: 'Py' }, { Px: 10, Py: 20, Pn: 30 });
  });

function imported(threads: readonly FileEvent[][], map: object, mem: object): SuiteProgram {
  const table = { id: 'generated', threads, init: { map, mem }, permitted: [], forbidden: [] };
  const [{ cases }] = parseSuite(JSON.stringify({ tables: [table] }), 'generated');
  return (cases[0] as TableCase).program;
}
