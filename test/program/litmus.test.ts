import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadInput } from '#tlblab/program/bad-input.js';
import { canonicalProgram } from '#tlblab/program/canonical.js';
import { parseLitmus, printLitmus } from '#tlblab/program/litmus.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { arbitraryProgram } from './arbitrary-program.ts';

const TEXT = `TLB everything
"each kind of statement"
{
  machine: cpus=2, geometry=tiny;   (* a comment
                                       of two lines *)
  override: frames=20;
  switches: pcid=false, lazyTlb=1;
  task child: cpu=1, forkedBy=P0;
  task k: cpu=0, kthread;
  q = reserve(2) at @20;
  p = mmap(rw, 3);
  P0: store p[1].w2 = 7;
  store p;
  P1: one = mmap(r, 1, fixed);
}
 P0            | P1                    | child        | k           ;
 fork child    | load p[1].w2 -> r1    | touch p write| yield       ;
 munmap p      | await go              | dontneed p 2 | compute 100 ;
 munmap p[1] 1 | mprotect p r          |              | wake P1     ;
 post go       |                       | exit         |             ;
 mremap p q    | mremap p[0] -> @30 size 2 |          |             ;
 p = mmap(rw, 2) | sleep              |              |             ;
forbidden (1:r1=0 /\\ P1:r1=-1)
`;

const FILES = `TLB files
{
  machine: cpus=2, geometry=tiny;
  override: nodes=2, fastFrames=20;
  file f 2;
  file data 0;
  file r 1 remote;
  file m 3 memory;
  file d 2 device;
  task k: cpu=1, kthread;
  task d: cpu=1, kthread;
  task s: cpu=0, kthread, server;
  p = mmap(r, 2, shared, file f);
  q = mmap(rw, 1, file f[1]);
  P0: load p[1];
}
 P0                | P1                  | k                        | d             | s                  ;
 write f[0].w1 = 5 | read f[0].w1 -> r0  | reclaim f[0] 2           | kswapd node 1 | remote r[0].w1 = 7 ;
 write data[3]     | read data[3]        | migrate f[1] node 1      |               | remote r[0]        ;
 truncate f 1      | truncate data 0     | migrate f[0] 2 sync      |               |                    ;
 pageout p         | reclaim data[0]     | fsync f                  |               |                    ;
 compact           | compact sync        | compact sync node 1      |               |                    ;
 numascan p[1]     | msync p             | pfnwalk 1 24             |               |                    ;
                   | gup p w2 -> r1      |                          |               |                    ;
 gup p[1] fast     | gup p 1 fast write = 5 |                       |               |                    ;
                   | kalloc 2            |                          |               |                    ;
 device 1          | kfree               | kalloc irqoff            |               |                    ;
 kalloc 3 irqoff   | kfree 2             | device 0                 |               |                    ;
 open r            | lock r              |                          |               |                    ;
 close r           | unlock r            |                          |               |                    ;
 clearrefs         | pagemap q -> r2     |                          |               |                    ;
 uffdregister p[1] | uffdwp p            |                          |               |                    ;
 pagemap p         | uffdresolve p[1]    |                          |               |                    ;
 uprobe f[0].w1 = 5 | uprobe f[0].w1 off | ksm p of P0 with p[1] of P1 |            |                    ;
 ksm p with q      | revoke d            |                          |               |                    ;
 devmigrate p[1]   | devmigrate p        |                          |               |                    ;
permitted (1:r0=5)
`;

function failure(text: string): string {
  try {
    parseLitmus(text, 'x.litmus', { pages: 32, filePages: 8 });
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
  return 'no error';
}

describe('parseLitmus', () => {
  it('reads every kind of statement', () => {
    const program = parseLitmus(TEXT, 'x.litmus', { pages: 32 });
    expect(program.machine).toEqual({
      cpus: 2,
      geometry: 'tiny',
      override: { frames: 20 },
      switches: { pcid: false, lazyTlb: 1 },
    });
    expect(program.history).toEqual([
      // behind q, which lies at 20 and 21, with a hole
      { task: 'P0', op: { do: 'mmap', page: 23, pages: 3, prot: 'rw' } },
      { task: 'P0', op: { do: 'store', page: 24, word: 2, value: 7 } },
      { task: 'P0', op: { do: 'store', page: 23 } },
      { task: 'P1', op: { do: 'mmap', page: 27, prot: 'r', fixed: true } },
    ]);
    expect(program.tasks.map((t) => t.ops)).toEqual([
      [
        { do: 'fork', task: 'child' },
        { do: 'munmap', page: 23, pages: 3 },
        { do: 'munmap', page: 24 },
        { do: 'post', flag: 'go' },
        { do: 'mremap', page: 23, pages: 3, to: 20 },
        { do: 'mmap', page: 23, pages: 2, prot: 'rw' },
      ],
      [
        { do: 'load', page: 24, word: 2, into: 'r1' },
        { do: 'await', flag: 'go' },
        { do: 'mprotect', page: 23, pages: 3, prot: 'r' },
        { do: 'mremap', page: 23, to: 30, newPages: 2 },
        { do: 'sleep' },
      ],
      [
        { do: 'touch', page: 23, pages: 3, write: true },
        { do: 'madvise', page: 23, pages: 2, advice: 'dontneed' },
        { do: 'exit' },
      ],
      [{ do: 'yield' }, { do: 'compute', cycles: 100 }, { do: 'wake', task: 'P1' }],
    ]);
    expect(program.tasks[2]).toMatchObject({ name: 'child', cpu: 1, forkedBy: 'P0' });
    expect(program.final).toEqual({
      verdict: 'forbidden',
      where: [
        { task: 'P1', register: 'r1', value: 0 },
        { task: 'P1', register: 'r1', value: -1 },
      ],
    });
  });

  it('reads files and what is done with them', () => {
    const program = parseLitmus(FILES, 'x.litmus', { pages: 32, filePages: 8 });
    expect(program.files).toEqual([
      { name: 'f', pages: 2 },
      { name: 'data', pages: 0 },
      { name: 'r', pages: 1, remote: true },
      { name: 'm', pages: 3, memory: true },
      { name: 'd', pages: 2, device: true },
    ]);
    expect(program.history.map((h) => h.op)).toEqual([
      { do: 'mmap', page: 8, pages: 2, prot: 'r', shared: true, file: 'f' },
      { do: 'mmap', page: 11, prot: 'rw', file: 'f', offset: 1 },
      { do: 'load', page: 9 },
    ]);
    expect(program.tasks.map((t) => t.ops)).toEqual([
      [
        { do: 'write', file: 'f', page: 0, word: 1, value: 5 },
        { do: 'write', file: 'data', page: 3 },
        { do: 'truncate', file: 'f', pages: 1 },
        { do: 'madvise', page: 8, pages: 2, advice: 'pageout' },
        { do: 'compact' },
        { do: 'numascan', page: 9 },
        { do: 'gup', page: 9, fast: true },
        { do: 'device', cpu: 1 },
        { do: 'kalloc', pages: 3, context: 'irqoff' },
        { do: 'open', file: 'r' },
        { do: 'close', file: 'r' },
        { do: 'clearrefs' },
        { do: 'uffdregister', page: 9 },
        { do: 'pagemap', page: 8, pages: 2 },
        { do: 'uprobe', file: 'f', page: 0, word: 1, value: 5 },
        { do: 'ksm', page: 8, with: 11 },
        { do: 'devmigrate', page: 9 },
      ],
      [
        { do: 'read', file: 'f', page: 0, word: 1, into: 'r0' },
        { do: 'read', file: 'data', page: 3 },
        { do: 'truncate', file: 'data', pages: 0 },
        { do: 'reclaim', file: 'data', page: 0 },
        { do: 'compact', sync: true },
        { do: 'msync', page: 8, pages: 2 },
        { do: 'gup', page: 8, pages: 2, word: 2, into: 'r1' },
        { do: 'gup', page: 8, fast: true, write: true, value: 5 },
        { do: 'kalloc', pages: 2 },
        { do: 'kfree' },
        { do: 'kfree', pages: 2 },
        { do: 'lock', file: 'r' },
        { do: 'unlock', file: 'r' },
        { do: 'pagemap', page: 11, into: 'r2' },
        { do: 'uffdwp', page: 8, pages: 2, on: true },
        { do: 'uffdwp', page: 9, on: false },
        { do: 'uprobe', file: 'f', page: 0, word: 1, off: true },
        { do: 'revoke', file: 'd' },
        { do: 'devmigrate', page: 8, pages: 2 },
      ],
      [
        { do: 'reclaim', file: 'f', page: 0, pages: 2 },
        { do: 'migrate', file: 'f', page: 1, node: 1 },
        { do: 'migrate', file: 'f', page: 0, pages: 2, sync: true },
        { do: 'fsync', file: 'f' },
        { do: 'compact', sync: true, node: 1 },
        { do: 'pfnwalk', page: 1, pages: 24 },
        { do: 'kalloc', context: 'irqoff' },
        { do: 'device', cpu: 0 },
        { do: 'ksm', page: 8, of: 'P0', with: 9, withOf: 'P1' },
      ],
      [{ do: 'kswapd', node: 1 }],
      [
        { do: 'remote', file: 'r', page: 0, word: 1, value: 7 },
        { do: 'remote', file: 'r', page: 0 },
      ],
    ]);
    expect(program.tasks[4]).toMatchObject({ name: 's', cpu: 0, kthread: true, server: true });
    expect(parseLitmus(printLitmus(program), 'printed')).toEqual(program);
  });

  it('reads whose memory is reclaimed and migrated; a name that a file has, too, means the file', () => {
    const text = `TLB duties
{
  override: swapSlots=4;
  file f 2;
  task k: kthread;
  p = mmap(rw, 3);
  f = mmap(rw);
}
 P0                | k                   ;
 reclaim p         | reclaim p[1] 2 of P0 ;
 migrate p[1] sync | migrate @8 of P0 sync ;
 reclaim f[0]      | migrate f[1]          ;
 free p 2          |                       ;
 cold p[2]         |                       ;
`;
    const program = parseLitmus(text, 'x.litmus', { pages: 32, filePages: 8 });
    expect(program.tasks.map((t) => t.ops)).toEqual([
      [
        { do: 'reclaim', page: 8, pages: 3 },
        { do: 'migrate', page: 9, sync: true },
        { do: 'reclaim', file: 'f', page: 0 },
        { do: 'madvise', page: 8, pages: 2, advice: 'free' },
        { do: 'madvise', page: 10, advice: 'cold' },
      ],
      [
        { do: 'reclaim', page: 9, pages: 2, of: 'P0' },
        { do: 'migrate', page: 8, of: 'P0', sync: true },
        { do: 'migrate', file: 'f', page: 1 },
      ],
    ]);
    expect(parseLitmus(printLitmus(program), 'printed')).toEqual(program);
  });

  it('says where a text is wrong about a file', () => {
    const body = (cell: string, statement = 'file f 2') =>
      `TLB t\n{ ${statement}; p = mmap(r, shared, file f); }\n P0 ;\n ${cell} ;\n`;
    expect(failure(body('read f[7]'))).toBe('no error');
    expect(failure(body('read g[0]'))).toBe('x.litmus:4:2: no file "g"; expected f');
    expect(failure(body('open f'))).toBe('x.litmus:4:2: file "f"; expected a remote file or a FUSE file');
    expect(failure(body('write f[0]', 'file f 2 fuse'))).toBe(
      'x.litmus:4:2: write of "f"; expected a file that is not a FUSE file',
    );
    expect(failure(body('fsync g'))).toBe('x.litmus:4:2: no file "g"; expected f');
    expect(failure(body('read f'))).toBe('x.litmus:4:9: ";"; expected a page of a file such as f[0]');
    expect(failure(body('write f[x]'))).toBe('x.litmus:4:10: "x"; expected a page of the file');
    expect(failure(body('write f[0].5'))).toBe('x.litmus:4:13: "5"; expected a word such as w2');
    expect(failure(body('truncate f'))).toBe('x.litmus:4:13: ";"; expected a number of pages');
    expect(failure(body('migrate f[0] node 1'))).toBe("x.litmus:4:2: node 1; expected 0 to 0, the machine's nodes");
    expect(failure(body('migrate f[0] now'))).toBe('x.litmus:4:15: "now"; expected ";": the row has 1 columns');
    expect(failure(body('reclaim f[4] 5'))).toBe(
      'x.litmus:4:2: reclaim reaches page 9 of the file; expected at most 8 pages',
    );
    expect(failure(body('truncate f 9'))).toBe(
      'x.litmus:4:2: truncate reaches page 9 of the file; expected at most 8 pages',
    );
    expect(failure(body('load p', 'file f'))).toBe('x.litmus:2:9: ";"; expected a number of pages');
    expect(failure(body('load p', 'file f 9'))).toBe("x.litmus:2:3: 9; expected at most 8, the machine's filePages");
    expect(failure(body('load p', 'file f 2; file f 1'))).toBe(
      'x.litmus:2:13: second file named "f"; expected a name of its own',
    );
    expect(failure(body('load p', 'rounds: 2'))).toBe(
      'x.litmus:2:14: no file "f"; expected a file of the program, of which there is none',
    );
  });

  it('says where a text is wrong, what is there and what could be', () => {
    const body = (cell: string) => `TLB t\n{ machine: cpus=2; p = mmap(rw); }\n P0 | P1 ;\n load p | ${cell} ;\n`;
    expect(failure(body('lod p'))).toMatch(/^x\.litmus:4:11: "lod"; expected an operation: .*load, fetch/);
    expect(failure(body('load q'))).toBe('x.litmus:4:16: "q"; expected a place: p or @PAGE');
    expect(failure(body('load p.x'))).toBe('x.litmus:4:18: "x"; expected a word such as w2');
    expect(failure(body('mprotect p q'))).toBe('x.litmus:4:22: "q"; expected one of none, r, rw, rx, rwx');
    expect(failure(body('load p | load p'))).toBe('x.litmus:4:18: "|"; expected ";": the row has 2 columns');
    expect(failure(body('load @40'))).toBe('x.litmus:4:11: page 40; expected 0 to 31 (the address space has 32 pages)');
    expect(failure(body('fork P0'))).toMatch(/^x\.litmus:4:11: task "P0" starts by itself/);
    expect(failure(body('await f'))).toMatch(/^x\.litmus:4:11: flag "f" is never posted/);
    expect(failure(body('move 5'))).toMatch(/^x\.litmus:4:11: CPU 5; expected 0 to 1/);
    expect(failure(body('device 2'))).toMatch(/^x\.litmus:4:11: CPU 2; expected 0 to 1/);
    expect(failure(body('device'))).toBe('x.litmus:4:18: ";"; expected a CPU');
    expect(failure(body('offline'))).toBe('x.litmus:4:19: ";"; expected a CPU');
    expect(failure(body('online 7'))).toContain('CPU 7; expected 0 to');
    expect(failure(body('kalloc irqon'))).toBe('x.litmus:4:18: "irqon"; expected ";": the row has 2 columns');
    expect(failure(body('load p -> r0').replace('cpus=2', 'cpus=0'))).toBe('x.litmus:2:12: 0; expected at least 1');
    expect(failure(`${body('load p')}forbidden (1:r0=1)\n`)).toMatch(
      /^x\.litmus:5:12: register "r0" of P1 is never loaded/,
    );
    expect(failure(body('load p').replace('}', 'task Q: cpu=1; }'))).toBe(
      'x.litmus:2:39: "Q"; expected a task with a column: P0, P1',
    );
    expect(failure('hello world')).toBe('x.litmus:1:1: "hello"; expected "TLB" and a name');
    expect(failure(body('load p').replace('{', '{ (* oops'))).toBe(
      'x.litmus:2:3: (* without end; expected *) that ends it',
    );
    expect(failure(body('load p').replace('p = ', 'load = '))).toBe(
      'x.litmus:2:20: "load"; expected a name that is no word of litmus text',
    );
  });

  it('refuses empty and binary input in one line', () => {
    expect(failure('')).toBe('x.litmus:1: empty file; expected litmus text that starts with TLB and a name');
    expect(failure(' \n\n')).toMatch(/empty file/);
    expect(failure('TLB t\n\0\x01\x02')).toBe(
      'x.litmus:2: binary data; expected litmus text that starts with TLB and a name',
    );
  });

  it('never answers a cut or garbled text with anything but a program or BadInput', () => {
    for (const text of [TEXT, FILES]) {
      for (let i = 0; i < text.length; i++) expect(failure(text.slice(0, i))).toMatch(/^(x\.litmus:\d+|no error)/);
      fc.assert(
        fc.property(fc.nat(text.length), fc.string({ unit: 'binary', maxLength: 4 }), (at, junk) => {
          expect(failure(text.slice(0, at) + junk + text.slice(at + 1))).toMatch(
            /^(x\.litmus:\d+.*; expected |no error)/,
          );
        }),
      );
    }
  });
});

describe('printLitmus', () => {
  it('prints what parseLitmus reads back as the same program', () => {
    fc.assert(
      fc.property(arbitraryProgram, (program) => {
        expect(parseLitmus(printLitmus(program), 'printed', { pages: 32, filePages: 8 })).toEqual(
          canonicalProgram(program),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('accepts exactly what the schema accepts', () => {
    fc.assert(
      fc.property(arbitraryProgram, (program) => {
        expect(parseProgram(JSON.parse(JSON.stringify(program)), 'json', { pages: 32 })).toEqual(
          canonicalProgram(program),
        );
      }),
    );
  });

  it('reads as a person would write it', () => {
    const program = parseLitmus(
      'TLB munmap-touch { machine: cpus=2; p = mmap(rw, 2); } P0 | P1; munmap p | load p[1].w2 -> r0; | store p; permitted (1:r0=0)',
      'x',
    );
    expect(printLitmus(program)).toMatchInlineSnapshot(`
      "TLB munmap-touch
      {
        machine: cpus=2;
        P0: p = mmap(rw, 2) at @8;
      }
       P0       | P1                 ;
       munmap p | load p[1].w2 -> r0 ;
                | store p            ;
      permitted (1:r0=0)
      "
    `);
  });
});
