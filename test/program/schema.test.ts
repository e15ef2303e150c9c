import { describe, expect, it } from 'vitest';
import { GUP_PAGES } from '#tlblab/kernel/mm/gup.js';
import { BadInput } from '#tlblab/program/bad-input.js';
import type { Program } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';

const good = (): Program => ({
  name: 'good',
  machine: { cpus: 2 },
  tasks: [
    { name: 'P0', cpu: 0, ops: [{ do: 'mmap', page: 4, pages: 1, prot: 'rw' }] },
    { name: 'P1', cpu: 1, ops: [{ do: 'load', page: 4, word: 0, into: 'r0' }] },
  ],
  history: [],
});

// biome-ignore lint/suspicious/noExplicitAny: what is tested is input of the wrong type
type Change = (program: any) => unknown;

/** The message for a good program that is changed so. */
function refused(change: Change): string {
  const program = good();
  change(program);
  try {
    parseProgram(program, 'x.json', { pages: 32, filePages: 8 });
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('parseProgram', () => {
  it('returns the canonical program', () => {
    expect(parseProgram(good(), 'x.json')).toEqual({
      name: 'good',
      machine: { cpus: 2 },
      tasks: [
        { name: 'P0', cpu: 0, ops: [{ do: 'mmap', page: 4, prot: 'rw' }] },
        { name: 'P1', cpu: 1, ops: [{ do: 'load', page: 4, into: 'r0' }] },
      ],
      history: [],
    });
  });

  it('keeps a truncation to one page and leaves out what is at its default', () => {
    const program = good();
    program.files = [{ name: 'f', pages: 1 }];
    program.tasks[0].ops = [
      { do: 'truncate', file: 'f', pages: 1 },
      { do: 'reclaim', file: 'f', page: 0, pages: 1 },
      { do: 'migrate', file: 'f', page: 0, sync: false },
      { do: 'mmap', page: 4, prot: 'r', file: 'f', offset: 0 },
    ];
    expect(parseProgram(program, 'x.json').tasks[0].ops).toEqual([
      { do: 'truncate', file: 'f', pages: 1 },
      { do: 'reclaim', file: 'f', page: 0 },
      { do: 'migrate', file: 'f', page: 0 },
      { do: 'mmap', page: 4, prot: 'r', file: 'f' },
    ]);
    expect(parseProgram({ ...good(), files: [] }, 'x.json').files).toBeUndefined();
  });

  it.each([
    ['page below 0', (p) => (p.tasks[1].ops[0].page = -1), 'tasks[1].ops[0].page: -1; expected at least 0'],
    ['page no number', (p) => (p.tasks[1].ops[0].page = 'a'), 'tasks[1].ops[0].page: "a"; expected a number'],
    ['page no integer', (p) => (p.tasks[0].ops[0].page = 1.5), 'tasks[0].ops[0].page: 1.5; expected an integer'],
    ['no page', (p) => delete p.tasks[1].ops[0].page, 'tasks[1].ops[0].page: missing; expected a number'],
    [
      'field too many',
      (p) => (p.tasks[1].ops[0].x = 3),
      'tasks[1].ops[0]: {do, page, word, into, x}; expected no field named "x"',
    ],
    [
      'rights',
      (p) => (p.tasks[0].ops[0].prot = 'w'),
      'tasks[0].ops[0].prot: "w"; expected one of none, r, rw, rx, rwx',
    ],
    ['no pages', (p) => (p.tasks[0].ops[0].pages = 0), 'tasks[0].ops[0].pages: 0; expected at least 1'],
    [
      'range beyond the geometry',
      (p) => (p.tasks[0].ops[0].pages = 29),
      'tasks[0].ops[0].page: pages 4 to 32; expected 0 to 31 (the address space has 32 pages)',
    ],
    [
      'mremap beyond the geometry',
      (p) => p.tasks[0].ops.push({ do: 'mremap', page: 4, pages: 2, to: 31 }),
      'tasks[0].ops[1].to: pages 31 to 32; expected 0 to 31 (the address space has 32 pages)',
    ],
    ['CPU out of range', (p) => (p.tasks[1].cpu = 2), 'tasks[1].cpu: CPU 2; expected 0 to 1 (the machine has 2)'],
    [
      'two tasks of a name',
      (p) => (p.tasks[1].name = 'P0'),
      'tasks[1].name: second task named "P0"; expected a name of its own',
    ],
    ['no tasks', (p) => (p.tasks = []), 'tasks: a list of 0; expected at least 1 of them'],
    [
      'name of a statement',
      (p) => (p.tasks[1].name = 'machine'),
      'tasks[1].name: "machine"; expected a name other than',
    ],
    [
      'unknown task in wake',
      (p) => p.tasks[0].ops.push({ do: 'wake', task: 'Q' }),
      'tasks[0].ops[1].task: unknown task "Q"; expected P0, P1',
    ],
    [
      'unknown task in history',
      (p) => p.history.push({ task: 'Q', op: { do: 'exit' } }),
      'history[0].task: unknown task "Q"; expected P0, P1',
    ],
    [
      'an operation behind an exit',
      (p) => p.history.push({ task: 'P1', op: { do: 'exit' } }, { task: 'P1', op: { do: 'load', page: 1 } }),
      'history[1].op: task "P1" acts after its exit; expected nothing behind its exit',
    ],
    [
      'child started and not forked',
      (p) => (p.tasks[1].forkedBy = 'P0'),
      'tasks[1].forkedBy: task "P1" is never forked; expected an operation of "P0" that forks it',
    ],
    [
      'fork of a task that starts by itself',
      (p) => p.tasks[0].ops.push({ do: 'fork', task: 'P1' }),
      'tasks[0].ops[1].task: task "P1" starts by itself; expected a task with forkedBy: "P0"',
    ],
    [
      'fork of another task’s child',
      (p) => {
        p.tasks.push({ name: 'C', cpu: 0, forkedBy: 'P0', ops: [] });
        p.tasks[1].ops.push({ do: 'fork', task: 'C' });
      },
      'tasks[1].ops[1].task: task "C" is forked by "P0"; expected a task with forkedBy: "P1"',
    ],
    [
      'second fork',
      (p) => {
        p.tasks.push({ name: 'C', cpu: 0, forkedBy: 'P0', ops: [] });
        p.tasks[0].ops.push({ do: 'fork', task: 'C' }, { do: 'fork', task: 'C' });
      },
      'tasks[0].ops[2]: second fork of task "C"; expected one fork of it, which tasks[0].ops[1] is',
    ],
    [
      'child acting before its fork',
      (p) => {
        p.tasks.push({ name: 'C', cpu: 0, forkedBy: 'P0', ops: [] });
        p.tasks[0].ops.push({ do: 'fork', task: 'C' });
        p.history.push({ task: 'C', op: { do: 'load', page: 1 } });
      },
      'history[0].op: task "C" acts before it is forked; expected a fork of it earlier in the history',
    ],
    [
      'kernel thread with user operations',
      (p) => (p.tasks[1].kthread = true),
      'tasks[1].ops[0].do: "load" of kernel thread P1; expected one of yield, sleep, wake, post, await, move, compute, fsync, reclaim, migrate, pfnwalk, compact, kswapd',
    ],
    [
      'value of pages that are only read',
      (p) => p.tasks[0].ops.push({ do: 'gup', page: 4, value: 5 }),
      'tasks[0].ops[1].value: 5; expected no value of pages that are only read',
    ],
    [
      'register for pages that are written',
      (p) => p.tasks[0].ops.push({ do: 'gup', page: 4, write: true, into: 'r0' }),
      'tasks[0].ops[1].into: "r0"; expected no register where pages are written',
    ],
    [
      'more pages than get_user_pages is asked for',
      (p) => p.tasks[0].ops.push({ do: 'gup', page: 4, pages: GUP_PAGES + 1 }),
      `tasks[0].ops[1].pages: ${GUP_PAGES + 1}; expected at most ${GUP_PAGES}`,
    ],
    [
      'duty of a kernel thread about its own memory',
      (p) => {
        p.tasks.push({ name: 'K', cpu: 0, kthread: true, ops: [{ do: 'reclaim', page: 4 }] });
      },
      'tasks[2].ops[0]: reclaim of kernel thread K; expected a page of a file, or "of" and a task whose memory it is',
    ],
    [
      'duty about the memory of nobody',
      (p) => p.tasks[0].ops.push({ do: 'migrate', page: 4, of: 'Q' }),
      'tasks[0].ops[1].of: unknown task "Q"; expected P0, P1',
    ],
    [
      'flag nobody posts',
      (p) => p.tasks[0].ops.push({ do: 'await', flag: 'f' }),
      'tasks[0].ops[1].flag: flag "f" is never posted',
    ],
    [
      'register nobody fills',
      (p) => (p.final = { verdict: 'forbidden', where: [{ task: 'P1', register: 'r9', value: 1 }] }),
      'final.where[0].register: register "r9" of P1 is never loaded; expected r0',
    ],
    [
      'unknown operation',
      (p) => (p.tasks[0].ops[0].do = 'lod'),
      'tasks[0].ops[0].do: "lod"; expected a known operation: load,',
    ],
    [
      'unknown file',
      (p) => p.tasks[0].ops.push({ do: 'fsync', file: 'g' }),
      'tasks[0].ops[1].file: no file "g"; expected a file of the program, of which there is none',
    ],
    [
      'two files of a name',
      (p) =>
        (p.files = [
          { name: 'f', pages: 1 },
          { name: 'f', pages: 2 },
        ]),
      'files[1].name: second file named "f"; expected a name of its own',
    ],
    [
      'file longer than the machine has them',
      (p) => (p.files = [{ name: 'f', pages: 9 }]),
      "files[0].pages: 9; expected at most 8, the machine's filePages",
    ],
    [
      'mapping beyond the pages of a file',
      (p) => {
        p.files = [{ name: 'f', pages: 2 }];
        p.history.push({ task: 'P0', op: { do: 'mmap', page: 4, pages: 2, prot: 'r', file: 'f', offset: 7 } });
      },
      'history[0].op: mmap reaches page 9 of the file; expected at most 8 pages',
    ],
    [
      'offset of no file',
      (p) => (p.tasks[0].ops[0].offset = 1),
      'tasks[0].ops[0].offset: 1; expected no offset without a file',
    ],
    [
      'kernel thread that writes to a file',
      (p) => {
        p.files = [{ name: 'f', pages: 2 }];
        p.tasks.push({ name: 'k', cpu: 0, kthread: true, ops: [{ do: 'write', file: 'f', page: 0 }] });
      },
      'tasks[2].ops[0].do: "write" of kernel thread k; expected one of',
    ],
    [
      "a file that is a server's and in memory alone",
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true, memory: true }];
      },
      'files[0].memory: remote, memory; expected one of them',
    ],
    [
      'another client without a server',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        p.tasks.push({ name: 'k', cpu: 0, kthread: true, ops: [{ do: 'remote', file: 'f', page: 0 }] });
      },
      'tasks[2].ops[0].do: "remote" of k; expected a task that is a server',
    ],
    [
      'another client that is a task of this machine',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        p.tasks[0].ops.push({ do: 'remote', file: 'f', page: 0 });
      },
      'tasks[0].ops[1].do: "remote" of P0; expected a task that is a server',
    ],
    [
      'a server with a duty of this machine',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        p.tasks.push({ name: 's', cpu: 0, kthread: true, server: true, ops: [{ do: 'fsync', file: 'f' }] });
      },
      'tasks[2].ops[0].do: "fsync" of server s; expected one of yield, sleep, wake, post, await, move, compute, remote',
    ],
    [
      'a server that is a user task',
      (p) => p.tasks.push({ name: 's', cpu: 0, server: true, ops: [] }),
      'tasks[2].server: server with an address space; expected a kernel thread',
    ],
    [
      'another client behind the end of the file',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        p.tasks.push({ name: 's', cpu: 0, kthread: true, server: true, ops: [{ do: 'remote', file: 'f', page: 2 }] });
      },
      'tasks[2].ops[0].page: page 2; expected below 2, the length of the file',
    ],
    [
      'a remote file that is truncated',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        p.tasks[0].ops.push({ do: 'truncate', file: 'f', pages: 1 });
      },
      'tasks[0].ops[1].file: truncate of "f"; expected a file that is not a remote file',
    ],
    [
      'a sleep that nobody ends',
      (p) => p.tasks[0].ops.push({ do: 'sleep' }),
      'tasks[0].ops[1]: "sleep" of P0, which nobody wakes; expected a "wake" of P0 for each sleep',
    ],
    [
      'a sleep in the history that ends later',
      (p) => {
        p.history.push({ task: 'P1', op: { do: 'sleep' } });
        p.tasks[0].ops.push({ do: 'wake', task: 'P1' });
      },
      'history[0].op: "sleep" of P1, which nobody wakes in time; expected a "wake" of P1 for each sleep',
    ],
    [
      'a notification of what is no FUSE file',
      (p) => {
        p.files = [{ name: 'f', pages: 2, remote: true }];
        const op = { do: 'notifyinval', file: 'f', page: 0 } as const;
        p.tasks.push({ name: 's', cpu: 0, kthread: true, server: true, ops: [op] });
      },
      'tasks[2].ops[0].file: file "f"; expected a FUSE file',
    ],
    [
      'a lock of a file without a server',
      (p) => {
        p.files = [{ name: 'f', pages: 2 }];
        p.tasks[0].ops.push({ do: 'lock', file: 'f' });
      },
      'tasks[0].ops[1].file: file "f"; expected a remote file',
    ],
    [
      'a node that the machine has not',
      (p) => p.tasks.push({ name: 'k', cpu: 0, kthread: true, ops: [{ do: 'kswapd', node: 1 }] }),
      "tasks[2].ops[0].node: node 1; expected 0 to 0, the machine's nodes",
    ],
    [
      'compaction of a node that the machine has not',
      (p) => p.tasks[0].ops.push({ do: 'compact', node: 1 }),
      "tasks[0].ops[1].node: node 1; expected 0 to 0, the machine's nodes",
    ],
    [
      'two daemons of a node',
      (p) => {
        for (const name of ['k', 'l']) p.tasks.push({ name, cpu: 0, kthread: true, ops: [{ do: 'kswapd' }] });
      },
      'tasks[3].ops[0]: second daemon of node 0; expected one for each node',
    ],
    [
      'a daemon that does something else',
      (p) => p.tasks.push({ name: 'k', cpu: 0, kthread: true, ops: [{ do: 'kswapd' }, { do: 'yield' }] }),
      'tasks[2].ops[0].do: "kswapd"; expected a kernel thread that does nothing else',
    ],
    [
      'a daemon in the history',
      (p) => {
        p.tasks.push({ name: 'k', cpu: 0, kthread: true, ops: [] });
        p.history.push({ task: 'k', op: { do: 'kswapd' } });
      },
      'history[0].op.do: "kswapd" in the history; expected the concurrent part: it never ends',
    ],
    ['no history', (p) => delete p.history, 'history: missing; expected an array'],
  ] as [string, Change, string][])('refuses: %s', (_, change, message) => {
    expect(refused(change)).toContain(`x.json: ${message}`);
  });

  it('refuses what is no object', () => {
    for (const value of [undefined, null, 'x', 3, []]) {
      expect(() => parseProgram(value, 'x.json')).toThrow(/^x\.json: .*; expected an object$/);
    }
  });

  it('keeps messages on one line', () => {
    expect(refused((p) => (p.tasks[1].ops[0].into = 'a\nb'))).not.toContain('\n');
  });
});
