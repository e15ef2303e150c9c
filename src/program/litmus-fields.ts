/** The parts of operations in litmus text: each reads and prints itself. */
import type { Lexer } from './litmus-lexer.ts';
import type { Regions } from './litmus-regions.ts';

export type OpFields = Record<string, unknown>;

/** Reads and writes one part of an operation. What is at its default is left out on both sides. */
export interface Field {
  parse(lexer: Lexer, op: OpFields, regions: Regions): void;
  /** '' when there is nothing to write. */
  print(op: OpFields, regions: Regions): string;
}

const TARGET = 'a place such as p, p[1] or @12';

export function parsePage(lexer: Lexer, regions: Regions): { page: number; whole: number } {
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
export const word: Field = {
  parse(lexer, op, regions) {
    op.page = parsePage(lexer, regions).page;
    parseWord(lexer, op);
  },
  print: (op, regions) => regions.place(op.page as number) + (op.word ? `.w${op.word}` : ''),
};

/** `p`, `p[1]`, `p[1] 3` */
export const range: Field = {
  parse(lexer, op, regions) {
    const { page, whole } = parsePage(lexer, regions);
    op.page = page;
    op.pages = lexer.peek().kind === 'number' ? lexer.number('a number of pages') : whole;
  },
  print: (op, regions) => regions.range(op.page as number, (op.pages as number | undefined) ?? 1),
};

/** `w2` behind a range: the word of each of its pages. */
export const wordOfEach: Field = {
  parse(lexer, op) {
    const { kind, text } = lexer.peek();
    if (kind === 'word' && /^w\d+$/.test(text)) op.word = Number(lexer.word('a word such as w2').text.slice(1));
  },
  print: (op) => (op.word ? `w${op.word}` : ''),
};

export const fast: Field = {
  parse(lexer, op) {
    if (lexer.take('fast')) op.fast = true;
  },
  print: (op) => (op.fast ? 'fast' : ''),
};

export const direct: Field = {
  parse(lexer, op) {
    if (lexer.take('direct')) op.direct = true;
  },
  print: (op) => (op.direct ? 'direct' : ''),
};

/** `-> r0` */
export const into: Field = {
  parse(lexer, op) {
    if (lexer.take('->')) op.into = lexer.word('a register').text;
  },
  print: (op) => (op.into === undefined ? '' : `-> ${op.into}`),
};

/** `= 5` */
export const value: Field = {
  parse(lexer, op) {
    if (lexer.take('=')) op.value = lexer.number('a value to store');
  },
  print: (op) => (op.value === undefined ? '' : `= ${op.value}`),
};

/** `-> q`: where an mremap goes. The arrow may be left out. */
export const to: Field = {
  parse(lexer, op, regions) {
    const arrow = lexer.take('->');
    const { kind } = lexer.peek();
    if (arrow || lexer.is('@') || (kind === 'word' && !lexer.is('size'))) op.to = parsePage(lexer, regions).page;
  },
  print: (op, regions) => (op.to === undefined ? '' : `-> ${regions.place(op.to as number)}`),
};

/** `size 3`: pages after an mremap. */
export const size: Field = {
  parse(lexer, op) {
    if (lexer.take('size')) op.newPages = lexer.number('a number of pages');
  },
  print: (op) => (op.newPages === undefined ? '' : `size ${op.newPages}`),
};

export const write: Field = {
  parse(lexer, op) {
    if (lexer.take('write')) op.write = true;
  },
  print: (op) => (op.write ? 'write' : ''),
};

/** `f`: a file. */
export const file: Field = {
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
export const fileWord: Field = {
  parse(lexer, op) {
    parseFilePage(lexer, op);
    parseWord(lexer, op);
  },
  print: (op) => `${op.file}[${op.page}]${op.word ? `.w${op.word}` : ''}`,
};

/** `f[1]`, `f[1] 3` */
export const fileRange: Field = {
  parse(lexer, op) {
    parseFilePage(lexer, op);
    if (lexer.peek().kind === 'number') op.pages = lexer.number('a number of pages');
  },
  print: (op) => `${op.file}[${op.page}]${op.pages === undefined ? '' : ` ${op.pages}`}`,
};

/** `f[1] 3`, pages of a file, or `p[1] 3 of P1`, pages of an address space. A name that both have is the file's. */
export const dutyRange: Field = {
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

export const name = (key: string, expected: string): Field => ({
  parse(lexer, op) {
    op[key] = lexer.word(expected).text;
  },
  print: (op) => String(op[key]),
});

export const count = (key: string, expected: string): Field => ({
  parse(lexer, op) {
    op[key] = lexer.number(expected);
  },
  print: (op) => String(op[key]),
});
