/**
 * What a person wrote and the tool cannot use: a program, a litmus file, a trace. The message is one line:
 * `where: what; expected …`. The command line prints it and exits with 2.
 */
export class BadInput extends Error {
  override readonly name = 'BadInput';

  /** `file:line:column`, or a path into the data such as `tasks[1].ops[0].page`. */
  readonly where: string;
  /** What was found there. */
  readonly what: string;
  /** What could have stood there. */
  readonly expected: string;

  constructor({ what, where, expected }: { what: string; where: string; expected: string }) {
    super(`${where}: ${what}; expected ${expected}`.replace(/\s*[\r\n]+\s*/g, ' '));
    this.what = what;
    this.where = where;
    this.expected = expected;
  }
}

const LONGEST = 40;

/** A piece of input as it may stand in a message: quoted, on one line, at most 40 characters, unprintables escaped. */
export function quoted(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(cut).replace(/[\u007f-\u009f\ufffd]/g, '?');
}

/**
 * Refuses text that is none: NUL bytes, or bytes that were no UTF-8.
 * @throws BadInput at the line of the first such byte
 */
export function requireText(text: string, source: string, expected: string): void {
  const at = text.search(/[\0\ufffd]/);
  if (at >= 0)
    throw new BadInput({ what: 'binary data', where: `${source}:${text.slice(0, at).split('\n').length}`, expected });
  if (text.trim() === '') throw new BadInput({ what: 'empty file', where: `${source}:1`, expected });
}
