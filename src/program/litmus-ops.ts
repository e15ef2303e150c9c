/**
 * The operations of litmus text, one entry each, shared by parser and printer: a keyword, then fields in order. A new
 * operation is a new entry.
 */
import { frames, irqoff, kernelPages, node, sync } from './litmus-duties.ts';
import type { Lexer } from './litmus-lexer.ts';
import { mapping, prot } from './litmus-mapping.ts';
import type { Regions } from './litmus-regions.ts';
import type { Op } from './program.ts';

export type OpFields = Record<string, unknown>;

/** Reads and writes one part of an operation. What is at its default is left out on both sides. */
export interface Field {
  parse(lexer: Lexer, op: OpFields, regions: Regions): void;
  /** '' when there is nothing to write. */
  print(op: OpFields, regions: Regions): string;
}

interface Syntax {
  readonly do: Op['do'];
  /** Fields that the keyword itself decides. */
  readonly means?: OpFields;
  readonly fields: readonly Field[];
}

const TARGET = 'a place such as p, p[1] or @12';

function parsePage(lexer: Lexer, regions: Regions): { page: number; whole: number } {
  if (lexer.take('@')) return { page: lexer.number('a page number'), whole: 1 };
  const token = lexer.word(TARGET);
  const region = regions.find(token.text);
  if (!region) {
    const known = regions.names();
    return lexer.fail(known.length > 0 ? `a place: ${known.join(', ')} or @PAGE` : 'a place: @PAGE', token);
  }
  if (!lexer.take('[')) return { page: region.page, whole: region.pages };
  const index = lexer.number('a page of the region');
  lexer.expect(']');
  return { page: region.page + index, whole: 1 };
}

function parseWord(lexer: Lexer, op: OpFields): void {
  if (!lexer.take('.')) return;
  const token = lexer.word('a word such as w2');
  if (!/^w\d+$/.test(token.text)) lexer.fail('a word such as w2', token);
  op.word = Number(token.text.slice(1));
}

/** `p[1].w2` */
const word: Field = {
  parse(lexer, op, regions) {
    op.page = parsePage(lexer, regions).page;
    parseWord(lexer, op);
  },
  print: (op, regions) => regions.place(op.page as number) + (op.word ? `.w${op.word}` : ''),
};

/** `p`, `p[1]`, `p[1] 3` */
const range: Field = {
  parse(lexer, op, regions) {
    const { page, whole } = parsePage(lexer, regions);
    op.page = page;
    op.pages = lexer.peek().kind === 'number' ? lexer.number('a number of pages') : whole;
  },
  print: (op, regions) => regions.range(op.page as number, (op.pages as number | undefined) ?? 1),
};

/** `w2` behind a range: the word of each of its pages. */
const wordOfEach: Field = {
  parse(lexer, op) {
    const { kind, text } = lexer.peek();
    if (kind === 'word' && /^w\d+$/.test(text)) op.word = Number(lexer.word('a word such as w2').text.slice(1));
  },
  print: (op) => (op.word ? `w${op.word}` : ''),
};

const fast: Field = {
  parse(lexer, op) {
    if (lexer.take('fast')) op.fast = true;
  },
  print: (op) => (op.fast ? 'fast' : ''),
};

/** `-> r0` */
const into: Field = {
  parse(lexer, op) {
    if (lexer.take('->')) op.into = lexer.word('a register').text;
  },
  print: (op) => (op.into === undefined ? '' : `-> ${op.into}`),
};

/** `= 5` */
const value: Field = {
  parse(lexer, op) {
    if (lexer.take('=')) op.value = lexer.number('a value to store');
  },
  print: (op) => (op.value === undefined ? '' : `= ${op.value}`),
};

/** `-> q`: where an mremap goes. The arrow may be left out. */
const to: Field = {
  parse(lexer, op, regions) {
    const arrow = lexer.take('->');
    const { kind } = lexer.peek();
    if (arrow || lexer.is('@') || (kind === 'word' && !lexer.is('size'))) op.to = parsePage(lexer, regions).page;
  },
  print: (op, regions) => (op.to === undefined ? '' : `-> ${regions.place(op.to as number)}`),
};

/** `size 3`: pages after an mremap. */
const size: Field = {
  parse(lexer, op) {
    if (lexer.take('size')) op.newPages = lexer.number('a number of pages');
  },
  print: (op) => (op.newPages === undefined ? '' : `size ${op.newPages}`),
};

const write: Field = {
  parse(lexer, op) {
    if (lexer.take('write')) op.write = true;
  },
  print: (op) => (op.write ? 'write' : ''),
};

/** `f`: a file. */
const file: Field = {
  parse(lexer, op) {
    op.file = lexer.word('a file').text;
  },
  print: (op) => String(op.file),
};

function parseFilePage(lexer: Lexer, op: OpFields): void {
  op.file = lexer.word('a page of a file such as f[0]').text;
  lexer.expect('[', 'a page of a file such as f[0]');
  op.page = lexer.number('a page of the file');
  lexer.expect(']');
}

/** `f[1].w2` */
const fileWord: Field = {
  parse(lexer, op) {
    parseFilePage(lexer, op);
    parseWord(lexer, op);
  },
  print: (op) => `${op.file}[${op.page}]${op.word ? `.w${op.word}` : ''}`,
};

/** `f[1]`, `f[1] 3` */
const fileRange: Field = {
  parse(lexer, op) {
    parseFilePage(lexer, op);
    if (lexer.peek().kind === 'number') op.pages = lexer.number('a number of pages');
  },
  print: (op) => `${op.file}[${op.page}]${op.pages === undefined ? '' : ` ${op.pages}`}`,
};

/** `f[1] 3`, pages of a file, or `p[1] 3 of P1`, pages of an address space. A name that both have is the file's. */
const dutyRange: Field = {
  parse(lexer, op, regions) {
    const { kind, text } = lexer.peek();
    if (kind === 'word' && regions.isFile(text)) return fileRange.parse(lexer, op, regions);
    range.parse(lexer, op, regions);
    if (lexer.take('of')) op.of = lexer.word('a task').text;
  },
  print(op, regions) {
    if (op.file !== undefined) return fileRange.print(op, regions);
    return `${range.print(op, regions)}${op.of === undefined ? '' : ` of ${op.of}`}`;
  },
};

const name = (key: string, expected: string): Field => ({
  parse(lexer, op) {
    op[key] = lexer.word(expected).text;
  },
  print: (op) => String(op[key]),
});

const count = (key: string, expected: string): Field => ({
  parse(lexer, op) {
    op[key] = lexer.number(expected);
  },
  print: (op) => String(op[key]),
});

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
  read: { do: 'read', fields: [fileWord, into] },
  write: { do: 'write', fields: [fileWord, value] },
  truncate: { do: 'truncate', fields: [file, count('pages', 'a number of pages')] },
  fsync: { do: 'fsync', fields: [file] },
  msync: { do: 'msync', fields: [range] },
  reclaim: { do: 'reclaim', fields: [dutyRange] },
  migrate: { do: 'migrate', fields: [dutyRange, sync, node] },
  pfnwalk: { do: 'pfnwalk', fields: [frames] },
  kswapd: { do: 'kswapd', fields: [node] },
  compact: { do: 'compact', fields: [sync, node] },
  kalloc: { do: 'kalloc', fields: [kernelPages, irqoff] },
  kfree: { do: 'kfree', fields: [kernelPages] },
  device: { do: 'device', fields: [count('cpu', 'a CPU')] },
  fork: { do: 'fork', fields: [name('task', 'a task')] },
  exit: { do: 'exit', fields: [] },
  post: { do: 'post', fields: [name('flag', 'a flag')] },
  await: { do: 'await', fields: [name('flag', 'a flag')] },
  sleep: { do: 'sleep', fields: [] },
  wake: { do: 'wake', fields: [name('task', 'a task')] },
  yield: { do: 'yield', fields: [] },
  move: { do: 'move', fields: [count('cpu', 'a CPU')] },
  compute: { do: 'compute', fields: [count('cycles', 'a number of cycles')] },
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
  'reserve',
  'forbidden',
  'permitted',
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
