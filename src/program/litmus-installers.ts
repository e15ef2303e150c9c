/** Fields of what installs entries beside faults, in litmus text: probes, and pages that are merged. */
import { type Field, type OpFields, parsePage } from './litmus-fields.ts';
import type { Lexer } from './litmus-lexer.ts';
import type { Regions } from './litmus-regions.ts';

/** `off`: a probe is taken away. */
export const off: Field = {
  parse(lexer, op) {
    if (lexer.take('off')) op.off = true;
  },
  print: (op) => (op.off ? 'off' : ''),
};

/** `p[1] of P0 with q of P1`: two pages. */
export const pair: Field = {
  parse(lexer, op, regions) {
    parsePlace(lexer, op, regions, ['page', 'of']);
    lexer.expect('with');
    parsePlace(lexer, op, regions, ['with', 'withOf']);
  },
  print(op, regions) {
    const place = (page: unknown, of: unknown) => regions.place(page as number) + (of === undefined ? '' : ` of ${of}`);
    return `${place(op.page, op.of)} with ${place(op.with, op.withOf)}`;
  },
};

function parsePlace(lexer: Lexer, op: OpFields, regions: Regions, [page, of]: readonly [string, string]): void {
  op[page] = parsePage(lexer, regions).page;
  if (lexer.take('of')) op[of] = lexer.word('a task').text;
}
