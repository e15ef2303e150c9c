/** What an mmap of litmus text says in brackets: rights, length, flags, the file. */
import type { Field } from './litmus-fields.ts';

export const prot: Field = {
  parse(lexer, op) {
    const token = lexer.word('rights');
    if (!['none', 'r', 'rw', 'rx', 'rwx'].includes(token.text)) lexer.fail('one of none, r, rw, rx, rwx', token);
    op.prot = token.text;
  },
  print: (op) => String(op.prot),
};

const MMAP_FLAGS = ['fixed', 'populate', 'shared'];

/** `(rw, 2, fixed)`, `(r, shared, file f[1])`, then `at @4` where the parser reads it. */
export const mapping: Field = {
  parse(lexer, op, regions) {
    lexer.expect('(');
    prot.parse(lexer, op, regions);
    while (lexer.take(',')) {
      if (lexer.peek().kind === 'number') op.pages = lexer.number('a number of pages');
      else {
        const token = lexer.word(`a number of pages, file or ${MMAP_FLAGS.join(', ')}`);
        if (token.text === 'file') {
          op.file = lexer.word('a file').text;
          if (!lexer.take('[')) continue;
          op.offset = lexer.number('a page of the file');
          lexer.expect(']');
          continue;
        }
        if (!MMAP_FLAGS.includes(token.text)) lexer.fail(MMAP_FLAGS.join(', '), token);
        op[token.text] = true;
      }
    }
    lexer.expect(')', '"," or ")"');
  },
  print(op) {
    const pages = (op.pages as number | undefined) ?? 1;
    const shown = op.file === undefined ? [] : [`file ${op.file}${op.offset ? `[${op.offset}]` : ''}`];
    return `(${[op.prot, ...(pages === 1 ? [] : [pages]), ...MMAP_FLAGS.filter((f) => op[f]), ...shown].join(', ')})`;
  },
};
