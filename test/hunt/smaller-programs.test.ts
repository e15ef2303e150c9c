import { expect, it } from 'vitest';
import { smallerPrograms } from '#tlblab/hunt/smaller-programs.js';
import { by, device, kalloc, load, mmap, race, reclaim, reclaimMemory } from '#tlblab/program/builder.js';
import { canonicalOp } from '#tlblab/program/canonical.js';
import type { Program } from '#tlblab/program/program.js';

const program: Program = race(
  { cpus: 3, override: { frames: 30 } },
  {
    setup: [mmap(8, 4, 'r', { file: 'f', fixed: true }), ...by('P1', load(8))],
    P0: [reclaim('f', 0, 4)],
    P1: [load(8)],
  },
  {
    files: [
      { name: 'f', pages: 4, remote: true },
      { name: 'g', pages: 1 },
    ],
  },
);
const smaller = [...smallerPrograms(program)].map((s) => s.program);

it.each<[string, (p: Program) => boolean]>([
  ['a file that nothing names', (p) => p.files?.length === 1 && p.files[0].name === 'f'],
  ['a page of a file', (p) => p.files?.[0].pages === 3],
  ["that a file is a server's", (p) => p.files?.[0].name === 'f' && !p.files[0].remote],
  ['a setting of the machine', (p) => Object.keys(p.machine.override ?? {}).length === 0],
  ['half of a setting', (p) => p.machine.override?.frames === 15],
  ['an idle CPU', (p) => p.machine.cpus === 2],
  ['an operation', (p) => p.tasks.length === 2 && p.tasks[1].ops.length === 0],
  ['an operation of the history', (p) => p.history.length === 1],
  ['the end of a range', (p) => p.tasks[0].ops.some((op) => 'pages' in op && op.pages === 2)],
  ['the start of a range', (p) => p.tasks[0].ops.some((op) => 'page' in op && op.page === 1)],
])('leaves out %s', (_, wanted) => {
  expect(smaller.some(wanted)).toBe(true);
});

it('keeps a CPU that a device interrupts, shortens what the kernel allocates, and numbers CPUs afresh', () => {
  const busy = race({ cpus: 4 }, { P0: [kalloc(4)], P1: { cpu: 1, ops: [device(3)] } });
  const less = [...smallerPrograms(busy)];
  expect(less.some((s) => s.program.tasks[0].ops[0]?.do === 'kalloc' && s.program.machine.cpus === 4)).toBe(true);
  const pages = less.flatMap((s) => s.program.tasks[0].ops).map((op) => ('pages' in op ? op.pages : 0));
  expect(pages).toContain(1);
  expect(pages).toContain(2);
  expect(less.find((l) => l.cpus.length < 4)).toMatchObject({
    cpus: [0, 1, 3],
    program: { tasks: [{}, { ops: [{ do: 'device', cpu: 2 }] }] },
  });
});

it('puts a memory file on the disk, and gives a task memory of its own for what it shares', () => {
  const mapped = race(
    { cpus: 1 },
    { P0: [mmap(8, 1, 'rw', { shared: true }), mmap(12, 1, 'r', { shared: true, file: 'f' })] },
    { files: [{ name: 'f', pages: 1, memory: true }] },
  );
  const less = [...smallerPrograms(mapped)].map((s) => s.program);
  expect(less.some((p) => p.files?.[0].name === 'f' && !p.files[0].memory)).toBe(true);
  const first = less.filter((p) => p.tasks[0].ops.length === 2).map((p) => p.tasks[0].ops);
  expect(first).toContainEqual([mmap(8, 1, 'rw'), mmap(12, 1, 'r', { shared: true, file: 'f' })].map(canonicalOp));
});

it('lets one task do what two of its address space do, before or behind its own, and nobody of another one', () => {
  const three = race(
    { cpus: 3 },
    {
      setup: [...by('P1', mmap(8, 1, 'rw'))],
      P0: [load(8)],
      P1: [kalloc()],
      P2: { cpu: 2, mm: 1, ops: [reclaimMemory(8, 1, { of: 'P1' })] },
    },
  );
  const fewer = [...smallerPrograms(three)].map((s) => s.program).filter((p) => p.tasks.length < 3);
  const both = fewer.filter((p) => p.tasks[0].ops.length === 2);
  expect(both.map((p) => p.tasks.map((t) => t.name))).toEqual([
    ...Array(2).fill(['P1', 'P2']),
    ...Array(2).fill(['P0', 'P2']),
  ]);
  expect(both.map((p) => p.tasks[0].ops.map((op) => op.do).join())).toEqual([
    ...['load,kalloc', 'kalloc,load'],
    ...['kalloc,load', 'load,kalloc'],
  ]);
  const [, , first] = both;
  expect(first.history[0].task).toBe('P0');
  expect(first.tasks[1].ops[0]).toMatchObject({ do: 'reclaim', of: 'P0' });
});

it('offers nothing larger, and each but once', () => {
  const texts = smaller.map((p) => JSON.stringify(p));
  expect(new Set(texts).size).toBe(texts.length);
  expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(JSON.stringify(program).length);
});
