import { describe, expect, it } from 'vitest';
import { GEOMETRY_BOUNDS, geometry } from '#tlblab/hardware/geometry.js';
import { allTraits, generateProgram, TRAITS, type TraitName, type Traits } from '#tlblab/hunt/generate/generator.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { parseLitmus, printLitmus } from '#tlblab/program/litmus.js';
import type { Op, Program } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { stuckTasks } from '../program/runs-to-end.ts';

const PROGRAMS = 1500;

function programs(traits: Traits = allTraits(), count = PROGRAMS, seed = 7): Program[] {
  const { bits } = randomFrom(seed);
  return Array.from({ length: count }, () => generateProgram(bits, traits));
}

/** Daemons aside. */
const concurrentOps = (p: Program): Op[] => p.tasks.flatMap((t) => t.ops).filter((op) => op.do !== 'kswapd');
const allOps = (p: Program): Op[] => [...p.history.map((h) => h.op), ...p.tasks.flatMap((t) => t.ops)];
const hasNodes = (p: Program) => p.machine.override?.nodes !== undefined;
const does = (p: Program, op: Op['do']) => allOps(p).some((o) => o.do === op);
/** Pages of files that mappings show, as often as they do. */
/** Devices are files of a trait of their own. */
const isDevice = (p: Program, name: string) => p.files?.some((f) => f.name === name && f.device) ?? false;
const shown = (p: Program) =>
  allOps(p).flatMap((op) =>
    op.do === 'mmap' && op.file !== undefined && !isDevice(p, op.file)
      ? Array.from({ length: op.pages ?? 1 }, (_, i) => `${op.file}[${(op.offset ?? 0) + i}]`)
      : [],
  );
const mapsFile = (p: Program, shared: boolean) =>
  allOps(p).some(
    (op) => op.do === 'mmap' && op.file !== undefined && !isDevice(p, op.file) && (op.shared ?? false) === shared,
  );
/** Part of the programs for which it is true. */
const share = (list: Program[], is: (p: Program) => boolean) => list.filter(is).length / list.length;

describe('generateProgram', () => {
  const drawn = programs();

  it('draws the same programs from the same numbers, and others from others', () => {
    expect(programs()).toEqual(drawn);
    expect(programs(allTraits(), 20, 8)).not.toEqual(drawn.slice(0, 20));
  });

  it('makes programs that the schema accepts on the machine they ask for', () => {
    for (const program of drawn) {
      const { cpus, geometry: name, override } = program.machine;
      const { pages, filePages, files, tasks, mms } = geometry(name!, { ...override, cpus });
      expect(parseProgram(program, program.name, { pages, filePages })).toEqual(program);
      expect(program.files?.length ?? 0).toBeLessThanOrEqual(files);
      expect(program.tasks.length).toBeLessThanOrEqual(tasks);
      const starts = 1 + Math.max(...program.tasks.map((t) => t.mm ?? 0));
      expect(starts + program.tasks.filter((t) => t.forkedBy).length).toBeLessThanOrEqual(Math.min(3, mms));
    }
  });

  it('makes programs that litmus text can hold', () => {
    for (const program of drawn.slice(0, 200)) expect(parseLitmus(printLitmus(program), 'x')).toEqual(program);
  });

  it('keeps to the sizes asked for', () => {
    for (const program of drawn) {
      expect(program.history.length).toBeLessThanOrEqual(40);
      expect(concurrentOps(program).length).toBeGreaterThanOrEqual(2);
      expect(concurrentOps(program).length).toBeLessThanOrEqual(8);
      expect([2, 3, 4]).toContain(program.machine.cpus);
      const perCpu = program.tasks.filter((t) => !t.forkedBy).map((t) => t.cpu);
      for (let cpu = 0; cpu < program.machine.cpus; cpu++) expect(perCpu).toContain(cpu);
    }
  });

  it('makes programs that end under any schedule', () => {
    const { below } = randomFrom(3);
    for (const program of drawn) {
      for (const choose of [below, () => 0, (n: number) => n - 1]) expect(stuckTasks(program, choose)).toEqual([]);
    }
  });

  it('lets no program wait for a task whose fork may fail for want of memory', () => {
    for (const program of drawn.filter((p) => does(p, 'fork'))) {
      expect(program.machine.override!.frames).toBeGreaterThanOrEqual(300);
      expect(program.machine.override!.vmas).toBeGreaterThanOrEqual(32 * 3);
    }
  });

  it('uses every operation, every right, and machines of many sizes', () => {
    const ops = new Set(drawn.flatMap((p) => allOps(p).map((o) => o.do)));
    expect([...ops].sort()).toEqual(
      [
        'await',
        'compute',
        'exit',
        'fetch',
        'fork',
        'fsync',
        'load',
        'madvise',
        'migrate',
        'mmap',
        'move',
        'mprotect',
        'mremap',
        'munmap',
      ]
        .concat(['pfnwalk', 'post', 'read', 'reclaim', 'sleep', 'store', 'touch', 'truncate', 'wake', 'write', 'yield'])
        .concat(['compact', 'gup', 'kswapd', 'numascan', 'msync', 'kalloc', 'kfree', 'device', 'devmigrate'])
        .concat(['open', 'close', 'lock', 'unlock', 'remote'])
        .concat(['clearrefs', 'uffdregister', 'uffdwp', 'pagemap'])
        .concat(['punch', 'dropcache', 'notifystore', 'notifyinval'])
        .concat(['uprobe', 'ksm', 'revoke', 'offline', 'online'])
        .sort(),
    );
    const frames = drawn.flatMap((p) => p.machine.override?.frames ?? []).filter((f) => f < 300);
    expect(Math.min(...frames)).toBeLessThanOrEqual(8);
    expect(Math.max(...frames)).toBeGreaterThan(64);
    for (const name of Object.keys(drawn.reduce((all, p) => Object.assign(all, p.machine.override), {}))) {
      expect(Object.keys(GEOMETRY_BOUNDS)).toContain(name);
    }
    expect(share(drawn, (p) => p.history.length > 20)).toBeGreaterThan(0.08);
    expect(share(drawn, (p) => p.history.length === 0)).toBeGreaterThan(0.02);
  });

  it('takes pages away that another CPU has used in the same address space, and uses them again', () => {
    const pagesOf = (op: Op): number[] =>
      'page' in op ? Array.from({ length: ('pages' in op ? op.pages : undefined) ?? 1 }, (_, i) => op.page + i) : [];
    const accesses = ['load', 'store', 'fetch', 'touch'];
    const removes = ['munmap', 'mprotect', 'mremap', 'madvise', 'reclaim', 'migrate'];
    const races = (p: Program) =>
      p.tasks.some((remover) =>
        p.tasks.some((user) => {
          if (user === remover || user.cpu === remover.cpu || (user.mm ?? 0) !== (remover.mm ?? 0)) return false;
          const taken = remover.ops.filter((o) => removes.includes(o.do)).flatMap(pagesOf);
          return user.ops
            .filter((o) => accesses.includes(o.do))
            .some((o) => pagesOf(o).some((page) => taken.includes(page)));
        }),
      );
    const anonymous = drawn.filter((p) => p.files === undefined);
    expect(share(anonymous, races)).toBeGreaterThan(0.25);
  });

  it('takes pages of files away that somebody maps and has used, and changes what they show', () => {
    const onFiles = drawn.filter((p) => p.files !== undefined);
    expect(share(drawn, (p) => p.files !== undefined)).toBeGreaterThan(0.5);
    const maps = (p: Program) => allOps(p).some((o) => o.do === 'mmap' && o.file !== undefined);
    const removes = (p: Program) =>
      concurrentOps(p).some((o) => ['reclaim', 'migrate', 'truncate', 'punch'].includes(o.do));
    const changes = (p: Program) => concurrentOps(p).some((o) => ['write', 'truncate', 'punch'].includes(o.do));
    expect(share(onFiles, maps)).toBeGreaterThan(0.6);
    expect(share(onFiles, (p) => maps(p) && removes(p))).toBeGreaterThan(0.4);
    expect(share(onFiles, (p) => maps(p) && removes(p) && changes(p))).toBeGreaterThan(0.2);
    const byFileAlone = (p: Program) =>
      p.tasks.some((t) => (t.mm ?? 0) > 0) && new Set(shown(p)).size < shown(p).length;
    expect(share(onFiles, byFileAlone)).toBeGreaterThan(0.05);
  });

  const absent: Partial<Record<TraitName, (p: Program) => boolean>> = {
    manyCpus: (p) => p.machine.cpus > 2,
    unrelatedMms: (p) => p.tasks.some((t) => (t.mm ?? 0) > 0),
    secondTask: (p) =>
      p.tasks.some((t, i) => !t.kthread && !t.forkedBy && p.tasks.findIndex((o) => o.cpu === t.cpu) < i),
    kthread: (p) => p.tasks.some((t) => t.kthread && !t.server && t.ops[0]?.do !== 'kswapd'),
    priority: (p) => p.tasks.some((t) => t.priority === 1),
    smallMachine: (p) =>
      Object.keys(p.machine.override ?? {}).some((k) => k !== 'swapSlots' && k !== 'files') &&
      !does(p, 'fork') &&
      !hasNodes(p) &&
      !does(p, 'kswapd'),
    tiers: hasNodes,
    kswapd: (p) => does(p, 'kswapd') || p.machine.override?.watermarkHigh !== undefined,
    numascan: (p) => does(p, 'numascan'),
    devmigrate: (p) => does(p, 'devmigrate'),
    variants: (p) => p.machine.switches !== undefined,
    gup: (p) => does(p, 'gup'),
    history: (p) => p.history.length > 0,
    load: (p) => does(p, 'load'),
    store: (p) => does(p, 'store'),
    fetch: (p) => does(p, 'fetch'),
    touch: (p) => does(p, 'touch'),
    mmap: (p) => does(p, 'mmap'),
    munmap: (p) => does(p, 'munmap'),
    mprotect: (p) => does(p, 'mprotect'),
    mremap: (p) => does(p, 'mremap'),
    dontneed: (p) => allOps(p).some((o) => o.do === 'madvise' && o.advice === 'dontneed'),
    free: (p) => allOps(p).some((o) => o.do === 'madvise' && (o.advice === 'free' || o.advice === 'cold')),
    pageout: (p) => allOps(p).some((o) => o.do === 'madvise' && o.advice === 'pageout'),
    files: (p) => (p.files?.some((f) => !f.device) ?? false) || does(p, 'write'),
    fileShared: (p) => mapsFile(p, true),
    filePrivate: (p) => mapsFile(p, false),
    alias: (p) => new Set(shown(p)).size < shown(p).length,
    read: (p) => allOps(p).some((o) => o.do === 'read' && !o.direct),
    write: (p) => allOps(p).some((o) => o.do === 'write' && !o.direct),
    truncate: (p) => does(p, 'truncate'),
    fsync: (p) => does(p, 'fsync'),
    msync: (p) => does(p, 'msync'),
    remote: (p) => p.files?.some((f) => f.remote) ?? false,
    open: (p) => does(p, 'open') || does(p, 'close'),
    lock: (p) => does(p, 'lock') || does(p, 'unlock'),
    reclaim: (p) => allOps(p).some((o) => o.do === 'reclaim' && o.file !== undefined),
    migrate: (p) => allOps(p).some((o) => o.do === 'migrate' && o.file !== undefined),
    swap: (p) => (p.machine.override?.swapSlots ?? 0) > 0,
    swapout: (p) => allOps(p).some((o) => o.do === 'reclaim' && o.file === undefined),
    relocate: (p) => allOps(p).some((o) => o.do === 'migrate' && o.file === undefined),
    pfnwalk: (p) => does(p, 'pfnwalk'),
    compaction: (p) => does(p, 'compact'),
    kalloc: (p) => does(p, 'kalloc') || does(p, 'kfree'),
    device: (p) => does(p, 'device'),
    uprobe: (p) => does(p, 'uprobe'),
    ksm: (p) => does(p, 'ksm'),
    rawmap: (p) => does(p, 'revoke') || (p.files?.some((f) => f.device) ?? false),
    fork: (p) => does(p, 'fork'),
    exit: (p) => does(p, 'exit'),
    sleep: (p) => does(p, 'sleep') || does(p, 'wake'),
    messages: (p) => does(p, 'post') || does(p, 'await'),
    yield: (p) => does(p, 'yield'),
    move: (p) => does(p, 'move'),
    unplug: (p) => does(p, 'offline'),
    clearrefs: (p) => does(p, 'clearrefs'),
    uffdwp: (p) => does(p, 'uffdwp') || does(p, 'uffdregister'),
    blockdev: (p) => p.files?.some((f) => f.blockdev) ?? false,
    fuse: (p) => p.files?.some((f) => f.fuse) ?? false,
    notify: (p) => does(p, 'notifystore') || does(p, 'notifyinval'),
    iomap: (p) => p.files?.some((f) => f.iomap) ?? false,
    direct: (p) => allOps(p).some((o) => (o.do === 'read' || o.do === 'write') && o.direct === true),
    punch: (p) => does(p, 'punch'),
    dropcache: (p) => does(p, 'dropcache'),
    memoryFile: (p) => p.files?.some((f) => f.memory) ?? false,
    sharedMemory: (p) => allOps(p).some((o) => o.do === 'mmap' && o.shared && o.file === undefined),
    compute: (p) => does(p, 'compute') && !p.tasks.some((t) => t.kthread),
  };

  it.each(Object.keys(absent) as TraitName[])('leaves out %s when its weight is 0, and has it otherwise', (name) => {
    const has = absent[name]!;
    expect(share(drawn, has)).toBeGreaterThan(0);
    // an address space that only one task can be put in needs a second task on a CPU
    const but = name === 'secondTask' ? { [name]: 0, unrelatedMms: 0 } : { [name]: 0 };
    expect(programs(allTraits(but), 300).filter(has)).toEqual([]);
  });

  it('allocates in each context, by tasks and kernel threads, and interrupts idle CPUs', () => {
    const inContext = (p: Program, context?: string) =>
      allOps(p).some((op) => op.do === 'kalloc' && op.context === context);
    const byKernel = (p: Program) => p.tasks.some((t) => t.kthread && t.ops.some((op) => op.do === 'kalloc'));
    const isIdle = (p: Program, cpu: number) => !p.tasks.some((t) => t.cpu === cpu && t.ops.length > 0);
    const wakesIdle = (p: Program) => concurrentOps(p).some((op) => op.do === 'device' && isIdle(p, op.cpu));
    expect(share(drawn, (p) => inContext(p, 'irqoff'))).toBeGreaterThan(0.07);
    expect(share(drawn, (p) => inContext(p))).toBeGreaterThan(0.07);
    expect(share(drawn, (p) => inContext(p, 'locked'))).toBeGreaterThan(0.05);
    expect(share(drawn, (p) => concurrentOps(p).some((op) => op.do === 'device'))).toBeGreaterThan(0.1);
    expect(drawn.some(byKernel)).toBe(true);
    expect(drawn.some(wakesIdle)).toBe(true);
  });

  it('spreads tasks over more pages without the trait shared', () => {
    const distinct = (p: Program) => new Set(allOps(p).flatMap((o) => ('page' in o ? [o.page] : []))).size;
    const mean = (list: Program[]) => list.reduce((sum, p) => sum + distinct(p), 0) / list.length;
    expect(mean(programs(allTraits({ shared: 0 }), 300))).toBeGreaterThan(1.3 * mean(drawn));
  });

  it('makes programs even when every trait is off', () => {
    const off = Object.fromEntries(Object.keys(TRAITS).map((name) => [name, 0])) as Record<TraitName, number>;
    for (const program of programs(off, 20)) {
      expect(program.tasks).toHaveLength(2);
      expect(new Set(allOps(program).map((o) => o.do))).toEqual(new Set(['compute']));
    }
  });
});
