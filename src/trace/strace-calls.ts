/** What each system call of an strace log becomes: operations at the recorded addresses, or the reason why none. */
import type { Prot } from '../program/program.ts';
import { FILE_CALLS } from './file-calls.ts';
import { affinityCpu } from './placement.ts';
import { namedArgument, parseNumber } from './strace-line.ts';
import type { TraceCall } from './trace.ts';
import type { Effect, Importer, TracedThread } from './traced-thread.ts';

type Handler = (importer: Importer, thread: TracedThread, call: TraceCall) => Effect | string;

const UNREADABLE = 'arguments abbreviated';
const TOO_LARGE = 'range does not fit the machine';

/** Name of the call to what it becomes; a text says why it is skipped. Calls that are not here are not modelled. */
export const STRACE_CALLS: Readonly<Record<string, Handler>> = {
  ...Object.fromEntries(Object.keys(FILE_CALLS).map((name): [string, Handler] => [name, onFiles])),
  mmap,
  munmap,
  mprotect,
  pkey_mprotect: mprotect,
  madvise,
  mremap,
  brk,
  msync,
  clone,
  clone2: clone,
  clone3: clone,
  fork: clone,
  vfork: clone,
  execve,
  execveat: execve,
  exit,
  exit_group: exit,
  sched_setaffinity: schedSetaffinity,
};

/** Recorded page numbers that the call will ask for, to lay out the machine's address space beforehand. */
export function pagesNamed(call: TraceCall): { from: number; pages: number }[] {
  const range = (address: number | undefined, bytes: number | undefined) =>
    address === undefined || bytes === undefined || address < 0 || bytes <= 0
      ? []
      : [{ from: Math.floor(address / 4096), pages: pagesIn(bytes) }];
  const [a, b, c] = call.args.slice(0, 3).map(parseNumber);
  const result = parseNumber(call.result);
  switch (call.name) {
    case 'mmap':
      return range(result, b);
    case 'munmap':
    case 'mprotect':
    case 'pkey_mprotect':
    case 'madvise':
    case 'msync':
      return range(a, b);
    case 'mremap':
      return [...range(a, b), ...range(result, c)];
    case 'brk':
      return [...range(result, 1), ...range(result === undefined ? undefined : result - 1, 1)];
    case 'clone':
    case 'clone3':
      return range((stackOf(call) ?? 0) - 1, 1);
    default:
      return [];
  }
}

function mmap(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  const { args, result } = call;
  const at = parseNumber(result);
  const bytes = parseNumber(args[1]);
  const prot = rights(args[2]);
  if (at === undefined || bytes === undefined || prot === undefined || args[3] === undefined) return UNREADABLE;
  const flags = args[3].split('|');
  const pages = pagesIn(bytes);
  const page = importer.page(at, pages);
  if (page === undefined) return TOO_LARGE;
  const populate = flags.includes('MAP_POPULATE') && prot !== 'none';
  const backing = importer.backingOf(call, page);
  importer.noteMapping(at, {
    file: !flags.includes('MAP_ANONYMOUS'),
    shared: flags.includes('MAP_SHARED') || flags.includes('MAP_SHARED_VALIDATE'),
    backing,
  });
  const touches = space.map(page, pages, prot, { populate, stack: flags.includes('MAP_STACK'), backing });
  const offset = page + (backing?.delta ?? 0);
  const of = backing && { file: backing.file.key, offset, shared: backing.shared };
  return {
    ops: [{ do: 'mmap', page, pages, prot, fixed: true, populate, ...of }, ...touches],
    ranges: [[page, pages]],
    files: backing && [{ file: backing.file, from: offset, to: offset + pages, looks: true }],
    fresh: !flags.includes('MAP_FIXED'),
  };
}

function munmap(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  const range = rangeOf(importer, call);
  if (typeof range === 'string') return range;
  const { page, pages } = range;
  // a munmap may span holes; only when it hits nothing known did the log miss an area
  const before = space.isKnown(page, pages) ? [] : space.imply(page, pages, call.line);
  space.unmap(page, pages);
  return { ops: [...before, { do: 'munmap', page, pages }], ranges: [[page, pages]] };
}

function mprotect(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  const range = rangeOf(importer, call);
  if (typeof range === 'string') return range;
  const { page, pages } = range;
  const prot = rights(call.args[2]);
  if (prot === undefined) return UNREADABLE;
  const before = space.imply(page, pages, call.line);
  return {
    ops: [...before, { do: 'mprotect', page, pages, prot }, ...space.protect(page, pages, prot)],
    ranges: [[page, pages]],
  };
}

function madvise(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  const advice = call.args[2];
  if (advice === undefined || advice === '...') return UNREADABLE;
  const isPageout = advice === 'MADV_PAGEOUT';
  if (advice !== 'MADV_DONTNEED' && !isPageout) return `madvise ${advice}: not modelled`;
  const range = rangeOf(importer, call);
  if (typeof range === 'string') return range;
  const { page, pages } = range;
  const before = space.imply(page, pages, call.line);
  if (!isPageout) space.discard(page, pages);
  const op = { do: 'madvise', page, pages, advice: isPageout ? 'pageout' : 'dontneed' } as const;
  return { ops: [...before, op], ranges: [[page, pages]] };
}

/** Writes back what the range shows of files, and waits. */
function msync(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  if (!call.args[2]?.includes('MS_SYNC')) return 'msync that starts nothing';
  const range = rangeOf(importer, call);
  if (typeof range === 'string') return range;
  const files = space.filesIn(range.page, range.pages);
  if (files.length === 0) return 'msync of no file';
  return {
    ops: [{ do: 'msync', page: range.page, pages: range.pages }],
    ranges: [[range.page, range.pages]],
    files: files.map((file) => ({ file, from: 0, to: Number.MAX_SAFE_INTEGER, looks: true })),
  };
}

function onFiles(importer: Importer, _thread: TracedThread, call: TraceCall): Effect | string {
  return importer.fileEffect(call);
}

function mremap(importer: Importer, { space }: TracedThread, call: TraceCall): Effect | string {
  const { args, result } = call;
  const [from, oldBytes, newBytes] = args.slice(0, 3).map(parseNumber);
  const to = parseNumber(result);
  if (from === undefined || oldBytes === undefined || newBytes === undefined || to === undefined) return UNREADABLE;
  if (oldBytes === 0) return 'mremap of no pages: not modelled';
  if (args[3]?.includes('MREMAP_DONTUNMAP')) return 'mremap MREMAP_DONTUNMAP: not modelled';
  const pages = pagesIn(oldBytes);
  const newPages = pagesIn(newBytes);
  const page = importer.page(from, pages);
  const target = importer.page(to, newPages);
  if (page === undefined || target === undefined) return TOO_LARGE;
  const before = space.imply(page, pages, call.line);
  const after = space.move(page, pages, target, newPages);
  const moved = target === page ? {} : { to: target };
  return {
    ops: [...before, { do: 'mremap', page, pages, newPages, ...moved }, ...after],
    ranges: [
      [page, pages],
      [target, newPages],
    ],
  };
}

/** The heap: an anonymous area that grows and shrinks at its end. */
function brk(importer: Importer, { space }: TracedThread, { result }: TraceCall): Effect | string {
  const now = parseNumber(result);
  if (now === undefined) return UNREADABLE;
  const before = space.brk ?? now;
  space.brk = now;
  const [low, high] = [Math.min(before, now), Math.max(before, now)].map(pagesIn);
  const pages = high - low;
  if (pages === 0) return 'brk that changes nothing';
  const page = importer.page(low * 4096, pages);
  if (page === undefined) return TOO_LARGE;
  const ranges = [[page, pages]] as const;
  if (now > before) {
    importer.noteMapping(low * 4096, { file: false, shared: false, backing: undefined });
    return { ops: [{ do: 'mmap', page, pages, prot: 'rw', fixed: true }, ...space.map(page, pages, 'rw')], ranges };
  }
  space.unmap(page, pages);
  return { ops: [{ do: 'munmap', page, pages }], ranges };
}

function clone(importer: Importer, thread: TracedThread, call: TraceCall): Effect | string {
  const tid = Number.parseInt(call.result, 10);
  const flags = namedArgument(call.args, 'flags');
  if (Number.isNaN(tid) || (flags === undefined && call.name.startsWith('clone'))) return UNREADABLE;
  if (call.name === 'vfork' || flags?.split('|').includes('CLONE_VM')) {
    if (!thread.startsInSpace) return 'thread of a forked process: not modelled';
    return { ops: [], afterwards: (step) => importer.startThread(thread, tid, step, stackOf(call)) };
  }
  return { ops: [{ do: 'fork', task: importer.forkProcess(thread, tid) }] };
}

function execve(importer: Importer, thread: TracedThread): Effect | string {
  if (importer.isPristine(thread)) return 'execve that starts the program';
  return { ops: [], afterwards: (step) => importer.exec(thread, step) };
}

function exit(_importer: Importer, { space }: TracedThread): Effect {
  space.release();
  return { ops: [{ do: 'exit' }] };
}

function schedSetaffinity(importer: Importer, thread: TracedThread, { args }: TraceCall): Effect | string {
  if (!importer.followsAffinity) return 'sched_setaffinity: the placement does not follow it';
  if (![0, thread.tid].includes(parseNumber(args[0]) ?? -1)) return 'sched_setaffinity of another thread: not modelled';
  const cpu = affinityCpu(args[2], importer.cpus);
  return cpu === undefined ? UNREADABLE : { ops: [{ do: 'move', cpu }] };
}

function rangeOf(importer: Importer, { args }: TraceCall): { page: number; pages: number } | string {
  const address = parseNumber(args[0]);
  const bytes = parseNumber(args[1]);
  if (address === undefined || bytes === undefined) return UNREADABLE;
  const pages = pagesIn(bytes);
  if (pages <= 0) return 'range of no pages';
  const page = importer.page(address, pages);
  return page === undefined ? TOO_LARGE : { page, pages };
}

/** The recorded byte address behind a new thread's stack. */
function stackOf({ args }: TraceCall): number | undefined {
  const base = parseNumber(namedArgument(args, 'stack'));
  const size = parseNumber(namedArgument(args, 'stack_size'));
  if (base !== undefined && size !== undefined) return base + size;
  return parseNumber(namedArgument(args, 'child_stack')) || undefined;
}

/** x86 has no write without read, and a page that may be executed may be read. */
function rights(text: string | undefined): Prot | undefined {
  if (text === undefined || !text.startsWith('PROT_')) return undefined;
  const bits = text.split('|');
  const prot = bits.includes('PROT_WRITE') ? 'rw' : bits.includes('PROT_READ') ? 'r' : '';
  if (bits.includes('PROT_EXEC')) return prot === 'rw' ? 'rwx' : 'rx';
  return prot === '' ? 'none' : prot;
}

function pagesIn(bytes: number): number {
  return Math.ceil(bytes / 4096);
}
