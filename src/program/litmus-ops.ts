/**
 * The operations of litmus text, one entry each, shared by parser and printer: a keyword, then fields in order. A new
 * operation is a new entry.
 */
import { context, frames, kernelPages, node, sync } from './litmus-duties.ts';
import {
  count,
  direct,
  dutyRange,
  type Field,
  fast,
  file,
  fileRange,
  fileWord,
  into,
  name,
  type OpFields,
  range,
  size,
  to,
  value,
  word,
  wordOfEach,
  write,
} from './litmus-fields.ts';
import { off, pair } from './litmus-installers.ts';
import type { Lexer } from './litmus-lexer.ts';
import { mapping, prot } from './litmus-mapping.ts';
import type { Regions } from './litmus-regions.ts';
import type { Op } from './program.ts';

interface Syntax {
  readonly do: Op['do'];
  /** Fields that the keyword itself decides. */
  readonly means?: OpFields;
  readonly fields: readonly Field[];
}

/** Keyword to syntax. `mmap` stands behind `p = `. */
export const LITMUS_OPS: Readonly<Record<string, Syntax>> = {
  load: { do: 'load', fields: [word, into] },
  fetch: { do: 'fetch', fields: [word, into] },
  store: { do: 'store', fields: [word, value] },
  touch: { do: 'touch', fields: [range, write] },
  mmap: { do: 'mmap', fields: [mapping] },
  munmap: { do: 'munmap', fields: [range] },
  mprotect: { do: 'mprotect', fields: [range, prot] },
  mremap: { do: 'mremap', fields: [range, to, size] },
  numascan: { do: 'numascan', fields: [range] },
  gup: { do: 'gup', fields: [range, wordOfEach, fast, write, value, into] },
  dontneed: { do: 'madvise', means: { advice: 'dontneed' }, fields: [range] },
  free: { do: 'madvise', means: { advice: 'free' }, fields: [range] },
  cold: { do: 'madvise', means: { advice: 'cold' }, fields: [range] },
  pageout: { do: 'madvise', means: { advice: 'pageout' }, fields: [range] },
  read: { do: 'read', fields: [fileWord, direct, into] },
  write: { do: 'write', fields: [fileWord, direct, value] },
  truncate: { do: 'truncate', fields: [file, count('pages', 'a number of pages')] },
  fsync: { do: 'fsync', fields: [file] },
  msync: { do: 'msync', fields: [range] },
  open: { do: 'open', fields: [file] },
  close: { do: 'close', fields: [file] },
  lock: { do: 'lock', fields: [file] },
  unlock: { do: 'unlock', fields: [file] },
  remote: { do: 'remote', fields: [fileWord, value] },
  reclaim: { do: 'reclaim', fields: [dutyRange] },
  migrate: { do: 'migrate', fields: [dutyRange, sync, node] },
  pfnwalk: { do: 'pfnwalk', fields: [frames] },
  kswapd: { do: 'kswapd', fields: [node] },
  compact: { do: 'compact', fields: [sync, node] },
  kalloc: { do: 'kalloc', fields: [kernelPages, context] },
  kfree: { do: 'kfree', fields: [kernelPages] },
  device: { do: 'device', fields: [count('cpu', 'a CPU')] },
  uprobe: { do: 'uprobe', fields: [fileWord, value, off] },
  ksm: { do: 'ksm', fields: [pair] },
  revoke: { do: 'revoke', fields: [file] },
  fork: { do: 'fork', fields: [name('task', 'a task')] },
  exit: { do: 'exit', fields: [] },
  post: { do: 'post', fields: [name('flag', 'a flag')] },
  await: { do: 'await', fields: [name('flag', 'a flag')] },
  sleep: { do: 'sleep', fields: [] },
  wake: { do: 'wake', fields: [name('task', 'a task')] },
  yield: { do: 'yield', fields: [] },
  move: { do: 'move', fields: [count('cpu', 'a CPU')] },
  offline: { do: 'offline', fields: [count('cpu', 'a CPU')] },
  online: { do: 'online', fields: [count('cpu', 'a CPU')] },
  devmigrate: { do: 'devmigrate', fields: [range] },
  compute: { do: 'compute', fields: [count('cycles', 'a number of cycles')] },
  clearrefs: { do: 'clearrefs', fields: [] },
  uffdregister: { do: 'uffdregister', fields: [range] },
  uffdwp: { do: 'uffdwp', means: { on: true }, fields: [range] },
  uffdresolve: { do: 'uffdwp', means: { on: false }, fields: [range] },
  pagemap: { do: 'pagemap', fields: [range, into] },
  punch: { do: 'punch', fields: [fileRange] },
  notifystore: { do: 'notifystore', fields: [fileWord, value] },
  notifyinval: { do: 'notifyinval', fields: [fileRange] },
  dropcache: { do: 'dropcache', fields: [file] },
};

/** Words that are no names of regions. */
export const RESERVED: readonly string[] = [
  ...Object.keys(LITMUS_OPS),
  'size',
  'at',
  'file',
  'of',
  'sync',
  'node',
  'fast',
  'irqoff',
  'locked',
  'reserve',
  'off',
  'with',
  'forbidden',
  'permitted',
  'direct',
];

/** The operation whose keyword has just been read. */
export function parseFields(syntax: Syntax, lexer: Lexer, regions: Regions): OpFields {
  const op: OpFields = { do: syntax.do, ...syntax.means };
  for (const field of syntax.fields) field.parse(lexer, op, regions);
  return op;
}

/** The operation as one cell, without the `p = ` and `at` of an mmap. */
export function printOp(op: Op, regions: Regions): string {
  const fields = op as unknown as OpFields;
  const found = Object.entries(LITMUS_OPS).find(
    ([, s]) => s.do === op.do && Object.entries(s.means ?? {}).every(([k, v]) => fields[k] === v),
  );
  if (!found) throw new RangeError(`litmus text has no word for ${JSON.stringify(op)}`);
  const [keyword, syntax] = found;
  const parts = syntax.fields.map((f) => f.print(fields, regions)).filter((part) => part !== '');
  return op.do === 'mmap' ? keyword + parts.join(' ') : [keyword, ...parts].join(' ');
}
