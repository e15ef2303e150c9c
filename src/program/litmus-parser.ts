/** Litmus text to programs. `litmus.ts` has the grammar. */
import { requireText } from './bad-input.ts';
import type { Limits } from './check.ts';
import type { OpFields } from './litmus-fields.ts';
import { Lexer, type Token } from './litmus-lexer.ts';
import { LITMUS_OPS, parseFields, RESERVED } from './litmus-ops.ts';
import { Regions } from './litmus-regions.ts';
import type { Program } from './program.ts';
import { validProgram } from './schema.ts';

/**
 * A canonical program from litmus text.
 * @param source the file, for messages
 * @param limits `pages` of the geometry, when it is known
 * @throws BadInput with `file:line:column` for the first thing that is wrong
 */
export function parseLitmus(text: string, source: string, limits: Limits = {}): Program {
  requireText(text, source, 'litmus text that starts with TLB and a name');
  const parser = new Parser(new Lexer(text, source), bindRegions(new Lexer(text, source)));
  const program = parser.file();
  return validProgram(program, limits, (path) => parser.place(path, source));
}

/** First pass: every region of the file, so that a cell may name what a cell below or beside it maps. */
function bindRegions(lexer: Lexer): Regions {
  const regions = new Regions();
  lexer.expect('TLB', '"TLB" and a name');
  lexer.name('a name');
  for (let name = lexer.next(); name.kind !== 'end'; name = lexer.next()) {
    if (name.kind === 'word' && name.text === 'file' && lexer.peek().kind === 'word')
      regions.addFile(lexer.next().text);
    if (name.kind !== 'word' || !lexer.take('=')) continue;
    const reserve = lexer.is('reserve');
    if (!reserve && !lexer.is('mmap')) continue;
    lexer.next();
    const { pages, at } = reserve ? parseReserve(lexer) : parseMapping(lexer, regions);
    if (RESERVED.includes(name.text)) lexer.fail('a name that is no word of litmus text', name);
    const bound = regions.find(name.text);
    if (bound && at !== undefined && at !== bound.page) lexer.fail(`"${name.text}" to stay at @${bound.page}`, name);
    if (!bound) regions.add(name.text, pages, at);
  }
  return regions;
}

function parseReserve(lexer: Lexer): { pages: number; at?: number } {
  lexer.expect('(');
  const pages = lexer.number('a number of pages');
  lexer.expect(')');
  return { pages, at: parseAt(lexer) };
}

function parseMapping(lexer: Lexer, regions: Regions): { op: OpFields; pages: number; at?: number } {
  const op = parseFields(LITMUS_OPS.mmap, lexer, regions);
  return { op, pages: (op.pages as number | undefined) ?? 1, at: parseAt(lexer) };
}

function parseAt(lexer: Lexer): number | undefined {
  if (!lexer.take('at')) return undefined;
  lexer.expect('@');
  return lexer.number('a page number');
}

type Draft = Record<string, unknown>;

const TRAITS = ['cpu', 'mm', 'forkedBy', 'kthread', 'server', 'priority'];
const A_TRAIT = TRAITS.join(', ').replace(/, (?=[^,]*$)/, ' or ');
const SECTIONS = ['machine', 'override', 'switches'];

/** Second pass: fills a draft whose shape and sense the schema checks, and remembers where each part stands. */
class Parser {
  private readonly at = new Map<string, Token>();
  private readonly settings: Record<string, Draft> = { machine: {}, override: {}, switches: {} };
  private readonly traits = new Map<string, { token: Token; traits: Draft }>();
  private readonly history: { task: string | undefined; op: OpFields }[] = [];
  private readonly files: Draft[] = [];
  private rounds: number | undefined;

  constructor(
    private readonly lexer: Lexer,
    private readonly regions: Regions,
  ) {}

  file(): unknown {
    const { lexer } = this;
    lexer.expect('TLB');
    const name = lexer.name('a name');
    const says = lexer.peek().kind === 'text' ? this.says() : undefined;
    lexer.expect('{', says === undefined ? 'a description in quotes or "{"' : '"{"');
    while (!lexer.take('}')) this.statement();
    const tasks = this.columns();
    const names = tasks.map((t) => t.name as string);
    const final = this.final(names);
    if (lexer.peek().kind !== 'end') lexer.fail('end of file');
    const { machine, override, switches } = this.settings;
    return {
      name,
      says,
      machine: { cpus: names.length, ...machine, override, switches },
      files: this.files,
      tasks,
      history: this.history.map((h) => ({ task: h.task ?? names[0], op: h.op })),
      rounds: this.rounds,
      final,
    };
  }

  /** Where the innermost known part of a path stands. */
  place(path: string, source: string): string {
    for (let p = path; p !== ''; p = p.replace(/(?:^|\.|\[)[^.[]*$/, '')) {
      const token = this.at.get(p);
      if (token) return this.lexer.place(token);
    }
    return `${source}:1:1`;
  }

  private says(): string {
    const token = this.lexer.next();
    try {
      return JSON.parse(token.text) as string;
    } catch {
      return this.lexer.fail('a description with JSON escapes', token);
    }
  }

  private statement(): void {
    const { lexer } = this;
    const first = lexer.word('a statement or "}"');
    if (SECTIONS.includes(first.text) && lexer.take(':')) this.section(first.text);
    else if (first.text === 'rounds' && lexer.take(':')) {
      this.at.set('rounds', lexer.peek());
      this.rounds = lexer.number('a number of rounds');
    } else if (first.text === 'file' && !lexer.is('=') && !lexer.is(':')) {
      this.at.set(`files[${this.files.length}]`, first);
      const file: Draft = { name: lexer.word('a name').text, pages: lexer.number('a number of pages') };
      if (lexer.take('remote')) file.remote = true;
      if (lexer.take('device')) file.device = true;
      this.files.push(file);
    } else if (first.text === 'task' && !lexer.is('=') && !lexer.is(':')) this.traitsOf(lexer.word('a task'));
    else if (lexer.is('=')) this.assignment(first);
    else if (lexer.take(':')) this.past(first.text, lexer.word('an operation'));
    else this.past(undefined, first);
    lexer.expect(';');
  }

  private section(name: string): void {
    const { lexer } = this;
    do {
      const key = lexer.word('a name');
      lexer.expect('=');
      this.at.set(name === 'machine' ? `machine.${key.text}` : `machine.${name}.${key.text}`, key);
      this.settings[name][key.text] = this.setting();
    } while (lexer.take(','));
  }

  private setting(): unknown {
    const { lexer } = this;
    if (lexer.peek().kind === 'number') return lexer.number('a number', true);
    const { text } = lexer.word('a number or a word');
    return text === 'true' ? true : text === 'false' ? false : text;
  }

  private traitsOf(token: Token): void {
    const { lexer } = this;
    const traits: Draft = {};
    lexer.expect(':');
    do {
      const key = lexer.word(A_TRAIT);
      if (!TRAITS.includes(key.text)) lexer.fail(A_TRAIT, key);
      traits[key.text] = lexer.take('=') ? this.setting() : true;
    } while (lexer.take(','));
    if (this.traits.has(token.text)) lexer.fail('a task not described before', token);
    this.traits.set(token.text, { token, traits });
  }

  private assignment(name: Token): void {
    const { lexer } = this;
    lexer.expect('=');
    if (lexer.take('reserve')) parseReserve(lexer);
    else this.past(undefined, name, true);
  }

  private past(task: string | undefined, first: Token, assigned = false): void {
    this.at.set(`history[${this.history.length}]`, first);
    this.history.push({ task, op: this.operation(first, assigned) });
  }

  /** An operation whose first word, and the `=` behind it if `assigned`, have been read. */
  private operation(first: Token, assigned = false): OpFields {
    const { lexer, regions } = this;
    if (assigned || lexer.take('=')) {
      lexer.expect('mmap');
      return { ...parseMapping(lexer, regions).op, page: regions.find(first.text)?.page };
    }
    const syntax = Object.hasOwn(LITMUS_OPS, first.text) ? LITMUS_OPS[first.text] : undefined;
    if (!syntax || first.text === 'mmap') {
      return lexer.fail(
        `an operation: NAME = mmap(…), ${Object.keys(LITMUS_OPS)
          .filter((k) => k !== 'mmap')
          .join(', ')}`,
        first,
      );
    }
    return parseFields(syntax, lexer, regions);
  }

  private columns(): Draft[] {
    const { lexer } = this;
    const tasks: { name: string; cpu: number; ops: OpFields[] }[] = [];
    do {
      const token = lexer.word('the name of a task');
      this.at.set(`tasks[${tasks.length}]`, token);
      tasks.push({ name: token.text, cpu: tasks.length, ops: [] });
    } while (lexer.take('|'));
    lexer.expect(';', '"|" or ";"');
    for (const [name, { token }] of this.traits) {
      if (!tasks.some((t) => t.name === name))
        lexer.fail(`a task with a column: ${tasks.map((t) => t.name).join(', ')}`, token);
    }
    while (lexer.peek().kind !== 'end' && !lexer.is('forbidden') && !lexer.is('permitted')) this.row(tasks);
    return tasks.map((t) => ({ ...t, ...this.traits.get(t.name)?.traits }));
  }

  private row(tasks: readonly { ops: OpFields[] }[]): void {
    const { lexer } = this;
    tasks.forEach((task, i) => {
      if (i > 0) lexer.expect('|', `"|": the row has ${tasks.length} columns`);
      if (lexer.is('|') || lexer.is(';')) return;
      const first = lexer.word('an operation, "|" or ";"');
      this.at.set(`tasks[${i}].ops[${task.ops.length}]`, first);
      task.ops.push(this.operation(first));
    });
    lexer.expect(';', `";": the row has ${tasks.length} columns`);
  }

  private final(names: readonly string[]): unknown {
    const { lexer } = this;
    if (lexer.peek().kind === 'end') return undefined;
    const verdict = lexer.next().text;
    const where: Draft[] = [];
    lexer.expect('(');
    do {
      this.at.set(`final.where[${where.length}]`, lexer.peek());
      const column = lexer.peek().kind === 'number' ? lexer.number('a column') : undefined;
      const task = column === undefined ? lexer.word('a column').text : (names[column] ?? `column ${column}`);
      lexer.expect(':');
      const register = lexer.word('a register').text;
      lexer.expect('=');
      where.push({ task, register, value: lexer.number('a value', true) });
    } while (lexer.take('/\\'));
    lexer.expect(')', '"/\\" or ")"');
    lexer.take(';');
    return { verdict, where };
  }
}
