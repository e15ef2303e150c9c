/**
 * Walks a log for its files before anything is replayed: which file each call uses, by following descriptors and names
 * through open, dup, fork and exec, and how long each file is.
 */
import { posix } from 'node:path';
import { Descriptors, type OpenFile } from './descriptors.ts';
import { FILE_CALLS } from './file-calls.ts';
import { namedArgument, parseNumber } from './strace-line.ts';
import type { TraceCall } from './trace.ts';
import { FileNames, pagesIn, TracedFile } from './traced-file.ts';

/** What a call does with a file. Pages are those of the file, as recorded. */
export type FileUse = { readonly file: TracedFile } & (
  | { readonly do: 'map'; readonly page: number; readonly pages: number; readonly shared: boolean }
  | { readonly do: 'read' | 'write'; readonly page: number; readonly pages: number }
  | { readonly do: 'truncate'; readonly pages: number }
  | { readonly do: 'fsync' }
);

export interface FileProcess {
  fds: Descriptors;
  cwd: string;
  /** By descriptor: where a file was mapped last whose opening is not in the log. */
  readonly unknown: Map<number, { file: TracedFile; from: number; to: number }>;
}

export interface Survey {
  readonly uses: ReadonlyMap<TraceCall, readonly FileUse[]>;
  /** Files that the log opens, or maps. */
  readonly files: ReadonlySet<TracedFile>;
}

export function surveyFiles(calls: readonly TraceCall[]): Survey {
  const walk = new FileWalk();
  for (const call of [...calls].sort((a, b) => when(a) - when(b))) walk.call(call);
  return { uses: walk.uses, files: new Set([...walk.files].map((file) => file.self)) };
}

/** Calls that take effect, as far as others can tell, when they begin: a number is free again, a child runs. */
const AT_BEGIN = /^(?:close|close_range|clone[23]?|v?fork|execve|execveat)$/;

/** The line at which a call takes its place in the order of calls that overlap. */
function when({ name, line, endLine }: TraceCall): number {
  return AT_BEGIN.test(name) ? line : endLine;
}

export class FileWalk {
  readonly uses = new Map<TraceCall, readonly FileUse[]>();
  readonly files = new Set<TracedFile>();
  readonly names = new FileNames();
  private readonly processes = new Map<number, FileProcess>();

  call(call: TraceCall): void {
    if (call.result.startsWith('-1 ') || call.result.startsWith('?')) return;
    const process = this.processes.get(call.thread) ?? this.appear(call.thread);
    if (/^(?:clone[23]?|v?fork)$/.test(call.name)) {
      this.startChild(process, call);
      return;
    }
    const handler = Object.hasOwn(FILE_CALLS, call.name) ? FILE_CALLS[call.name] : undefined;
    const uses = handler?.(this, process, call);
    if (uses && uses.length > 0) this.uses.set(call, uses);
  }

  /** The open file behind an argument such as `3` or `3</lib/libc.so.6>`; undefined where the log does not tell. */
  openOf({ fds }: FileProcess, text: string | undefined): OpenFile | undefined {
    const [, number, decoration] = /^(\d+)(?:<(.*)>(?:\(deleted\))?)?$/.exec(text ?? '') ?? [];
    if (number === undefined) return undefined;
    const known = fds.get(Number(number));
    if (decoration === undefined) return known;
    const shown = decoration.replace(/(?:<[^<>]*>|\s*\(deleted\))+$/, '');
    const isSame = known && (known.path === shown || text?.includes('(deleted)'));
    if (isSame) return known;
    const file = this.fileAt(shown);
    // a symbolic link was opened, or the file has been renamed since; else its opening is not in the log
    const open = known?.file && known.file.self === file ? known : { file, path: shown, offset: 0, append: false };
    open.path = shown;
    fds.set(Number(number), open);
    return open;
  }

  /** The path that an argument names. @param dir the descriptor that relative paths begin at */
  pathOf(process: FileProcess, text: string | undefined, dir = 'AT_FDCWD'): string | undefined {
    const path = /^"(.*)"$/.exec(text ?? '')?.[1];
    if (path === undefined) return undefined;
    if (path.startsWith('/')) return posix.normalize(path);
    const shown = /^AT_FDCWD<(.*)>$/.exec(dir)?.[1];
    if (shown !== undefined) process.cwd = shown;
    const from = dir.startsWith('AT_FDCWD') ? process.cwd : this.openOf(process, dir)?.path;
    return from === undefined ? undefined : posix.normalize(`${from}/${path}`);
  }

  /** The file of that name; undefined for what is no file on a file system. */
  fileAt(path: string | undefined): TracedFile | undefined {
    if (path === undefined || /^(?:[\w-]+:\[|anon_inode:)/.test(path)) return undefined;
    if (/^\/(?:dev|proc|sys)\//.test(path) && !/^\/dev\/(?:shm|hugepages)\//.test(path)) return undefined;
    return this.note(this.names.at(path));
  }

  note(file: TracedFile): TracedFile {
    this.files.add(file);
    return file;
  }

  /** What an mmap maps; undefined: private memory without a file, or a device. */
  mapped(process: FileProcess, { args, result }: TraceCall): FileUse | undefined {
    const [bytes, at, fd] = [parseNumber(args[1]), parseNumber(result), parseNumber(args[4])];
    if (bytes === undefined || at === undefined || args[3] === undefined) return undefined;
    const shared = /\bMAP_SHARED/.test(args[3]);
    const pages = pagesIn(bytes);
    const offset = parseNumber(args[5]);
    const open = this.openOf(process, args[4]);
    if (args[3].includes('MAP_ANONYMOUS') || open?.path === '/dev/zero') {
      if (!shared) return undefined;
      const file = this.note(new TracedFile('shared', 'unnamed'));
      file.hasLength(bytes);
      file.mappers.add(process);
      return { do: 'map', file, page: 0, pages, shared };
    }
    if (fd === undefined || offset === undefined) return undefined;
    const file = open ? open.file : this.unknownFile(process, fd, { at, bytes, fixed: args[3].includes('MAP_FIXED') });
    if (!file) return undefined;
    file.self.mappers.add(process);
    file.reaches(offset + bytes);
    return { do: 'map', file, page: Math.floor(offset / 4096), pages, shared };
  }

  /**
   * The file behind a descriptor whose opening is not in the log. A program loader maps a file once as a whole and then
   * parts of it inside of that; anything else is taken for another file, because the number may have been used again.
   */
  private unknownFile(
    { unknown }: FileProcess,
    fd: number,
    { at, bytes, fixed }: { at: number; bytes: number; fixed: boolean },
  ): TracedFile {
    const before = unknown.get(fd);
    if (before && fixed && at >= before.from && at < before.to) return before.file;
    const file = this.note(new TracedFile(`fd${fd}`, 'unknown'));
    unknown.set(fd, { file, from: at, to: at + bytes });
    return file;
  }

  private startChild(process: FileProcess, { name, args, result }: TraceCall): void {
    const tid = Number.parseInt(result, 10);
    const flags = name.startsWith('clone') ? (namedArgument(args, 'flags') ?? '').split('|') : [];
    if (flags.includes('CLONE_VM') && flags.includes('CLONE_FILES')) {
      this.processes.set(tid, process);
      return;
    }
    const fds = flags.includes('CLONE_FILES') ? process.fds : process.fds.forked();
    const child = { fds, cwd: process.cwd, unknown: new Map(process.unknown) };
    this.processes.set(tid, child);
    for (const file of this.files) if (file.self.mappers.has(process)) file.self.mappers.add(child);
  }

  /** A thread that the log does not show being created: the first one, or one of its process. */
  private appear(tid: number): FileProcess {
    const [first] = this.processes.values();
    const process = first ?? { fds: new Descriptors(), cwd: '.', unknown: new Map() };
    this.processes.set(tid, process);
    return process;
  }
}
