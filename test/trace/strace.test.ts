import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadInput } from '#tlblab/program/bad-input.js';
import { parseStrace } from '#tlblab/trace/strace.js';
import { namedArgument, parseNumber, parseStraceLine, splitArguments } from '#tlblab/trace/strace-line.js';

const LOG = readFileSync(new URL('../../workloads/data/strace-node-2workers.log', import.meta.url), 'utf8');
const CALL = 'munmap(0x7f0000000000, 8192) = 0';

function refused(text: string): string {
  try {
    parseStrace(text, 'x.log');
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('parseStraceLine', () => {
  it.each([
    ['9026<node> 1795329626.298136 ', { thread: 9026, start: 1795329626.298136 }],
    ['9026 1795329626.298136 ', { thread: 9026, start: 1795329626.298136 }],
    ['9026 ', { thread: 9026 }],
    ['[pid 9026] ', { thread: 9026 }],
    ['[pid  9026<a b>] 01:00:01.5 ', { thread: 9026, start: 3601.5 }],
    ['9026  01:00:01 ', { thread: 9026, start: 3601 }],
    ['1795329626.298136 ', { start: 1795329626.298136 }],
    ['', {}],
  ])('reads the prefix "%s"', (prefix, expected) => {
    const call = { kind: 'call', name: 'munmap', args: '0x7f0000000000, 8192', result: '0' };
    expect(parseStraceLine(prefix + CALL)).toEqual({
      thread: undefined,
      start: undefined,
      seconds: undefined,
      ...call,
      ...expected,
    });
    expect(parseStraceLine(`${prefix + CALL} <0.000012>`)).toMatchObject({ ...call, ...expected, seconds: 0.000012 });
  });

  it.each([
    [
      '1 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
      'call',
      'mmap',
      '-1 ENOMEM (Cannot allocate memory)',
    ],
    ['1 exit(0)    = ?', 'call', 'exit', '?'],
    ['1 syscall_0x1ce(0x7f00, 0x1000, 0, 0, 0, 0) = 0', 'call', 'syscall_0x1ce', '0'],
    ['1 openat(AT_FDCWD, "a) = 3 (", O_RDONLY) = 5</tmp/x>', 'call', 'openat', '5</tmp/x>'],
    ['1 munmap(0x7f00, 4096 <unfinished ...>', 'begin', 'munmap', ''],
    ['1 wait4(-1,  <unfinished ...>', 'begin', 'wait4', ''],
    ['1 <... munmap resumed>) = 0', 'resume', 'munmap', '0'],
    ['1 <... munmap resumed> ) = 0 <0.1>', 'resume', 'munmap', '0'],
    ['1 +++ killed by SIGKILL (core dumped) +++', 'exit', '', ''],
    ['1 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---', 'signal', '', ''],
    ['strace: Process 123 attached', 'message', '', ''],
  ])('reads %s', (line, kind, name, result) => {
    expect(parseStraceLine(line)).toMatchObject({ kind, name, result });
  });

  it.each(['hello world', '', '12345', 'munmap(0x7f00, 40', 'a = b', '1 mmap('])('reads no line from "%s"', (line) => {
    expect(parseStraceLine(line)).toBeUndefined();
  });
});

describe('arguments', () => {
  it('are split outside brackets and quotes', () => {
    expect(splitArguments('"/bin/a, b\\"", ["a", "b"], {x=1, y=[2, 3]} => {z=4}, 88')).toEqual([
      '"/bin/a, b\\""',
      '["a", "b"]',
      '{x=1, y=[2, 3]} => {z=4}',
      '88',
    ]);
    expect(splitArguments('')).toEqual([]);
  });

  it('are numbers where strace prints numbers', () => {
    expect(
      ['NULL', '0x10', '16', '-1', '3</lib/x.so>', '9027<node>', '...', 'PROT_READ', undefined].map(parseNumber),
    ).toEqual([0, 16, 16, -1, 3, 9027, undefined, undefined, undefined]);
    // the vsyscall page: above what a double holds
    expect(parseNumber('0xffffffffff600000')).toBeUndefined();
  });

  it('are found by name', () => {
    const args = ['{flags=CLONE_VM|CLONE_FS, child_tid=0x1, stack=0x7f0000, stack_size=0x7ffe80}', '88'];
    expect(['flags', 'stack', 'stack_size', 'tls'].map((k) => namedArgument(args, k))).toEqual([
      'CLONE_VM|CLONE_FS',
      '0x7f0000',
      '0x7ffe80',
      undefined,
    ]);
  });
});

describe('parseStrace', () => {
  it('reads the recorded log completely', () => {
    const trace = parseStrace(LOG, 'node.log');
    const byName: Record<string, number> = {};
    for (const { name } of trace.calls) byName[name] = (byName[name] ?? 0) + 1;
    expect(trace.calls).toHaveLength(934);
    expect(byName).toEqual({
      munmap: 266,
      mprotect: 259,
      mmap: 205,
      madvise: 156,
      brk: 23,
      clone3: 12,
      exit: 11,
      exit_group: 1,
      execve: 1,
    });
    expect(trace.calls.filter((c) => c.endLine > c.line)).toHaveLength(171);
    expect(trace.threads).toHaveLength(13);
    expect(trace.skipped).toEqual({ 'end of a thread': 13 });
    // every line is one call, half of one, or an end: nothing is lost
    expect(934 + 171 + 13).toBe(LOG.trimEnd().split('\n').length);
  });

  it('reads the same from a log with CRLF', () => {
    expect(parseStrace(LOG.replaceAll('\n', '\r\n'), 'node.log')).toEqual(parseStrace(LOG, 'node.log'));
  });

  it('joins the halves of a call', () => {
    const text =
      '1 mmap(NULL, 4096 <unfinished ...>\n2 munmap(0x1000, 4096) = 0\n1 <... mmap resumed>, PROT_READ, MAP_PRIVATE, 3, 0) = 0x2000\n';
    expect(parseStrace(text, 'x.log').calls).toMatchObject([
      {
        thread: 1,
        name: 'mmap',
        args: ['NULL', '4096', 'PROT_READ', 'MAP_PRIVATE', '3', '0'],
        result: '0x2000',
        line: 1,
        endLine: 3,
      },
      { thread: 2, name: 'munmap', line: 2, endLine: 2 },
    ]);
  });

  it('gives lines without a thread to the first one', () => {
    const text = `clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID) = 8\n[pid 7] ${CALL}\n[pid 8] ${CALL}\n${CALL}\n`;
    expect(parseStrace(text, 'x.log').calls.map((c) => c.thread)).toEqual([7, 7, 8, 7]);
    expect(parseStrace(`${CALL}\n`, 'x.log').threads).toEqual([1]);
  });

  it('counts what is no complete call', () => {
    const text = [
      'strace: Process 2 attached',
      `1 ${CALL}`,
      '2 <... futex resumed>) = 0',
      '1 --- SIGUSR1 {si_signo=SIGUSR1} ---',
      'output of the program',
      `1 ${CALL}`,
      '2 futex(0x1000, FUTEX_WAIT <unfinished ...>',
      '1 +++ exited with 0 +++',
      '',
    ].join('\n');
    expect(parseStrace(text, 'x.log').skipped).toEqual({
      'message of strace': 1,
      'end of a call whose begin is not in the log': 1,
      signal: 1,
      'not a line of strace': 1,
      'call not finished when the log ends': 1,
      'end of a thread': 1,
    });
  });

  it('leaves out a last line that is cut, and says so', () => {
    const lines = LOG.split('\n').slice(0, 100);
    for (const cut of [lines[99].slice(0, 50), lines[99].slice(0, -12), lines[99].slice(0, 14)]) {
      const trace = parseStrace([...lines.slice(0, 99), cut].join('\n'), 'x.log');
      expect(trace.skipped['last line cut short']).toBe(1);
      expect(trace.notes).toEqual(['x.log:100: the log ends inside a line; that line is left out']);
    }
  });

  it('refuses what is no log, in one line', () => {
    expect(refused('')).toBe('x.log:1: empty file; expected an strace log');
    expect(refused('\n \n')).toBe('x.log:1: empty file; expected an strace log');
    expect(refused(`1 ${CALL}\n1 mm\0ap`)).toBe('x.log:2: binary data; expected an strace log');
    expect(refused('to be\nor not')).toBe(
      'x.log:1: "to be"; expected an strace line: [THREAD] [TIME] call(arguments) = result',
    );
    expect(refused(`1 ${CALL}\n1 munmap(0x7f00, 40\n1 ${CALL}\n`)).toMatch(
      /^x\.log:2: call cut short: "1 munmap\(0x7f00, 40"; expected/,
    );
    expect(refused(`1 ${CALL}\nto be\nor not\nto be\n`)).toMatch(/^x\.log:2: "to be"/);
    expect(refused('1 munmap(0x7f00, 4096 <unfinished ...>\n')).toMatch(/^x\.log:1: no complete call/);
  });

  it('answers a damaged log with a trace or BadInput', () => {
    const head = LOG.slice(0, 12_000);
    fc.assert(
      fc.property(fc.nat(head.length), fc.nat(200), fc.string({ unit: 'binary', maxLength: 5 }), (at, gone, junk) => {
        expect(refused(head.slice(0, at) + junk + head.slice(at + gone))).toMatch(
          /^(x\.log:\d+: .*; expected |accepted$)/,
        );
      }),
    );
  });
});
