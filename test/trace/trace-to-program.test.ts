import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Op } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { PLACEMENTS } from '#tlblab/trace/placement.js';
import { parseStrace } from '#tlblab/trace/strace.js';
import type { Touch } from '#tlblab/trace/touch.js';
import { type TraceOptions, traceToProgram } from '#tlblab/trace/trace-to-program.js';
import { stuckTasks } from '../program/runs-to-end.ts';

const LOG = readFileSync(new URL('../../workloads/data/strace-node-2workers.log', import.meta.url), 'utf8');
const OPTIONS: TraceOptions = { cpus: 2, place: 'round-robin', touch: 'none', seed: 1 };
const THREAD = 'clone(child_stack=0x7f0000102000, flags=CLONE_VM|CLONE_THREAD)';

const imported = (lines: string[], options: Partial<TraceOptions> = {}) =>
  traceToProgram(parseStrace(`${lines.join('\n')}\n`, 'dir/x.log'), { ...OPTIONS, ...options });
const opsOf = (lines: string[], options: Partial<TraceOptions> = {}) => imported(lines, options).program.tasks[0].ops;
const map = (at: string, pages = 2, prot = 'PROT_READ|PROT_WRITE', flags = 'MAP_PRIVATE|MAP_ANONYMOUS') =>
  `mmap(NULL, ${pages * 4096}, ${prot}, ${flags}, -1, 0) = ${at}`;

describe('the recorded log', () => {
  const trace = parseStrace(LOG, 'workloads/data/strace-node-2workers.log');

  it('is replayed completely: each of 934 calls replayed or skipped for a named reason', () => {
    const { inference, program } = traceToProgram(trace, { ...OPTIONS, cpus: 4 });
    expect(inference).toEqual({
      source: 'workloads/data/strace-node-2workers.log',
      placement: 'round-robin',
      touch: 'none',
      seed: 1,
      threads: 13,
      addressSpaces: 1,
      calls: {
        total: 934,
        replayed: 834,
        skipped: {
          'madvise MADV_DONTFORK: not modelled': 97,
          'brk that changes nothing': 2,
          'execve that starts the program': 1,
        },
      },
      linesSkipped: { 'end of a thread': 13 },
      implicitAreas: 2,
      fileMappings: 28,
      sharedMappings: 0,
      asAnonymous: 0,
      files: { replayed: 10, pages: 2501, unknown: 10, unnamed: 0, shared: 0, neverMapped: 0, unfit: [] },
      relocated: 0,
      pagesTouched: 0,
      peakPages: 0,
      ordersKept: 82,
      notes: [],
    });
    const counts: Record<string, number> = {};
    for (const op of program.tasks.flatMap((t) => t.ops)) counts[op.do] = (counts[op.do] ?? 0) + 1;
    // 205 mmap, 20 growths of the heap and 2 implicit areas; 266 munmap and 1 shrink of the heap
    expect(counts).toMatchObject({ mmap: 227, munmap: 267, mprotect: 259, madvise: 59, exit: 12, await: 82 });
    expect(program.tasks.map((t) => t.cpu)).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0]);
  });

  const touches: Touch[] = ['none', 'touch-on-map', 'touch-all', { sample: 0.01 }];
  it.each(PLACEMENTS.flatMap((place) => touches.map((touch) => ({ place, touch }))))(
    'is valid and ends under $place, $touch',
    ({ place, touch }) => {
      const { program, inference } = traceToProgram(trace, { cpus: 3, place, touch, seed: 7 });
      expect(parseProgram(program, 'trace')).toEqual(program);
      expect(inference.calls.replayed).toBe(834);
      for (const pick of [(n: number) => n - 1, () => 0, (n: number) => n >> 1])
        expect(stuckTasks(program, pick)).toEqual([]);
    },
  );

  it('is the same program for the same seed', () => {
    const options = { cpus: 4, place: 'seeded', touch: { sample: 0.05 } } as const;
    const program = (seed: number) => JSON.stringify(traceToProgram(trace, { ...options, seed }));
    expect(program(3)).toBe(program(3));
    expect(program(3)).not.toBe(program(4));
  });
});

describe('traceToProgram', () => {
  it('replays at the returned addresses, folded to 31 bits of page number', () => {
    expect(
      opsOf([
        `1 ${map('0x7f1ca4330000')}`,
        '1 mprotect(0x7f1ca4330000, 4097, PROT_READ) = 0',
        '1 madvise(0x7f1ca4331000, 4096, MADV_DONTNEED) = 0',
        '1 mremap(0x7f1ca4330000, 8192, 12288, MREMAP_MAYMOVE) = 0x7f1ca5000000',
        '1 munmap(0x7f1ca5000000, 12288) = 0',
      ]),
    ).toEqual([
      { do: 'mmap', page: 0x71ca4330, pages: 2, prot: 'rw', fixed: true },
      { do: 'mprotect', page: 0x71ca4330, pages: 2, prot: 'r' },
      { do: 'madvise', page: 0x71ca4331, advice: 'dontneed' },
      { do: 'mremap', page: 0x71ca4330, pages: 2, newPages: 3, to: 0x71ca5000 },
      { do: 'munmap', page: 0x71ca5000, pages: 3 },
    ]);
  });

  it('keeps rights and population', () => {
    const kinds = [
      ['PROT_NONE', 'MAP_PRIVATE|MAP_ANONYMOUS', { prot: 'none' }],
      ['PROT_READ', 'MAP_SHARED|MAP_ANONYMOUS', { prot: 'r', shared: true, file: 'shared' }],
      ['PROT_WRITE', 'MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE', { prot: 'rw', populate: true }],
      ['PROT_READ|PROT_EXEC', 'MAP_PRIVATE|MAP_ANONYMOUS', { prot: 'rx' }],
      ['PROT_READ|PROT_WRITE|PROT_EXEC', 'MAP_PRIVATE|MAP_ANONYMOUS', { prot: 'rwx' }],
    ] as const;
    for (const [prot, flags, expected] of kinds) {
      expect(opsOf([`1 ${map('0x10000', 1, prot, flags)}`])).toEqual([
        { do: 'mmap', page: 16, fixed: true, ...expected },
      ]);
    }
  });

  it('counts mappings of files and shared ones', () => {
    const file = 'mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</x>, 0) = 0x20000';
    const { inference } = imported([`1 ${map('0x10000', 1, 'PROT_READ', 'MAP_SHARED|MAP_ANONYMOUS')}`, `1 ${file}`]);
    expect([inference.fileMappings, inference.sharedMappings]).toEqual([1, 2]);
  });

  it('grows and shrinks the heap', () => {
    const heap = [
      '1 brk(NULL) = 0x10800',
      '1 brk(0x10900) = 0x10900',
      '1 brk(0x14000) = 0x14000',
      '1 brk(0x12000) = 0x12000',
    ];
    const { program, inference } = imported(heap);
    expect(program.tasks[0].ops).toEqual([
      { do: 'mmap', page: 17, pages: 3, prot: 'rw', fixed: true },
      { do: 'munmap', page: 18, pages: 2 },
    ]);
    expect(inference.calls).toEqual({ total: 4, replayed: 2, skipped: { 'brk that changes nothing': 2 } });
  });

  it('skips and counts what fails, is cut or is not modelled', () => {
    const { program, inference } = imported([
      '1 execve("/bin/x", ["x"], 0x7ff /* 3 vars */) = 0',
      '1 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
      '1 mmap(NULL, ...) = 0x10000',
      '1 madvise(0x10000, 4096, MADV_FREE) = 0',
      '1 syscall_0x1ce(0x10000, 0x1000, 0) = 0',
      '1 munmap(0x10000, 99999999999999) = 0',
      '1 wait4(-1, NULL, 0, NULL) = ?',
      '1 sched_setaffinity(0, 8, [1]) = 0',
    ]);
    expect(inference.calls.skipped).toEqual({
      'execve that starts the program': 1,
      'failed: ENOMEM': 1,
      'arguments abbreviated': 1,
      'madvise MADV_FREE: not modelled': 1,
      'syscall_0x1ce: not modelled': 1,
      'range does not fit the machine': 1,
      'wait4: not modelled': 1,
      'sched_setaffinity: the placement does not follow it': 1,
    });
    expect([inference.calls.replayed, inference.calls.total]).toEqual([0, 8]);
    expect(program.tasks[0].ops).toEqual([]);
  });

  it('creates areas that the log never mapped, and counts them', () => {
    const { program, inference } = imported([
      `1 ${map('0x11000', 1)}`,
      '1 mprotect(0x10000, 12288, PROT_READ) = 0',
      '1 munmap(0x10000, 4096) = 0',
      '1 munmap(0x30000, 4096) = 0',
    ]);
    expect(inference.implicitAreas).toBe(3);
    expect(program.tasks[0].ops.slice(1, 4)).toEqual([
      { do: 'mmap', page: 16, prot: 'rw', fixed: true },
      { do: 'mmap', page: 18, prot: 'rw', fixed: true },
      { do: 'mprotect', page: 16, pages: 3, prot: 'r' },
    ]);
  });

  it('moves addresses that would fall onto others', () => {
    const { program, inference } = imported([`1 ${map('0x10000')}`, `1 ${map('0x80000010000')}`]);
    const [low, high] = program.tasks[0].ops as { page: number }[];
    expect(low.page).toBe(16);
    expect(high.page % 2 ** 18).toBe(16);
    expect(high.page).not.toBe(16);
    expect(inference.relocated).toBe(1);
  });

  it('starts threads in the same address space and processes in a copy', () => {
    const { program } = imported(
      [
        `1 ${map('0x7f0000100000')}`,
        `1 ${THREAD} = 2`,
        '2 munmap(0x7f0000100000, 4096) = 0',
        '1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 3',
        '3 munmap(0x7f0000101000, 4096) = 0',
        '3 exit_group(0) = ?',
      ],
      { touch: 'touch-all' },
    );
    const [root, thread, child] = program.tasks;
    expect(root.ops.slice(2)).toEqual([
      { do: 'post', flag: 'f0' },
      { do: 'fork', task: 't3' },
    ]);
    expect(thread).toMatchObject({ name: 't2', cpu: 1 });
    expect(thread.ops).toEqual([
      { do: 'await', flag: 'f0' },
      // the top of its stack
      { do: 'touch', page: 0x70000101, write: true },
      { do: 'munmap', page: 0x70000100 },
    ]);
    expect(child).toEqual({
      name: 't3',
      cpu: 0,
      forkedBy: 't1',
      ops: [{ do: 'munmap', page: 0x70000101 }, { do: 'exit' }],
    });
  });

  it('goes on in a new address space after execve', () => {
    const { program, inference } = imported([
      `1 ${map('0x10000')}`,
      '1 vfork() = 2',
      '2 execve("/bin/x", ["x"], 0x7ff /* 3 vars */) = 0',
      `2 ${map('0x10000')}`,
      '1 munmap(0x10000, 8192) = 0',
    ]);
    expect(program.tasks.map(({ name, mm }) => [name, mm])).toEqual([
      ['t1', undefined],
      ['t2', undefined],
      ['t2_2', 1],
    ]);
    expect(program.tasks[1].ops.map((op) => op.do)).toEqual(['await', 'post', 'exit']);
    expect(inference.addressSpaces).toBe(2);
    expect(stuckTasks(program, () => 0)).toEqual([]);
  });

  it('keeps the order of calls on the same pages, and leaves other orders free', () => {
    const waits = (lines: string[]) =>
      imported(lines).program.tasks.map((t) =>
        t.ops.flatMap((op) => (op.do === 'await' || op.do === 'post' ? [op.flag] : [op.do])),
      );
    const start = [`1 ${THREAD} = 2`];
    // one after the other on the same pages; the next two are ordered through the first
    expect(
      waits([...start, `1 ${map('0x10000')}`, '2 munmap(0x10000, 4096) = 0', '2 munmap(0x11000, 4096) = 0']),
    ).toEqual([
      ['f0', 'mmap', 'f1'],
      ['f0', 'f1', 'munmap', 'munmap'],
    ]);
    // other pages
    expect(waits([...start, `1 ${map('0x10000')}`, `2 ${map('0x20000')}`])[1]).toEqual(['f0', 'mmap']);
    // overlapping in time: free, unless the kernel chose an address that was in use before
    const overlapping = (second: string) => [
      ...start,
      `1 ${map('0x10000')}`,
      '2 madvise(0x10000, 4096, MADV_DONTNEED) = 0',
      '1 munmap(0x10000, 8192 <unfinished ...>',
      `2 ${second}`,
      '1 <... munmap resumed>) = 0',
    ];
    expect(waits(overlapping('madvise(0x10000, 4096, MADV_DONTNEED) = 0'))[1]).toEqual([
      'f0',
      'f1',
      'madvise',
      'f2',
      'madvise',
    ]);
    expect(waits(overlapping(map('0x10000')))[1]).toEqual(['f0', 'f1', 'madvise', 'f2', 'f3', 'mmap']);
  });

  it('touches what becomes accessible, as often as it is told to', () => {
    const lines = [
      `1 ${map('0x100000', 40)}`,
      `1 ${map('0x200000', 3, 'PROT_NONE')}`,
      '1 mprotect(0x201000, 4096, PROT_READ) = 0',
      `1 ${map('0x300000', 5, 'PROT_READ|PROT_WRITE', 'MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK')}`,
    ];
    const touched = (touch: Touch) => opsOf(lines, { touch }).filter((op: Op) => op.do === 'touch');
    expect(touched('none')).toEqual([]);
    expect(touched('touch-on-map')).toEqual([
      { do: 'touch', page: 256, pages: 16, write: true },
      { do: 'touch', page: 513 },
    ]);
    expect(touched('touch-all')).toEqual([
      { do: 'touch', page: 256, pages: 40, write: true },
      { do: 'touch', page: 513 },
      { do: 'touch', page: 768, pages: 5, write: true },
    ]);
    expect(touched({ sample: 1 })).toEqual(touched('touch-all'));
    expect(touched({ sample: 0 })).toEqual([]);
  });

  it('asks for as many frames as the pages touched need', () => {
    const { program, inference } = imported([`1 ${map('0x10000000', 40_000)}`], { touch: 'touch-all' });
    expect(inference.peakPages).toBe(40_000);
    expect(program.machine.override!.frames).toBeGreaterThan(50_000);
  });

  it('places threads as it is told to', () => {
    const lines = [`7 ${THREAD} = 9`, '9 sched_setaffinity(0, 8, [3 4]) = 0', '9 sched_setaffinity(7, 8, [1]) = 0'];
    const cpus = (place: TraceOptions['place']) => imported(lines, { place, cpus: 4 }).program.tasks.map((t) => t.cpu);
    expect(cpus('round-robin')).toEqual([0, 1]);
    expect(cpus('by-tid')).toEqual([3, 1]);
    const { program, inference } = imported(lines, { place: 'affinity', cpus: 4 });
    expect(program.tasks[1].ops[1]).toEqual({ do: 'move', cpu: 3 });
    expect(inference.calls.skipped).toEqual({ 'sched_setaffinity of another thread: not modelled': 1 });
  });

  it('refuses more threads than a machine can hold', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `1 clone(child_stack=NULL, flags=CLONE_VM) = ${i + 2}`);
    expect(() => imported(lines)).toThrow('dir/x.log: 301 threads; expected at most 256');
  });

  it('makes a valid program that ends of any part of the log', () => {
    const lines = LOG.trimEnd().split('\n');
    fc.assert(
      fc.property(fc.nat(lines.length - 60), fc.integer({ min: 20, max: 400 }), fc.nat(), (from, count, seed) => {
        const part = lines.slice(from, from + count).filter((l) => !l.startsWith('strace'));
        const trace = parseStrace(`${part.join('\n')}\n`, 'part.log');
        const { program, inference } = traceToProgram(trace, { cpus: 3, place: 'seeded', touch: 'touch-on-map', seed });
        const skipped = Object.values(inference.calls.skipped).reduce((a, b) => a + b, 0);
        expect(inference.calls.replayed + skipped).toBe(trace.calls.length);
        expect(stuckTasks(program, (n) => seed % n)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
