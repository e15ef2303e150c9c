/** What each system call on files does to descriptors, names and lengths, and which use of a file it is. */
import type { OpenFile } from './descriptors.ts';
import type { FileProcess, FileUse, FileWalk } from './file-survey.ts';
import { parseNumber } from './strace-line.ts';
import type { TraceCall } from './trace.ts';
import { pagesIn, TracedFile } from './traced-file.ts';

type Handler = (walk: FileWalk, process: FileProcess, call: TraceCall) => readonly FileUse[] | undefined;

/** Highest number of a descriptor. */
const FD_MOST = 2 ** 31 - 1;

export const FILE_CALLS: Readonly<Record<string, Handler>> = {
  mmap: (walk, process, call) => {
    const use = walk.mapped(process, call);
    return use ? [use] : undefined;
  },
  execve,
  execveat: execve,

  open: (walk, process, call) => openFile(walk, process, call, walk.pathOf(process, call.args[0]), call.args[1]),
  openat: openAt,
  openat2: openAt,
  creat: (walk, process, call) =>
    openFile(walk, process, call, walk.pathOf(process, call.args[0]), 'O_CREAT|O_WRONLY|O_TRUNC'),
  memfd_create: memfdCreate,
  ...Object.fromEntries(
    'socket accept accept4 epoll_create epoll_create1 eventfd eventfd2 timerfd_create signalfd signalfd4 inotify_init inotify_init1 userfaultfd perf_event_open pidfd_open pidfd_getfd io_uring_setup fanotify_init memfd_secret bpf'
      .split(' ')
      .map((name): [string, Handler] => [name, (_, { fds }, { result }) => noFile(fds, [result])]),
  ),
  pipe: pair,
  pipe2: pair,
  socketpair: pair,

  close: (_, { fds }, { args }) => {
    const fd = parseNumber(args[0]) ?? -1;
    fds.close(fd, fd);
    return undefined;
  },
  close_range: (_, { fds }, { args }) => {
    const [first, last] = [parseNumber(args[0]) ?? 0, Math.min(parseNumber(args[1]) ?? FD_MOST, FD_MOST)];
    if (args[2]?.includes('CLOEXEC')) fds.markClosedByExec(first, last, true);
    else fds.close(first, last);
    return undefined;
  },
  dup,
  dup2: dup,
  dup3: dup,
  fcntl,
  fcntl64: fcntl,
  lseek,
  _llseek: lseek,

  read: transfer('read'),
  readv: transfer('read'),
  pread64: transfer('read', 3),
  preadv: transfer('read', 3),
  preadv2: transfer('read', 3),
  write: transfer('write'),
  writev: transfer('write'),
  pwrite64: transfer('write', 3),
  pwritev: transfer('write', 3),
  pwritev2: transfer('write', 3),
  sendfile: (walk, process, call) => copy(walk, process, call, { from: 1, fromOffset: 2, to: 0 }),
  sendfile64: (walk, process, call) => copy(walk, process, call, { from: 1, fromOffset: 2, to: 0 }),
  copy_file_range: (walk, process, call) => copy(walk, process, call, { from: 0, fromOffset: 1, to: 2, toOffset: 3 }),
  splice: (walk, process, call) => copy(walk, process, call, { from: 0, fromOffset: 1, to: 2, toOffset: 3 }),

  ftruncate: (walk, process, { args }) => truncated(walk.openOf(process, args[0])?.file, parseNumber(args[1])),
  ftruncate64: (walk, process, { args }) => truncated(walk.openOf(process, args[0])?.file, parseNumber(args[1])),
  truncate: (walk, process, { args }) => truncated(walk.fileAt(walk.pathOf(process, args[0])), parseNumber(args[1])),
  fallocate: (walk, process, { args }) => {
    const file = walk.openOf(process, args[0])?.file;
    const end = (parseNumber(args[2]) ?? 0) + (parseNumber(args[3]) ?? 0);
    // other modes leave the length as it is, or move content
    return args[1] === '0' && file && end > file.bytes ? truncated(file, end) : undefined;
  },
  fsync: (walk, process, { args }) => synced(walk.openOf(process, args[0])),
  fdatasync: (walk, process, { args }) => synced(walk.openOf(process, args[0])),

  fstat: (walk, process, { args }) => status(walk, walk.openOf(process, args[0]), args[1]),
  stat: (walk, process, { args }) => status(walk, { file: walk.fileAt(walk.pathOf(process, args[0])) }, args[1]),
  lstat: (walk, process, { args }) => status(walk, { file: walk.fileAt(walk.pathOf(process, args[0])) }, args[1]),
  newfstatat: statAt,
  fstatat64: statAt,
  statx: statAt,

  unlink: (walk, process, { args }) => forget(walk, walk.pathOf(process, args[0])),
  unlinkat: (walk, process, { args }) => forget(walk, walk.pathOf(process, args[1], args[0])),
  rename: (walk, process, { args }) => rename(walk, walk.pathOf(process, args[0]), walk.pathOf(process, args[1])),
  renameat,
  renameat2: renameat,
  link: (walk, process, { args }) => link(walk, walk.pathOf(process, args[0]), walk.pathOf(process, args[1])),
  linkat: (walk, process, { args }) =>
    link(walk, walk.pathOf(process, args[1], args[0]), walk.pathOf(process, args[3], args[2])),
  chdir: (walk, process, { args }) => {
    process.cwd = walk.pathOf(process, args[0]) ?? process.cwd;
    return undefined;
  },
  fchdir: (walk, process, { args }) => {
    process.cwd = walk.openOf(process, args[0])?.path ?? process.cwd;
    return undefined;
  },
  getcwd: (_, process, { args }) => {
    process.cwd = /^"(.*)"$/.exec(args[0] ?? '')?.[1] ?? process.cwd;
    return undefined;
  },
};

function execve(_walk: FileWalk, process: FileProcess): undefined {
  process.fds = process.fds.afterExec();
  process.unknown.clear();
}

function openAt(walk: FileWalk, process: FileProcess, call: TraceCall): readonly FileUse[] | undefined {
  return openFile(walk, process, call, walk.pathOf(process, call.args[1], call.args[0]), call.args[2]);
}

function openFile(
  walk: FileWalk,
  { fds }: FileProcess,
  { result }: TraceCall,
  named: string | undefined,
  flags = '',
): readonly FileUse[] | undefined {
  const fd = parseNumber(result);
  if (fd === undefined) return undefined;
  // strace -y shows where links lead
  const path = /^\d+<([^<>]*)/.exec(result)?.[1] ?? named;
  const isNameless = flags.includes('O_TMPFILE');
  const file = flags.includes('O_DIRECTORY')
    ? undefined
    : isNameless
      ? walk.note(new TracedFile(path ?? 'tmpfile'))
      : walk.fileAt(path);
  if (path !== undefined && path !== named && named !== undefined && file) walk.names.link(path, named);
  fds.set(fd, { file, path, offset: 0, append: flags.includes('O_APPEND') }, flags.includes('O_CLOEXEC'));
  if (!file) return undefined;
  const isCreated = isNameless || flags.includes('O_EXCL') || (flags.includes('O_TRUNC') && file.isNew);
  if (isCreated && file.isNew) file.startsEmpty();
  else if (flags.includes('O_TRUNC')) return truncated(file, 0);
  return undefined;
}

function memfdCreate(walk: FileWalk, { fds }: FileProcess, { args, result }: TraceCall): undefined {
  const fd = parseNumber(result);
  if (fd === undefined) return;
  const path = `/memfd:${/^"(.*)"/.exec(args[0] ?? '')?.[1] ?? ''}`;
  const file = walk.note(new TracedFile(path));
  file.startsEmpty();
  fds.set(fd, { file, path, offset: 0, append: false }, args[1]?.includes('CLOEXEC'));
}

/** Descriptors of what is no file. */
function noFile(fds: FileProcess['fds'], numbers: readonly string[]): undefined {
  for (const text of numbers) {
    const fd = parseNumber(text);
    if (fd !== undefined) fds.set(fd, { file: undefined, offset: 0, append: false });
  }
}

function pair(_walk: FileWalk, { fds }: FileProcess, { args }: TraceCall): undefined {
  const both = args.find((a) => a.startsWith('[')) ?? '';
  noFile(fds, both.match(/\d+(?=[<,\]])/g) ?? []);
}

function dup(_walk: FileWalk, { fds }: FileProcess, { args, result }: TraceCall): undefined {
  const [from, to] = [parseNumber(args[0]), parseNumber(result)];
  if (from !== undefined && to !== undefined && from !== to) fds.dup(from, to, args[2]?.includes('O_CLOEXEC'));
}

function fcntl(walk: FileWalk, process: FileProcess, call: TraceCall): undefined {
  const fd = parseNumber(call.args[0]);
  const [, command, value] = call.args;
  if (fd === undefined || command === undefined) return;
  if (command.startsWith('F_DUPFD')) {
    dup(walk, process, { ...call, args: [call.args[0], '', command === 'F_DUPFD_CLOEXEC' ? 'O_CLOEXEC' : ''] });
  } else if (command === 'F_SETFD') process.fds.markClosedByExec(fd, fd, value?.includes('FD_CLOEXEC') ?? false);
}

function lseek(walk: FileWalk, process: FileProcess, { args, result }: TraceCall): undefined {
  const open = walk.openOf(process, args[0]);
  const at = parseNumber(result);
  if (!open || at === undefined) return;
  open.offset = at;
  const back = parseNumber(args[1]);
  if (args[2] === 'SEEK_END' && back !== undefined && open.file) open.file.hasLength(at - back);
}

/** A call that reads or writes as many bytes as it returns, at the offset in that argument or where the file stands. */
function transfer(what: 'read' | 'write', offsetArgument?: number): Handler {
  return (walk, process, { args, result }) => {
    const open = walk.openOf(process, args[0]);
    const bytes = parseNumber(result);
    if (!open?.file || bytes === undefined) return undefined;
    const given = offsetArgument === undefined ? undefined : parseNumber(args[offsetArgument]);
    return move(what, open, bytes, given === -1 ? undefined : given);
  };
}

/** What `bytes` at an offset, or at the one of the open file, are. */
function move(what: 'read' | 'write', open: OpenFile, bytes: number, offset: number | undefined): FileUse[] {
  const { file } = open;
  if (!file || bytes <= 0) return [];
  const from = offset ?? (what === 'write' && open.append ? file.bytes : open.offset);
  if (offset === undefined) open.offset = from + bytes;
  if (what === 'read') file.reaches(from + bytes);
  else file.grows(from + bytes);
  const page = Math.floor(from / 4096);
  return [{ do: what, file, page, pages: pagesIn(from + bytes) - page }];
}

/** Positions of arguments of a call that copies between descriptors. */
interface Copy {
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset?: number;
}

function copy(walk: FileWalk, process: FileProcess, { args, result }: TraceCall, at: Copy): readonly FileUse[] {
  const bytes = parseNumber(result) ?? 0;
  const offset = (argument: number | undefined) =>
    argument === undefined ? undefined : parseNumber(/^\[(\d+)/.exec(args[argument] ?? '')?.[1]);
  const source = walk.openOf(process, args[at.from]);
  const target = walk.openOf(process, args[at.to]);
  return [
    ...(source ? move('read', source, bytes, offset(at.fromOffset)) : []),
    ...(target ? move('write', target, bytes, offset(at.toOffset)) : []),
  ];
}

function truncated(file: TracedFile | undefined, bytes: number | undefined): readonly FileUse[] | undefined {
  if (!file || bytes === undefined) return undefined;
  file.truncated(bytes);
  return [{ do: 'truncate', file, pages: pagesIn(bytes) }];
}

function synced(open: OpenFile | undefined): readonly FileUse[] | undefined {
  return open?.file ? [{ do: 'fsync', file: open.file }] : undefined;
}

function statAt(walk: FileWalk, process: FileProcess, { args }: TraceCall): undefined {
  const [dir, path] = args;
  const open = path === '""' ? walk.openOf(process, dir) : { file: walk.fileAt(walk.pathOf(process, path, dir)) };
  status(
    walk,
    open,
    args.find((a) => a.startsWith('{')),
  );
}

/** A structure that says how long a file is, and perhaps which inode it has (strace -v). */
function status(walk: FileWalk, open: Pick<OpenFile, 'file'> | undefined, structure = ''): undefined {
  if (!open?.file || !structure.includes('S_IFREG')) return;
  const [, inode] = /\bstx?_ino=(\d+)/.exec(structure) ?? [];
  const device = structure.match(/\bst_dev=makedev\([^)]*\)|\bstx_dev_m(?:aj|in)or=\w+/g)?.join();
  const bytes = parseNumber(/\bstx?_size=(\d+)/.exec(structure)?.[1]);
  if (inode !== undefined && device !== undefined) open.file = walk.names.withInode(open.file, `${device} ${inode}`);
  if (bytes !== undefined) open.file.hasLength(bytes);
}

function forget(walk: FileWalk, path: string | undefined): undefined {
  if (path !== undefined) walk.names.unlink(path);
}

function renameat(walk: FileWalk, process: FileProcess, { args }: TraceCall): undefined {
  rename(walk, walk.pathOf(process, args[1], args[0]), walk.pathOf(process, args[3], args[2]));
}

function rename(walk: FileWalk, from: string | undefined, to: string | undefined): undefined {
  if (from !== undefined && to !== undefined && walk.names.knows(from)) walk.names.rename(from, to);
}

function link(walk: FileWalk, from: string | undefined, to: string | undefined): undefined {
  if (from !== undefined && to !== undefined) walk.names.link(from, to);
}
