/** Words, numbers and signs of litmus text, each with the place where it stands. */
import { BadInput, quoted } from './bad-input.ts';

export interface Token {
  readonly kind: 'word' | 'number' | 'text' | 'sign' | 'end';
  /** As written; a `text` with its quotes. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

const EMPTY = /(?:\s+|\(\*[\s\S]*?\*\))+/y;
const NAME = /[\w.+-]+/y;
const TOKEN =
  /(?<word>[A-Za-z_]\w*)|(?<number>-?\d+)|(?<text>"(?:[^"\\\r\n]|\\.)*")|(?<sign>->|\/\\|\\\/|[{};:,=+()[\].|@])/y;

/** Reads tokens one by one and looks one ahead. Comments `(* … *)` count as blanks. */
export class Lexer {
  private at = 0;
  private lineStart = 0;
  private line = 1;
  private ahead: Token | undefined;

  constructor(
    private readonly text: string,
    private readonly source: string,
  ) {}

  peek(): Token {
    this.ahead ??= this.scan();
    return this.ahead;
  }

  next(): Token {
    const token = this.peek();
    this.ahead = undefined;
    return token;
  }

  is(text: string): boolean {
    const { kind, text: found } = this.peek();
    return found === text && (kind === 'sign' || kind === 'word');
  }

  /** Takes the token if it is that sign or word. */
  take(text: string): boolean {
    const found = this.is(text);
    if (found) this.next();
    return found;
  }

  expect(text: string, expected = `"${text}"`): void {
    if (!this.take(text)) this.fail(expected);
  }

  word(expected: string): Token {
    if (this.peek().kind !== 'word') this.fail(expected);
    return this.next();
  }

  /** An integer, not negative unless `negative`. */
  number(expected: string, negative = false): number {
    const { kind, text } = this.peek();
    const value = Number(text);
    if (kind !== 'number' || (value < 0 && !negative) || !Number.isSafeInteger(value)) this.fail(expected);
    this.next();
    return value;
  }

  /** A name that may hold more than a word does, such as `munmap-touch`. To be called before the next token is looked at. */
  name(expected: string): string {
    this.skipBlanks();
    NAME.lastIndex = this.at;
    const found = NAME.exec(this.text);
    if (!found) this.fail(expected);
    this.at += found[0].length;
    return found[0];
  }

  /** @throws BadInput naming the token (the next one unless given) and what was expected instead. */
  fail(expected: string, token: Token = this.peek()): never {
    const what = token.kind === 'end' ? 'end of file' : quoted(token.text);
    throw new BadInput({ what, where: this.place(token), expected });
  }

  place(at: Pick<Token, 'line' | 'column'>): string {
    return `${this.source}:${at.line}:${at.column}`;
  }

  private scan(): Token {
    this.skipBlanks();
    const here = { line: this.line, column: this.at - this.lineStart + 1 };
    if (this.at === this.text.length) return { kind: 'end', text: '', ...here };
    TOKEN.lastIndex = this.at;
    const found = this.text.startsWith('(*', this.at) ? null : TOKEN.exec(this.text);
    if (!found?.groups) {
      const open = /^(?:\(\*|")/.exec(this.text.slice(this.at, this.at + 2))?.[0];
      const what = open === undefined ? quoted(this.text[this.at]) : `${open} without end`;
      const expected = open === undefined ? 'litmus text' : `${open === '"' ? '"' : '*)'} that ends it`;
      throw new BadInput({ what, where: this.place(here), expected });
    }
    this.at += found[0].length;
    const { groups } = found;
    const kind = groups.word ? 'word' : groups.number ? 'number' : groups.text ? 'text' : 'sign';
    return { kind, text: found[0], ...here };
  }

  private skipBlanks(): void {
    EMPTY.lastIndex = this.at;
    const blank = EMPTY.exec(this.text)?.[0] ?? '';
    for (let i = 0; i < blank.length; i++) {
      if (blank[i] !== '\n') continue;
      this.line++;
      this.lineStart = this.at + i + 1;
    }
    this.at += blank.length;
  }
}
