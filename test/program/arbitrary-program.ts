/** Programs of any shape that the schema accepts, on a machine of 32 pages and of files of at most 8. */
import fc from 'fast-check';
import type { FileSpec, Op, Program, TaskProgram } from '#tlblab/program/program.js';

const PAGES = 32;
const FILE_PAGES = 8;
const TASKS = ['P0', 'P1', 'writer', 'k_0', 'server'];

const word = fc.constantFrom('r0', 'r1', 'f', 'go', 'x_1');
const page = fc.integer({ min: 0, max: PAGES - 1 });
const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
const range = page.chain((p) =>
  fc.record({ page: fc.constant(p), pages: maybe(fc.integer({ min: 1, max: PAGES - p })) }),
);
const prot = fc.constantFrom('none' as const, 'r' as const, 'rw' as const, 'rx' as const, 'rwx' as const);
const flag = maybe(fc.boolean());
const inPage = maybe(fc.integer({ min: 0, max: 3 }));

const file = fc.constantFrom('f', 'data');
const filePage = fc.integer({ min: 0, max: FILE_PAGES - 1 });
const fileRange = filePage.chain((p) =>
  fc.record({ file, page: fc.constant(p), pages: maybe(fc.integer({ min: 1, max: FILE_PAGES - p })) }),
);

const fileOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constant('read' as const), file, page: filePage, word: inPage, direct: flag, into: maybe(word) }),
  fc.record({
    do: fc.constant('write' as const),
    file,
    page: filePage,
    word: inPage,
    direct: flag,
    value: maybe(fc.nat()),
  }),
  fc.record({
    do: fc.constant('write' as const),
    file: fc.constant('disk'),
    page: filePage,
    word: inPage,
    direct: flag,
  }),
  fileRange.map((r) => ({ do: 'punch' as const, ...r })),
  fc.record({ do: fc.constant('dropcache' as const), file: fc.constantFrom('f', 'remote_1', 'disk') }),
  fc.record({ do: fc.constant('truncate' as const), file, pages: fc.integer({ min: 0, max: FILE_PAGES }) }),
  fc.record({ do: fc.constantFrom('open' as const, 'close', 'lock', 'unlock'), file: fc.constant('remote_1') }),
  fc.record({ do: fc.constant('open' as const), file: fc.constant('fuse') }),
  fc
    .tuple(fileRange, page, prot, flag)
    .filter(([{ pages = 1 }, at]) => at + pages <= PAGES)
    .map(([r, at, p, shared]) => ({
      do: 'mmap' as const,
      page: at,
      pages: r.pages,
      prot: p,
      shared,
      file: r.file,
      offset: r.page,
    })),
);

/** What a server does. */
const served: fc.Arbitrary<Op> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom<['remote' | 'notifystore', string]>(
        ['remote', 'remote_1'],
        ['remote', 'disk'],
        ['remote', 'fuse'],
        ['notifystore', 'fuse'],
      ),
      fc.record({ page: fc.integer({ min: 0, max: 1 }), word: inPage, value: maybe(fc.nat()) }),
    )
    .map(([[what, file], where]) => ({ do: what, file, ...where })),
  fc.record({
    do: fc.constant('notifyinval' as const),
    file: fc.constant('fuse'),
    page: fc.constant(0),
    pages: maybe(fc.integer({ min: 1, max: 2 })),
  }),
);

/** What the kernel does on its own account: a kernel thread may do it, too. */
const duty: fc.Arbitrary<Op> = fc.oneof(
  file.map((f) => ({ do: 'fsync' as const, file: f })),
  fileRange.map((r) => ({ do: 'reclaim' as const, ...r })),
  range.map((r) => ({ do: 'reclaim' as const, of: 'P0', ...r })),
  fc.tuple(range, flag).map(([r, sync]) => ({ do: 'migrate' as const, of: 'P1', ...r, sync })),
  fc.tuple(fileRange, flag).map(([r, sync]) => ({ do: 'migrate' as const, ...r, sync })),
  range.map((r) => ({ do: 'pfnwalk' as const, ...r })),
  flag.map((sync) => ({ do: 'compact' as const, sync })),
  fc
    .tuple(
      maybe(fc.integer({ min: 1, max: 9 })),
      maybe(fc.constantFrom('task' as const, 'irqoff' as const, 'locked' as const)),
    )
    .map(([pages, context]) => ({ do: 'kalloc' as const, pages, context })),
  maybe(fc.integer({ min: 1, max: 9 })).map((pages) => ({ do: 'kfree' as const, pages })),
  fc.constantFrom(0, 1).map((cpu) => ({ do: 'device' as const, cpu })),
  fc
    .tuple(fc.constantFrom('offline' as const, 'online'), fc.constantFrom(0, 1))
    .map(([what, cpu]) => ({ do: what, cpu })),
  fc.tuple(fileRange, inPage, maybe(fc.nat()), flag).map(([{ file: f, page: p }, w, v, off]) => ({
    do: 'uprobe' as const,
    file: f,
    page: p,
    word: w,
    ...(off ? { off } : { value: v }),
  })),
  fc.tuple(range, range).map(([r, q]) => ({ do: 'ksm' as const, page: r.page, of: 'P0', with: q.page, withOf: 'P1' })),
);

const memoryOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constantFrom('load' as const, 'fetch' as const), page, word: inPage, into: maybe(word) }),
  fc.record({ do: fc.constant('store' as const), page, word: inPage, value: maybe(fc.nat()) }),
  fc.tuple(range, flag).map(([r, write]) => ({ do: 'touch' as const, ...r, write })),
  fc
    .tuple(range, prot, flag, flag, flag)
    .map(([r, p, fixed, populate, shared]) => ({ do: 'mmap' as const, ...r, prot: p, fixed, populate, shared })),
  range.map((r) => ({ do: 'munmap' as const, ...r })),
  range.map((r) => ({ do: 'numascan' as const, ...r })),
  range.map((r) => ({ do: 'devmigrate' as const, ...r })),
  range.map((r) => ({ do: 'msync' as const, ...r })),
  fc.constant<Op>({ do: 'clearrefs' }),
  range.map((r) => ({ do: 'uffdregister' as const, ...r })),
  fc.tuple(range, fc.boolean()).map(([r, on]) => ({ do: 'uffdwp' as const, ...r, on })),
  fc
    .tuple(range, maybe(word))
    .map(([r, into]) => ({ do: 'pagemap' as const, page: r.page, pages: Math.min(r.pages ?? 1, 15), into })),
  fc
    .tuple(range, inPage, flag, flag, maybe(fc.nat()), maybe(word))
    .map(([{ page: p, pages = 1 }, w, fast, write, v, into]) => {
      const use = write ? { write, value: v } : { write, into };
      return { do: 'gup' as const, page: p, pages: Math.min(pages, 16), word: w, fast, ...use };
    }),
  fc.tuple(range, prot).map(([r, p]) => ({ do: 'mprotect' as const, ...r, prot: p })),
  fc
    .tuple(range, maybe(fc.integer({ min: 0, max: 15 })), maybe(fc.integer({ min: 1, max: 8 })))
    .map(([r, to, newPages]) => ({
      do: 'mremap' as const,
      page: r.page,
      pages: Math.min(r.pages ?? 1, 16),
      to,
      newPages,
    }))
    .map((op) => ({ ...op, pages: Math.min(op.pages, PAGES - op.page) })),
  fc
    .tuple(range, fc.constantFrom('dontneed' as const, 'free' as const, 'cold' as const, 'pageout' as const))
    .map(([r, advice]) => ({ do: 'madvise' as const, ...r, advice })),
  word.map((f) => ({ do: 'post' as const, flag: f })),
);

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.constantFrom<Op>({ do: 'sleep' }, { do: 'yield' }),
  fc.constantFrom('P0', 'P1').map((task) => ({ do: 'wake' as const, task })),
  fc.constantFrom(0, 1).map((cpu) => ({ do: 'move' as const, cpu })),
  fc.nat().map((cycles) => ({ do: 'compute' as const, cycles })),
);

/** Of one's own address space: only for those who have one. */
const ownDuty: fc.Arbitrary<Op> = fc.oneof(
  range.map((r) => ({ do: 'reclaim' as const, ...r })),
  fc.tuple(range, flag).map(([r, sync]) => ({ do: 'migrate' as const, ...r, sync })),
);

const userOp = fc.oneof({ weight: 3, arbitrary: memoryOp }, { weight: 2, arbitrary: fileOp }, duty, ownDuty);

const files: fc.Arbitrary<FileSpec[]> = fc
  .tuple(fc.integer({ min: 0, max: FILE_PAGES }), fc.integer({ min: 0, max: FILE_PAGES }))
  .map(([f, data]) => [
    { name: 'f', pages: f },
    { name: 'data', pages: data },
    { name: 'remote_1', pages: 2, remote: true },
    { name: 'disk', pages: 2, blockdev: true },
    { name: 'fuse', pages: 2, fuse: true },
    { name: 'memory_1', pages: 2, memory: true },
  ]);

/** In a program without files nothing names one. */
const isPossible = (op: Op, hasFiles: boolean) => hasFiles || !('file' in op);

const says = maybe(fc.string({ unit: 'binary' }).filter((s) => !/[\r\n]/.test(s)));

const isSleep = (op: Op) => op.do === 'sleep';
const wakes = (task: string): Op => ({ do: 'wake', task });

/** Forks, waits, wakes and the final condition are added so that they refer to something that is there. */
export const arbitraryProgram: fc.Arbitrary<Program> = fc
  .record({
    name: fc.stringMatching(/^[\w.+-]{1,12}$/),
    says,
    geometry: maybe(fc.constantFrom('tiny' as const, 'small' as const)),
    override: maybe(fc.dictionary(fc.constantFrom('frames', 'pcpBatch'), fc.integer({ min: 1, max: 64 }))),
    switches: maybe(fc.dictionary(fc.constantFrom('pcid', 'lazyTlb'), fc.oneof(fc.boolean(), fc.nat(3)))),
    rounds: maybe(fc.integer({ min: 1, max: 9 })),
    ops: fc.array(fc.array(fc.oneof(userOp, anyOp), { maxLength: 5 }), { minLength: 3, maxLength: 3 }),
    kernelOps: fc.array(fc.oneof(anyOp, duty), { maxLength: 3 }),
    server: fc.option(fc.array(served, { maxLength: 3 }), { nil: undefined }),
    files: maybe(files),
    cpus: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 4, maxLength: 4 }),
    mms: fc.array(maybe(fc.integer({ min: 0, max: 2 })), { minLength: 4, maxLength: 4 }),
    past: fc.array(fc.tuple(fc.constantFrom('P0', 'P1'), fc.oneof(userOp, anyOp)), { maxLength: 6 }),
    forks: fc.boolean(),
    kthread: fc.boolean(),
    priority: maybe(fc.constantFrom(0 as const, 1 as const)),
    waits: fc.boolean(),
    exits: fc.boolean(),
    final: maybe(
      fc.tuple(fc.constantFrom('forbidden' as const, 'permitted' as const), fc.integer({ min: -5, max: 5 })),
    ),
  })
  .map((d) => {
    const possible = (op: Op) => isPossible(op, d.files !== undefined);
    const ops = d.ops.map((list) => list.filter(possible));
    if (d.forks) ops[0].push({ do: 'fork', task: TASKS[2] });
    if (d.waits) {
      ops[0].push({ do: 'post', flag: 'w' });
      ops[1].push({ do: 'await', flag: 'w' });
    }
    if (d.final) ops[1].push({ do: 'load', page: 1, into: 'last' });
    if (d.exits) ops[1].push({ do: 'exit' });
    const tasks: TaskProgram[] = [
      { name: TASKS[0], cpu: d.cpus[0], mm: d.mms[0], ops: ops[0] },
      { name: TASKS[1], cpu: d.cpus[1], mm: d.mms[1], priority: d.priority, ops: ops[1] },
      { name: TASKS[2], cpu: d.cpus[2], mm: d.mms[2], forkedBy: d.forks ? TASKS[0] : undefined, ops: ops[2] },
    ];
    if (d.kthread) tasks.push({ name: TASKS[3], cpu: d.cpus[3], kthread: true, ops: d.kernelOps.filter(possible) });
    if (d.server) tasks.push({ name: TASKS[4], cpu: 1, kthread: true, server: true, ops: d.server.filter(possible) });
    tasks[0].ops.unshift(...tasks.flatMap((t) => t.ops.filter(isSleep).map(() => wakes(t.name))));
    const past = d.past.filter(([, op]) => possible(op)).map(([task, op]) => ({ task, op }));
    return {
      name: d.name,
      says: d.says,
      machine: { cpus: 2, geometry: d.geometry, override: d.override, switches: d.switches },
      files: d.files,
      tasks,
      history: past.flatMap((h) => (isSleep(h.op) ? [{ task: 'P0', op: wakes(h.task) }, h] : [h])),
      rounds: d.rounds,
      final: d.final && { verdict: d.final[0], where: [{ task: 'P1', register: 'last', value: d.final[1] }] },
    };
  });
