/**
 * `mainline` beside a real kernel: TLB interrupts that CPU1 received per operation, counted on Linux 6.18 (x86-64, PCID, no
 * INVLPGB) in a guest with two CPUs. Thread A runs on CPU0 and does the operation, thread B spins in user mode on CPU1.
 * Only what the kernel models today is compared: anonymous memory, no files, no reclaim.
 */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { Clock } from '#tlblab/measure/clock.js';
import { policyNamed } from '#tlblab/policy/index.js';
import {
  by,
  compute,
  dontneed,
  fork,
  mmap,
  mprotect,
  mremap,
  munmap,
  race,
  read,
  sleep,
  wake,
  write,
} from '#tlblab/program/builder.js';
import type { Op } from '#tlblab/program/program.js';

const CPU1 = 1 as CpuId;
const TABLE = 512;
/** Inside a page table that others use too. */
const HERE = 4 * TABLE + 64;
const THERE = 9 * TABLE + 64;
/** Pages that keep the tables around a range alive. */
const KEEPS = (page: number, pages: number): Op[] => [
  mmap(page - 2, 1, 'rw', { fixed: true }),
  write(page - 2),
  mmap(page + pages + 1, 1, 'rw', { fixed: true }),
  write(page + pages + 1),
];

interface Case {
  /** A's preparation beyond mapping and writing the pages. */
  readonly before?: Op[];
  readonly operation: Op[];
  /** B reads the pages before the operation; true when left out. */
  readonly touchedByB?: boolean;
  /** A writes the pages before the operation; true when left out. */
  readonly touchedByA?: boolean;
  readonly page?: number;
  /** Other pages keep the page tables of source and target alive; true when left out. */
  readonly survives?: boolean;
  /** What B does meanwhile. */
  readonly b?: 'spins' | 'sleeps' | 'absent';
}

/** Runs the operation on `pages` pages; what CPU1 received and did because of it. */
function onCpu1(pages: number, { before = [], operation, b = 'spins', ...c }: Case) {
  const { touchedByA = true, touchedByB = b !== 'absent', page = HERE, survives = true } = c;
  const setup = [
    ...(survives ? [...KEEPS(page, pages), ...KEEPS(THERE + (page - HERE), pages)] : []),
    mmap(page, pages, 'rw', { fixed: true }),
    ...(touchedByA ? [write(page, pages)] : []),
    ...(touchedByB ? by('B', read(page, pages)) : []),
    ...before,
  ];
  const asleep = b === 'sleeps';
  const program = race(
    { cpus: 2, geometry: 'full', override: { frames: 2048 } },
    {
      setup,
      A: { cpu: 0, ops: asleep ? [compute(1_000_000), ...operation, wake('B')] : operation },
      ...(b === 'absent' ? {} : { B: { cpu: 1, ops: asleep ? [sleep()] : [] } }),
      ...([...before, ...operation].some((op) => op.do === 'fork') ? { C: { cpu: 0, forkedBy: 'A', ops: [] } } : {}),
    },
    { name: 'real-kernel' },
  );
  const stepper = new Stepper({
    program,
    policy: policyNamed('mainline'),
    patches: [],
    oracle: undefined,
    costs: 'bare-metal',
    // page tables of real size: a large image, and no rule to check in it
    checks: { access: false, hash: false },
  });
  const { count, kcount } = stepper.machine.columns;
  const seen = () => [kcount.handlerRuns, count.pageFlushes, count.fullFlushes].map((column) => column.peek(CPU1));
  const start = seen();
  expect(stepper.run(new Clock(stepper, { tickCycles: 0 }).choose, 1_000_000)).toBe('finished');
  const [ipis, pageFlushes, fullFlushes] = seen().map((n, i) => n - start[i]);
  return { ipis, pageFlushes, fullFlushes };
}

const SIZES = [1, 8, 32, 33, 34, 64, 512];
const all = (n: number): number[] => SIZES.map(() => n);
const P = HERE;

describe('interrupts received by CPU1 per operation, for 1, 8, 32, 33, 34, 64, 512 pages', () => {
  const rows: [string, (pages: number) => Case, number[]][] = [
    ['a. munmap, touched', (n) => ({ operation: [munmap(P, n)] }), all(1)],
    ["a'. munmap, B never touched it", (n) => ({ operation: [munmap(P, n)], touchedByB: false }), all(1)],
    [
      "a''. munmap, nobody touched it",
      (n) => ({ operation: [munmap(P, n)], touchedByA: false, touchedByB: false }),
      all(0),
    ],
    ['b. mprotect RW->RO', (n) => ({ operation: [mprotect(P, n, 'r')] }), all(1)],
    [
      "b'. mprotect RO->RW, dirty pages",
      (n) => ({ before: [mprotect(P, n, 'r')], operation: [mprotect(P, n, 'rw')] }),
      all(1),
    ],
    ["b''. mprotect RW->NONE", (n) => ({ operation: [mprotect(P, n, 'none')] }), all(1)],
    [
      "b''. mprotect NONE->RW",
      (n) => ({ before: [mprotect(P, n, 'none')], operation: [mprotect(P, n, 'rw')] }),
      all(0),
    ],
    ['c. madvise DONTNEED', (n) => ({ operation: [dontneed(P, n)] }), all(1)],
    [
      'e. mremap move (of 512 pages: a whole page table, or the count depends on the placement)',
      (n) => {
        const [page, to] = n === TABLE ? [5 * TABLE, 10 * TABLE] : [P, THERE];
        return { page, operation: [mremap(page, n, { to })] };
      },
      all(1),
    ],
    ['f. fork alone', () => ({ operation: [fork('C')] }), all(1)],
    ["f'. COW stores, child alive", (n) => ({ before: [fork('C')], operation: [write(P, n)] }), SIZES],
    ['j. mmap FIXED over', (n) => ({ operation: [mmap(P, n, 'rw', { fixed: true })] }), all(1)],
  ];
  it.each(rows)('%s', (_, make, expected) => {
    expect(SIZES.map((pages) => onCpu1(pages, make(pages)).ipis)).toEqual(expected);
  });
});

describe('placement of 8 pages', () => {
  const across = 5 * TABLE - 4;
  const rows: [string, Pick<Case, 'page' | 'survives'>, { munmap: number; mremap: number }][] = [
    ['inside one page table that survives', {}, { munmap: 1, mremap: 1 }],
    ['alone: its page table is freed too', { survives: false }, { munmap: 1, mremap: 2 }],
    ['across a 2 MiB border, tables survive', { page: across }, { munmap: 1, mremap: 2 }],
    ['across a border, tables freed', { page: across, survives: false }, { munmap: 1, mremap: 3 }],
  ];
  it.each(rows)('%s', (_, where, expected) => {
    const page = where.page ?? HERE;
    const to = THERE + (page - HERE);
    expect({
      munmap: onCpu1(8, { ...where, operation: [munmap(page, 8)] }).ipis,
      mremap: onCpu1(8, { ...where, operation: [mremap(page, 8, { to })] }).ipis,
    }).toEqual(expected);
  });
});

it('flushes up to 33 pages one by one, and more as a whole', () => {
  const flushes = (pages: number) => onCpu1(pages, { operation: [munmap(P, pages)] });
  expect(flushes(33)).toEqual({ ipis: 1, pageFlushes: 33, fullFlushes: 0 });
  expect(flushes(34)).toEqual({ ipis: 1, pageFlushes: 0, fullFlushes: 1 });
});

describe('CPU1 idle, or without a second thread', () => {
  const operations = {
    'munmap, table survives': { operation: [munmap(P, 8)] },
    'munmap, table freed': { operation: [munmap(P, 8)], survives: false },
    mprotect: { operation: [mprotect(P, 8, 'r')] },
    mremap: { operation: [mremap(P, 8, { to: THERE })] },
  } satisfies Record<string, Case>;
  const rows: ['spins' | 'sleeps' | 'absent', number[]][] = [
    ['spins', [1, 1, 1, 1]],
    ['sleeps', [0, 1, 0, 1]],
    ['absent', [0, 0, 0, 0]],
  ];
  it.each(rows)('B %s', (b, expected) => {
    expect(Object.values(operations).map((c) => onCpu1(8, { ...c, b }).ipis)).toEqual(expected);
  });
});
