/** Programs written in TypeScript: `race({cpus: 2}, {setup: [mmap(4, 1, 'rw')], P0: [munmap(4)], P1: [load(4)]})`. */
import { BadInput } from './bad-input.ts';
import { canonicalProgram } from './canonical.ts';
import { checkProgram, type Limits } from './check.ts';
import type { AllocContext, MachineSpec, Op, Program, Prot, TaskProgram } from './program.ts';

/** A task: its operations, or those with where it runs. */
export type TaskSpec = Op[] | (Partial<Omit<TaskProgram, 'name'>> & { ops: Op[] });

/** One operation of the history that a named task does. */
export interface ByTask {
  task: string;
  op: Op;
}

/** Tasks by name, and under `setup` the history: operations of the first task, or of the task that `by` names. */
export interface RaceSpec {
  setup?: (Op | ByTask)[];
  [task: string]: TaskSpec | (Op | ByTask)[] | undefined;
}

/** What else a program says about itself. */
export type About = Partial<Pick<Program, 'name' | 'says' | 'files' | 'rounds' | 'final'>>;

/**
 * A canonical program. A task whose CPU is not given runs on CPU 0, 1, … by its position, and starts again at 0 when
 * there are more tasks than CPUs.
 * @throws BadInput for what the checks of programs refuse
 */
export function race(
  machine: MachineSpec,
  { setup = [], ...tasks }: RaceSpec,
  about: About = {},
  limits: Limits = {},
): Program {
  const { name = 'race' } = about;
  const names = Object.keys(tasks);
  if (names.length === 0) throw new BadInput({ what: 'no tasks', where: name, expected: 'at least 1' });
  const program = canonicalProgram({
    ...about,
    name,
    machine,
    tasks: names.map((task, i) => {
      const spec = tasks[task] as TaskSpec;
      return { cpu: i % machine.cpus, ...(Array.isArray(spec) ? { ops: spec } : spec), name: task };
    }),
    history: setup.map((step) => ('op' in step ? step : { task: names[0], op: step })),
  });
  checkProgram(program, limits, (path) => `${name}: ${path}`);
  return program;
}

/** Operations of the history done by that task. */
export const by = (task: string, ...ops: Op[]): ByTask[] => ops.map((op) => ({ task, op }));

export const load = (page: number, { word, into }: { word?: number; into?: string } = {}): Op => ({
  do: 'load',
  page,
  word,
  into,
});
export const fetch = (page: number, { word, into }: { word?: number; into?: string } = {}): Op => ({
  do: 'fetch',
  page,
  word,
  into,
});
export const store = (page: number, { word, value }: { word?: number; value?: number } = {}): Op => ({
  do: 'store',
  page,
  word,
  value,
});
/** Reads word 0 of each page. */
export const read = (page: number, pages = 1): Op => ({ do: 'touch', page, pages });
/** Writes word 0 of each page. */
export const write = (page: number, pages = 1): Op => ({ do: 'touch', page, pages, write: true });
export const mmap = (
  page: number,
  pages: number,
  prot: Prot,
  more: { fixed?: boolean; populate?: boolean; shared?: boolean; file?: string; offset?: number } = {},
): Op => ({ do: 'mmap', page, pages, prot, ...more });
export const munmap = (page: number, pages = 1): Op => ({ do: 'munmap', page, pages });
export const mprotect = (page: number, pages: number, prot: Prot): Op => ({ do: 'mprotect', page, pages, prot });
export const mremap = (page: number, pages: number, { to, newPages }: { to?: number; newPages?: number }): Op => ({
  do: 'mremap',
  page,
  pages,
  to,
  newPages,
});
export const numascan = (page: number, pages = 1): Op => ({ do: 'numascan', page, pages });
/** Reads word 0 of each page, or writes it, by get_user_pages(), or get_user_pages_fast(). */
export const gup = (page: number, pages = 1, { fast, write }: { fast?: boolean; write?: boolean } = {}): Op => ({
  do: 'gup',
  page,
  pages,
  fast,
  write,
});
export const dontneed = (page: number, pages = 1): Op => ({ do: 'madvise', page, pages, advice: 'dontneed' });

export const pageout = (page: number, pages = 1): Op => ({ do: 'madvise', page, pages, advice: 'pageout' });
/** read(2) and write(2) of one word of a file (`read` and `write` touch memory). */
export const fileRead = (
  file: string,
  page: number,
  { word, direct, into }: { word?: number; direct?: boolean; into?: string } = {},
): Op => ({
  do: 'read',
  file,
  page,
  word,
  direct,
  into,
});
export const fileWrite = (
  file: string,
  page: number,
  { word, direct, value }: { word?: number; direct?: boolean; value?: number } = {},
): Op => ({
  do: 'write',
  file,
  page,
  word,
  direct,
  value,
});
/** Pages of a file become a hole. */
export const punch = (file: string, page: number, pages = 1): Op => ({ do: 'punch', file, page, pages });
export const dropcache = (file: string): Op => ({ do: 'dropcache', file });
export const truncate = (file: string, pages: number): Op => ({ do: 'truncate', file, pages });
export const msync = (page: number, pages = 1): Op => ({ do: 'msync', page, pages });
export const fsync = (file: string): Op => ({ do: 'fsync', file });
/** Of a remote file: `open`, `close`, `lock` or `unlock`. */
export const remoteCall = (call: 'open' | 'close' | 'lock' | 'unlock', file: string): Op => ({ do: call, file });
/** Another client's write of one word, or another host's, done by a server. */
export const remoteWrite = (
  file: string,
  page: number,
  { word, value }: { word?: number; value?: number } = {},
): Op => ({
  do: 'remote',
  file,
  page,
  word,
  value,
});
export const reclaim = (file: string, page: number, pages = 1): Op => ({ do: 'reclaim', file, page, pages });
export const migrate = (
  file: string,
  page: number,
  pages = 1,
  { sync, node }: { sync?: boolean; node?: number } = {},
): Op => ({
  do: 'migrate',
  file,
  page,
  pages,
  sync,
  node,
});
/** What pages of the address space of task `of`, or of the acting one, map. */
export const reclaimMemory = (page: number, pages = 1, { of }: { of?: string } = {}): Op => ({
  do: 'reclaim',
  of,
  page,
  pages,
});
export const migrateMemory = (
  page: number,
  pages = 1,
  { of, sync, node }: { of?: string; sync?: boolean; node?: number } = {},
): Op => ({
  do: 'migrate',
  of,
  page,
  pages,
  sync,
  node,
});
/** All that a kernel thread does: it reclaims when the node is low on frames. */
export const kswapd = (node = 0): Op => ({ do: 'kswapd', node });
/** Folios of a node move to its highest frames. */
export const compact = ({ node, sync }: { node?: number; sync?: boolean } = {}): Op => ({ do: 'compact', node, sync });
export const pfnwalk = (page: number, pages = 1): Op => ({ do: 'pfnwalk', page, pages });
export const kalloc = (pages = 1, { context }: { context?: AllocContext } = {}): Op => ({
  do: 'kalloc',
  pages,
  context,
});
export const devmigrate = (page: number, pages = 1): Op => ({ do: 'devmigrate', page, pages });
export const kfree = (pages = 1): Op => ({ do: 'kfree', pages });
/** A breakpoint in a page of a file, wherever that is mapped privately; `off`: what was there before. */
export const uprobe = (
  file: string,
  page: number,
  { word, value, off }: { word?: number; value?: number; off?: boolean } = {},
): Op => ({ do: 'uprobe', file, page, word, value, off });
/** The page at `other` is merged into that at `page`. */
export const ksm = (page: number, other: number, { of, withOf }: { of?: string; withOf?: string } = {}): Op => ({
  do: 'ksm',
  page,
  of,
  with: other,
  withOf,
});
/** The driver of a device takes its memory away. */
export const revoke = (file: string): Op => ({ do: 'revoke', file });
/** A device interrupts that CPU. */
export const device = (cpu: number): Op => ({ do: 'device', cpu });
export const fork = (task: string): Op => ({ do: 'fork', task });
export const exit = (): Op => ({ do: 'exit' });
export const post = (flag: string): Op => ({ do: 'post', flag });
/** Blocks until the flag is posted (`await` is a reserved word). */
export const awaits = (flag: string): Op => ({ do: 'await', flag });
export const sleep = (): Op => ({ do: 'sleep' });
export const wake = (task: string): Op => ({ do: 'wake', task });
/** sched_yield (`yield` is a reserved word). */
export const yields = (): Op => ({ do: 'yield' });
export const move = (cpu: number): Op => ({ do: 'move', cpu });
/** A CPU goes, or comes back. */
export const offline = (cpu: number): Op => ({ do: 'offline', cpu });
export const online = (cpu: number): Op => ({ do: 'online', cpu });
export const compute = (cycles: number): Op => ({ do: 'compute', cycles });

export const clearrefs = (): Op => ({ do: 'clearrefs' });
export const uffdregister = (page: number, pages = 1): Op => ({ do: 'uffdregister', page, pages });
export const uffdwp = (page: number, pages = 1, on = true): Op => ({ do: 'uffdwp', page, pages, on });
export const pagemap = (page: number, pages = 1): Op => ({ do: 'pagemap', page, pages });
