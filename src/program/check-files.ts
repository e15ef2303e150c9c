/** What a program says about its files: each is of one kind, and what is done to it is possible. */
import { allOps, type Fail, type Limits } from './check-walk.ts';
import { FILE_KINDS, type Op, type Program } from './program.ts';

/** Files have names of their own; operations name files that exist, and pages that the machine's files can have. */
export function checkFiles(program: Program, limits: Limits, fail: Fail): void {
  const { files = [] } = program;
  const most = limits.filePages ?? 65536;
  files.forEach((file, i) => {
    const first = files.findIndex((f) => f.name === file.name);
    if (first !== i) fail(`files[${i}].name`, `second file named "${file.name}"`, 'a name of its own');
    const kinds = FILE_KINDS.filter((kind) => file[kind]);
    if (kinds.length > 1) fail(`files[${i}].${kinds[1]}`, `${kinds.join(', ')}`, 'one of them');
    if (file.pages > most) fail(`files[${i}].pages`, `${file.pages}`, `at most ${most}, the machine's filePages`);
  });
  const known =
    files.length > 0 ? files.map((f) => f.name).join(', ') : 'a file of the program, of which there is none';
  for (const { op, path } of allOps(program)) {
    if (!('file' in op) || op.file === undefined) {
      if (op.do === 'mmap' && op.offset) fail(`${path}.offset`, `${op.offset}`, 'no offset without a file');
      continue;
    }
    if (!files.some((f) => f.name === op.file)) fail(`${path}.file`, `no file "${op.file}"`, known);
    if (!('page' in op) && op.do !== 'truncate') continue;
    const first = op.do === 'mmap' ? (op.offset ?? 0) : op.do === 'truncate' ? 0 : op.page;
    const pages = ('pages' in op ? op.pages : undefined) ?? 1;
    if (first + pages > most) fail(path, `${op.do} reaches page ${first + pages} of the file`, `at most ${most} pages`);
  }
}

/**
 * What is asked of a server, or done by one, a daemon or another host, is about a file of theirs, whose length stays. What a
 * server does, a server does.
 */
export function checkRemote({ files = [], ...program }: Program, fail: Fail): void {
  program.tasks.forEach((task, i) => {
    if (task.server && !task.kthread) fail(`tasks[${i}].server`, 'server with an address space', 'a kernel thread');
  });
  for (const { op, path, task } of allOps(program)) {
    const file = 'file' in op ? files.find((f) => f.name === op.file) : undefined;
    if (file === undefined) continue;
    const kinds = OF_KINDS[op.do];
    if (kinds && !kinds.some((kind) => file[kind]))
      fail(`${path}.file`, `file "${file.name}"`, kinds.map((kind) => KIND_NAMES[kind]).join(' or '));
    const kind = (['remote', 'fuse', 'blockdev'] as const).find((k) => file[k]);
    const direct = 'direct' in op && op.direct;
    if (kind && (NEVER[kind].includes(op.do) || (direct && kind !== 'blockdev')))
      fail(
        direct ? `${path}.direct` : `${path}.file`,
        `${direct ? 'direct ' : ''}${op.do} of "${file.name}"`,
        `a file that is not ${KIND_NAMES[kind]}`,
      );
    if (!SERVES.includes(op.do)) continue;
    if (!task.server) fail(`${path}.do`, `"${op.do}" of ${task.name}`, 'a task that is a server');
    if ('page' in op && op.page >= file.pages)
      fail(`${path}.page`, `page ${op.page}`, `below ${file.pages}, the length of the file`);
  }
}

const KIND_NAMES = { remote: 'a remote file', fuse: 'a FUSE file', blockdev: 'a block device' } as const;
/** What is done to files of some kinds alone. */
const OF_KINDS: Partial<Record<Op['do'], readonly (keyof typeof KIND_NAMES)[]>> = {
  open: ['remote', 'fuse'],
  close: ['remote'],
  lock: ['remote'],
  unlock: ['remote'],
  remote: ['remote', 'fuse', 'blockdev'],
  notifystore: ['fuse'],
  notifyinval: ['fuse'],
};
/** What is never done to files of a kind. A FUSE file system is mounted read-only. */
const NEVER: Readonly<Record<keyof typeof KIND_NAMES, readonly Op['do'][]>> = {
  remote: ['truncate', 'punch'],
  fuse: ['truncate', 'punch', 'write'],
  blockdev: ['truncate', 'punch'],
};
const SERVES: readonly Op['do'][] = ['remote', 'notifystore', 'notifyinval'];

/** What stands for a device is mapped and revoked, and nothing else; it is nobody else's. */
export function checkDevices({ files = [], ...program }: Program, fail: Fail): void {
  for (const { op, path } of allOps(program)) {
    const file = 'file' in op ? files.find((f) => f.name === op.file) : undefined;
    if (file === undefined || (op.do === 'mmap' && file.device)) continue;
    if ((op.do === 'revoke') === (file.device ?? false)) continue;
    fail(`${path}.file`, `file "${file.name}"`, op.do === 'revoke' ? 'a device' : 'a file that is no device');
  }
}
