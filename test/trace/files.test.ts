import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countRun } from '#tlblab/measure/experiments.js';
import { POLICIES } from '#tlblab/policy/index.js';
import type { Op } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { parseStrace } from '#tlblab/trace/strace.js';
import { type TraceOptions, traceToProgram } from '#tlblab/trace/trace-to-program.js';
import { stuckTasks } from '../program/runs-to-end.ts';

const OPTIONS: TraceOptions = { cpus: 2, place: 'round-robin', touch: 'none', seed: 1 };

const log = (name: string) => readFileSync(new URL(`../data/${name}.log`, import.meta.url), 'utf8');
const imported = (text: string, options: Partial<TraceOptions> = {}) =>
  traceToProgram(parseStrace(text, 'x.log'), { ...OPTIONS, ...options });
const fromLines = (lines: string[], options: Partial<TraceOptions> = {}) =>
  imported(`${lines.map((l) => (/^\d/.test(l) ? l : `1 ${l}`)).join('\n')}\n`, options);
const opsOf = (lines: string[], options: Partial<TraceOptions> = {}) => fromLines(lines, options).program.tasks[0].ops;
const map = (fd: string, at: string, { offset = 0, pages = 1, flags = 'MAP_SHARED', prot = 'PROT_READ' } = {}) =>
  `mmap(NULL, ${pages * 4096}, ${prot}, ${flags}, ${fd}, ${offset * 4096}) = ${at}`;
const open = (path: string, fd: number, flags = 'O_RDWR') => `openat(AT_FDCWD, "${path}", ${flags}) = ${fd}`;
const FORK = 'clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 2';
/** The file that each mapping of the first task, and then of the others, shows. */
const mapped = (lines: string[]) =>
  fromLines(lines).program.tasks.flatMap((t) => t.ops.flatMap((op) => (op.do === 'mmap' ? [op.file] : [])));

describe('a recorded program that shares files with its child', () => {
  const { program, inference } = imported(log('strace-files'));
  const [parent, child] = program.tasks;
  const onData = (ops: readonly Op[]) => ops.filter((op) => 'file' in op && op.file === 'data');

  it('maps the files that it mapped, shared ones between both processes', () => {
    expect(program.files).toEqual([
      { name: 'ld_so_cache', pages: 9 },
      { name: 'libc_so_6', pages: 471 },
      { name: 'data', pages: 0 },
      { name: 'shared', pages: 2, memory: true },
      { name: 'memfd_ring', pages: 0, memory: true },
      { name: 'copy', pages: 0 },
    ]);
    expect(onData(parent.ops)).toMatchObject([
      { do: 'truncate', pages: 8 },
      { do: 'mmap', pages: 8, prot: 'rw', shared: true },
      { do: 'write', page: 0 },
      { do: 'write', page: 1 },
      { do: 'fsync' },
      { do: 'read', page: 0 },
      { do: 'read', page: 1 },
      { do: 'read', page: 2 },
      { do: 'truncate', pages: 4 },
    ]);
    const shown = parent.ops.find((op) => op.do === 'mmap' && op.file === 'data') as { page: number };
    expect(parent.ops).toContainEqual({ do: 'msync', page: shown.page, pages: 8 });
    // opened by another spelling, duplicated, sought through the duplicate; page 9 is page 8 of those that are used
    expect(onData(child.ops)).toMatchObject([
      { do: 'mmap', pages: 4, prot: 'r', shared: true, offset: 2 },
      { do: 'read', page: 1 },
      { do: 'read', page: 2 },
      { do: 'read', page: 3 },
      { do: 'write', page: 8 },
    ]);
  });

  it('keeps the order of uses of one file across processes', () => {
    const waits = child.ops.flatMap((op) => (op.do === 'await' ? [op.flag] : []));
    const posts = parent.ops.flatMap((op) => (op.do === 'post' ? [op.flag] : []));
    expect(posts).toEqual(waits);
    // write and fsync wait for what the child read and wrote
    const at = parent.ops.findIndex((op) => op.do === 'write');
    expect(parent.ops[at - 1].do).toBe('await');
    expect(stuckTasks(program, () => 0)).toEqual([]);
  });

  it('says what became of files and mappings', () => {
    expect(inference).toMatchObject({
      fileMappings: 9,
      sharedMappings: 4,
      asAnonymous: 0,
      files: { replayed: 6, pages: 509, unknown: 0, unnamed: 1, neverMapped: 1, unfit: [] },
    });
    expect(inference.calls.skipped).toMatchObject({ 'use of a file that nobody maps': 1 });
  });
});

describe('a recorded log of three processes on a database with shared memory', () => {
  const text = log('strace-sqlite-wal');

  it('is a valid program whose tasks end', () => {
    for (const touch of ['none', 'touch-on-map'] as const) {
      const { program } = imported(text, { touch });
      expect(parseProgram(program, 'trace')).toEqual(program);
      expect(stuckTasks(program, (n) => n - 1)).toEqual([]);
    }
    const { program, inference } = imported(text);
    // it is removed by the last process, and made again by the next
    expect(program.files!.map((f) => f.name)).toEqual(expect.arrayContaining(['db', 'db_shm', 'db_shm_2']));
    const sharers = program.tasks.filter((t) => t.ops.some((op) => op.do === 'mmap' && op.file === 'db_shm'));
    expect(sharers.length).toBe(2);
    expect(inference.asAnonymous).toBe(0);
  });

  it.each(['mainline', 'luf-v11'])('runs to its end under %s', (name) => {
    const { program } = imported(text, { touch: 'touch-on-map' });
    const machine = { ...program.machine, switches: { bulkCopy: true, awaitSleeps: true } };
    const plan = { program: { ...program, machine }, policy: POLICIES[name], patches: [], oracle: undefined };
    expect(countRun({ ...plan, costs: 'bare-metal' }, 1).pageFaults).toBeGreaterThan(500);
  });
});

describe('which file a descriptor is', () => {
  it('follows dup, fcntl, close and numbers that are used again', () => {
    expect(
      mapped([
        open('/a', 3),
        'dup(3) = 4',
        'fcntl(4, F_DUPFD_CLOEXEC, 10) = 10',
        'close(3) = 0',
        open('/b', 3),
        'dup2(3, 5) = 5',
        map('4', '0x10000'),
        map('10', '0x20000'),
        map('3', '0x30000'),
        map('5', '0x40000'),
        'pipe2([3, 4], 0) = 0',
        'close_range(5, 4294967295, 0) = 0',
        map('10', '0x50000'),
      ]),
    ).toEqual(['a', 'a', 'b', 'b', 'fd10']);
  });

  it('is inherited by fork, and lost by exec where the descriptor says so', () => {
    expect(
      mapped([
        open('/a', 3),
        open('/b', 4, 'O_RDWR|O_CLOEXEC'),
        FORK,
        'close(3) = 0',
        `2 ${map('3', '0x10000')}`,
        '2 execve("/bin/x", ["x"], 0x7ff /* 3 vars */) = 0',
        `2 ${map('3', '0x20000')}`,
        `2 ${map('4', '0x30000')}`,
      ]),
    ).toEqual(['a', 'a', 'fd4']);
  });

  it('is shared by threads', () => {
    const lines = [
      'clone(child_stack=0x7f0000102000, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 2',
      `2 ${open('/a', 3)}`,
      map('3', '0x10000'),
    ];
    expect(mapped(lines)).toEqual(['a']);
  });

  it('is what strace prints beside it, where it does', () => {
    expect(
      mapped([
        'openat(AT_FDCWD</home>, "a", O_RDONLY) = 3</home/real>',
        map('3</home/real>', '0x10000'),
        map('7</home/other>', '0x20000'),
        map('7</home/real>', '0x30000'),
        map('8</dev/dri/card0<char 226:0>>', '0x40000'),
        map('9<anon_inode:[perf_event]>', '0x50000'),
      ]),
    ).toEqual(['real', 'other', 'real', undefined, undefined]);
  });

  it('two names of one inode are one file; a name that is given away is another', () => {
    const stat = (fd: number, inode: number) =>
      `fstat(${fd}, {st_dev=makedev(0x8, 0x1), st_ino=${inode}, st_mode=S_IFREG|0644, st_size=8192}) = 0`;
    const files = [open('/a', 3), stat(3, 7), open('/b', 4), stat(4, 7), open('/a', 5), stat(5, 8)];
    expect(mapped([...files, ...[3, 4, 5].map((fd) => map(`${fd}`, `0x${fd}0000`))])).toEqual(['a', 'a', 'a_2']);
    const moved = [open('/a', 3), 'rename("/a", "/b") = 0', open('/b', 4), 'unlink("/b") = 0', open('/b', 5)];
    expect(mapped([...moved, ...[3, 4, 5].map((fd) => map(`${fd}`, `0x${fd}0000`))])).toEqual(['a', 'a', 'b']);
  });

  it('relative names are those of the working directory', () => {
    const lines = [
      open('x', 3),
      'chdir("/d") = 0',
      open('x', 4),
      open('./e/../x', 5),
      open('/d', 6, 'O_RDONLY|O_DIRECTORY'),
      'openat(6, "x", O_RDWR) = 7',
    ];
    expect(mapped([...lines, ...[3, 4, 5, 7].map((fd) => map(`${fd}`, `0x${fd}0000`))])).toEqual([
      'x',
      'x_2',
      'x_2',
      'x_2',
    ]);
  });

  it('without its opening in the log: parts that a loader maps inside of the whole are of the same file', () => {
    const { program, inference } = fromLines([
      map('3', '0x100000', { pages: 8, flags: 'MAP_PRIVATE' }),
      map('3', '0x102000', { pages: 2, offset: 1, flags: 'MAP_PRIVATE|MAP_FIXED', prot: 'PROT_READ|PROT_WRITE' }),
      map('3', '0x200000', { pages: 2, flags: 'MAP_PRIVATE' }),
    ]);
    expect(program.files).toEqual([
      { name: 'fd3', pages: 8 },
      { name: 'fd3_2', pages: 2 },
    ]);
    expect(program.tasks[0].ops[1]).toMatchObject({ page: 258, pages: 2, prot: 'rw', file: 'fd3', offset: 1 });
    expect(inference.files).toMatchObject({ replayed: 2, unknown: 2 });
  });
});

describe('how long a file is', () => {
  const touched = (lines: string[]) => opsOf(lines, { touch: 'touch-all' }).filter((op) => op.do === 'touch');

  it('what the log says of it; nobody touches what lies behind the end', () => {
    const stat = 'fstat(3, {st_mode=S_IFREG|0644, st_size=5000, ...}) = 0';
    expect(touched([open('/a', 3), stat, map('3', '0x10000', { pages: 4 })])).toEqual([
      { do: 'touch', page: 16, pages: 2 },
    ]);
    // nothing known: as long as it is mapped
    expect(touched([open('/a', 3), map('3', '0x10000', { pages: 4 })])).toEqual([{ do: 'touch', page: 16, pages: 4 }]);
    const shorter = ['lseek(3, 0, SEEK_END) = 16384', 'ftruncate(3, 4096) = 0'];
    expect(touched([open('/a', 3), ...shorter, map('3', '0x10000', { pages: 4 })])).toEqual([
      { do: 'touch', page: 16 },
    ]);
  });

  it('a file that is made anew is empty; what is appended makes it longer', () => {
    const lines = [
      open('/a', 3, 'O_RDWR|O_CREAT|O_TRUNC|O_APPEND'),
      'write(3, ""..., 5000) = 5000',
      'write(3, ""..., 5000) = 5000',
      map('3', '0x10000', { pages: 3 }),
    ];
    const { program } = fromLines(lines);
    expect(program.files).toEqual([{ name: 'a', pages: 0 }]);
    expect(program.tasks[0].ops.map((op) => op.do === 'write' && op.page)).toEqual([0, 1, 1, 2, false]);
  });

  it('only pages that are named count, so that a sparse file fits', () => {
    const far = 1 << 20;
    const { program } = fromLines([
      open('/a', 3),
      `lseek(3, 0, SEEK_END) = ${(far + 8) * 4096}`,
      map('3', '0x10000', { offset: far, pages: 2 }),
      `pread64(3, ""..., 1, ${5 * 4096}) = 1`,
      `ftruncate(3, ${(far + 1) * 4096}) = 0`,
    ]);
    expect(program.files).toEqual([{ name: 'a', pages: 3 }]);
    expect(program.tasks[0].ops).toMatchObject([
      { do: 'mmap', offset: 1, pages: 2 },
      { do: 'read', page: 0 },
      { do: 'truncate', pages: 2 },
    ]);
  });
});

describe('what does not fit or is nobody’s', () => {
  it('files that find no place are mapped as private anonymous memory, counted and named', () => {
    const large = [open('/large', 3), map('3', '0x10000000', { pages: 70_000 }), 'fsync(3) = 0'];
    const { program, inference } = fromLines([...large, open('/small', 4), map('4', '0x10000')]);
    expect(program.files).toEqual([{ name: 'small', pages: 1 }]);
    expect(program.tasks[0].ops).toMatchObject([{ do: 'mmap', pages: 70_000 }, { file: 'small' }]);
    expect(inference.files.unfit).toEqual([{ name: '/large', pages: 70_000 }]);
    expect(inference.asAnonymous).toBe(1);
    const many = Array.from({ length: 70 }, (_, i) => [open(`/f${i}`, 3), map('3', `0x${i + 10}0000`)]).flat();
    const { files, asAnonymous } = fromLines(many).inference;
    expect([files.replayed, files.unfit.length, asAnonymous]).toEqual([64, 6, 6]);
  });

  it('files that nobody maps are left out with their calls; shared memory without a name is a file', () => {
    const { program, inference } = fromLines([
      open('/a', 3),
      'read(3, ""..., 100) = 100',
      'fsync(3) = 0',
      map('-1', '0x10000', { pages: 2, flags: 'MAP_SHARED|MAP_ANONYMOUS', prot: 'PROT_READ|PROT_WRITE' }),
      FORK,
      'msync(0x10000, 8192, MS_SYNC) = 0',
      'madvise(0x10000, 4096, MADV_PAGEOUT) = 0',
    ]);
    expect(program.files).toEqual([{ name: 'shared', pages: 2, memory: true }]);
    expect(program.tasks[0].ops).toMatchObject([
      { do: 'mmap', file: 'shared', shared: true },
      { do: 'fork' },
      { do: 'msync', pages: 2 },
      { do: 'madvise', advice: 'pageout' },
    ]);
    expect(inference.files).toMatchObject({ neverMapped: 1, unnamed: 1, shared: 1 });
    expect(inference.calls.skipped).toEqual({
      'file descriptors and names: followed': 1,
      'use of a file that nobody maps': 2,
    });
  });

  it('a mapping that is moved and grows shows the file further on', () => {
    const { program } = fromLines(
      [
        open('/a', 3),
        'lseek(3, 0, SEEK_END) = 12288',
        map('3', '0x10000', { offset: 1 }),
        'mremap(0x10000, 4096, 8192, MREMAP_MAYMOVE) = 0x90000',
      ],
      { touch: 'touch-all' },
    );
    expect(program.files).toEqual([{ name: 'a', pages: 2 }]);
    expect(program.tasks[0].ops.slice(-1)).toEqual([{ do: 'touch', page: 145 }]);
  });
});
