/** Fields of what the kernel does on its own account, in litmus text: frames, nodes, pages of its own. */
import type { Field } from './litmus-fields.ts';

/** `4`, `4 8`: frames. */
export const frames: Field = {
  parse(lexer, op) {
    op.page = lexer.number('a frame');
    if (lexer.peek().kind === 'number') op.pages = lexer.number('a number of frames');
  },
  print: (op) => `${op.page}${op.pages === undefined ? '' : ` ${op.pages}`}`,
};

/** `node 1`: a memory node other than 0. */
export const node: Field = {
  parse(lexer, op) {
    if (lexer.take('node')) op.node = lexer.number('a memory node');
  },
  print: (op) => (op.node ? `node ${op.node}` : ''),
};

/** `3`: pages of the kernel; one if left out. */
export const kernelPages: Field = {
  parse(lexer, op) {
    if (lexer.peek().kind === 'number') op.pages = lexer.number('a number of pages');
  },
  print: (op) => (op.pages === undefined ? '' : String(op.pages)),
};

/** `irqoff` or `locked`: where the kernel allocates, if it may not sleep there. */
export const context: Field = {
  parse(lexer, op) {
    if (lexer.take('irqoff')) op.context = 'irqoff';
    else if (lexer.take('locked')) op.context = 'locked';
  },
  print: (op) => (op.context === undefined || op.context === 'task' ? '' : String(op.context)),
};

export const sync: Field = {
  parse(lexer, op) {
    if (lexer.take('sync')) op.sync = true;
  },
  print: (op) => (op.sync ? 'sync' : ''),
};
