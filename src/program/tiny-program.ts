/**
 * Tiny programs: columns of reads and writes of named words, and the outcome that counts as a hit. Strategies are tested on
 * them, because the chance of an outcome can be computed exactly. The text follows litmus text:
 *
 *     file      = "TINY" NAME [ '"says"' ] "{" { WORD "=" NUMBER ";" } "}" names { row } final
 *     names     = THREAD "|" THREAD { "|" THREAD } ";"
 *     row       = cell { "|" cell } ";"        as many cells as columns; a blank cell is nothing
 *     cell      = "read" WORD "->" REGISTER [ "until" NUMBER ]     the thread ends if that is what it reads
 *               | "write" WORD "=" value | "idle"
 *     value     = NUMBER | REGISTER [ "+" NUMBER ]
 *     final     = "forbidden" "(" all { "\/" all } ")" [ ";" ]
 *     all       = term { "/\" term }
 *     term      = ( WORD | THREAD ":" REGISTER ) "=" NUMBER
 *
 * Words are those between the braces; registers belong to their thread and start with 0. Every cell is one event.
 */
import { BadInput, requireText } from './bad-input.ts';
import { Lexer, type Token } from './litmus-lexer.ts';

/** Words and registers by number. */
export type TinyOp =
  | { readonly do: 'read'; readonly word: number; readonly into: number; readonly until?: number }
  | { readonly do: 'write'; readonly word: number; readonly register?: number; readonly value: number }
  | { readonly do: 'idle' };

/** `thread` is -1 for a word. */
export interface TinyTerm {
  readonly thread: number;
  readonly at: number;
  readonly value: number;
}

export interface TinyProgram {
  readonly name: string;
  readonly says: string;
  /** Initial values. */
  readonly words: readonly number[];
  readonly threads: readonly (readonly TinyOp[])[];
  /** The outcome is a hit if all terms of one line hold. */
  readonly forbidden: readonly (readonly TinyTerm[])[];
}

/** Interleavings grow with the multinomial of the columns. */
const MOST_THREADS = 6;
const MOST_EVENTS = 24;

/** @throws BadInput with `file:line:column` for the first thing that is wrong */
export function parseTiny(text: string, source: string): TinyProgram {
  requireText(text, source, 'a tiny program that starts with TINY and a name');
  return new Parser(new Lexer(text, source), source).file();
}

class Parser {
  private readonly words = new Map<string, number>();
  private readonly initial: number[] = [];
  private readonly threads: { name: string; ops: TinyOp[]; registers: Map<string, number> }[] = [];

  constructor(
    private readonly lexer: Lexer,
    private readonly source: string,
  ) {}

  file(): TinyProgram {
    const { lexer } = this;
    lexer.expect('TINY', '"TINY" and a name');
    const name = lexer.name('a name');
    const says = lexer.peek().kind === 'text' ? lexer.next().text.slice(1, -1) : '';
    lexer.expect('{', '"{" and the words');
    while (!lexer.take('}')) this.declaration();
    this.columns();
    while (!lexer.is('forbidden')) this.row();
    const forbidden = this.final();
    if (lexer.peek().kind !== 'end') lexer.fail('the end of the file');
    this.checkSize();
    return { name, says, words: this.initial, threads: this.threads.map((t) => t.ops), forbidden };
  }

  private declaration(): void {
    const { lexer } = this;
    const token = lexer.word('a word and its value, or "}"');
    if (this.words.has(token.text)) lexer.fail('a word that is not there yet', token);
    lexer.expect('=');
    this.words.set(token.text, this.words.size);
    this.initial.push(lexer.number('a value', true));
    lexer.expect(';');
  }

  private columns(): void {
    const { lexer } = this;
    do {
      const token = lexer.word('the name of a thread');
      if (this.threads.some((t) => t.name === token.text)) lexer.fail('a name that no other thread has', token);
      this.threads.push({ name: token.text, ops: [], registers: new Map() });
    } while (lexer.take('|'));
    lexer.expect(';', '"|" or ";"');
    if (this.threads.length < 2) lexer.fail('two or more columns');
  }

  private row(): void {
    const { lexer, threads } = this;
    if (lexer.peek().kind === 'end') lexer.fail('a row, or "forbidden" and a condition');
    for (const [i, { ops }] of threads.entries()) {
      if (i > 0) lexer.expect('|', `"|": the row has ${threads.length} columns`);
      if (lexer.is('|') || lexer.is(';')) continue;
      ops.push(this.cell(i));
    }
    lexer.expect(';', `";": the row has ${threads.length} columns`);
  }

  private cell(thread: number): TinyOp {
    const { lexer } = this;
    const { registers } = this.threads[thread];
    if (lexer.take('idle')) return { do: 'idle' };
    if (lexer.take('read')) {
      const word = this.word(lexer.word('a word'));
      lexer.expect('->', '"->" and a register');
      const name = lexer.word('a register').text;
      if (!registers.has(name)) registers.set(name, registers.size);
      const into = registers.get(name) as number;
      return lexer.take('until')
        ? { do: 'read', word, into, until: lexer.number('a value', true) }
        : { do: 'read', word, into };
    }
    lexer.expect('write', 'read, write or idle');
    const word = this.word(lexer.word('a word'));
    lexer.expect('=', '"=" and a value');
    if (lexer.peek().kind === 'number') return { do: 'write', word, value: lexer.number('a value', true) };
    const register = this.register(thread, lexer.word('a number or a register'));
    return { do: 'write', word, register, value: lexer.take('+') ? lexer.number('a number') : 0 };
  }

  private final(): TinyTerm[][] {
    const { lexer } = this;
    const lines: TinyTerm[][] = [];
    lexer.expect('forbidden');
    lexer.expect('(');
    do {
      const terms: TinyTerm[] = [];
      do terms.push(this.term());
      while (lexer.take('/\\'));
      lines.push(terms);
    } while (lexer.take('\\/'));
    lexer.expect(')', String.raw`"/\", "\/" or ")"`);
    lexer.take(';');
    return lines;
  }

  private term(): TinyTerm {
    const { lexer } = this;
    const first = lexer.word('a word, or a thread and ":"');
    let thread = -1;
    let at: number;
    if (lexer.take(':')) {
      thread = this.threads.findIndex((t) => t.name === first.text);
      if (thread < 0) lexer.fail(`one of the threads ${this.threads.map((t) => t.name).join(', ')}`, first);
      at = this.register(thread, lexer.word('a register'));
    } else at = this.word(first);
    lexer.expect('=');
    return { thread, at, value: lexer.number('a value', true) };
  }

  private word(token: Token): number {
    const word = this.words.get(token.text);
    if (word === undefined) this.lexer.fail(`one of the words ${[...this.words.keys()].join(', ')}`, token);
    return word;
  }

  private register(thread: number, token: Token): number {
    const register = this.threads[thread].registers.get(token.text);
    if (register === undefined) this.lexer.fail('a register that an earlier read of this thread fills', token);
    return register;
  }

  private checkSize(): void {
    const events = this.threads.reduce((sum, t) => sum + t.ops.length, 0);
    const what = `${this.threads.length} threads with ${events} events`;
    const expected = `at most ${MOST_THREADS} threads and 1 to ${MOST_EVENTS} events`;
    if (this.threads.length > MOST_THREADS || events > MOST_EVENTS || events === 0) {
      throw new BadInput({ what, where: this.source, expected });
    }
  }
}
