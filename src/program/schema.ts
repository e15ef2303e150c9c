/**
 * The schema of programs that come from outside: findings, plug-ins, imported files. Not needed by CPU workers; load it
 * only where input is read.
 */
import { z } from 'zod';
import { BadInput, quoted } from './bad-input.ts';
import { canonicalProgram } from './canonical.ts';
import { checkProgram, type Limits } from './check.ts';
import type { Op, Program } from './program.ts';

/** Names of tasks, flags and registers: words, so that litmus text and columns can print them. */
const WORD = /^[A-Za-z_]\w*$/;

const word = z.string().regex(WORD, 'a word of letters, digits and _');
const page = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const pages = z
  .int()
  .min(1)
  .max(2 ** 32)
  .optional();
const inPage = z.int().min(0).max(1023).optional();
const value = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const cpu = z.int().min(0).max(63);
const prot = z.enum(['none', 'r', 'rw', 'rx', 'rwx']);
const flag = z.boolean().optional();

const node = z.int().min(0).max(1).optional();
/** The most that one call of get_user_pages() is asked for. */
const GUP_PAGES = 16;
/** The most that one pagemap tells of. */
const PAGEMAP_PAGES = 15;
const access = { page, word: inPage, into: word.optional() };

/** Of a file, or of an address space. */
const duty = { file: word.optional(), of: word.optional(), page, pages };

const fileOps = [
  z.strictObject({ do: z.enum(['read']), file: word, page, word: inPage, direct: flag, into: word.optional() }),
  z.strictObject({ do: z.enum(['write']), file: word, page, word: inPage, direct: flag, value: value.optional() }),
  z.strictObject({ do: z.enum(['truncate']), file: word, pages: z.int().min(0).max(65536) }),
  z.strictObject({ do: z.enum(['fsync', 'open', 'close', 'lock', 'unlock', 'revoke']), file: word }),
  z.strictObject({ do: z.enum(['remote', 'notifystore']), file: word, page, word: inPage, value: value.optional() }),
  z.strictObject({ do: z.enum(['reclaim']), ...duty }),
  z.strictObject({ do: z.enum(['migrate']), ...duty, sync: flag, node }),
  z.strictObject({ do: z.enum(['pfnwalk']), page, pages }),
  z.strictObject({ do: z.enum(['kswapd']), node }),
  z.strictObject({ do: z.enum(['compact']), node, sync: flag }),
  z.strictObject({ do: z.enum(['kalloc']), pages, context: z.enum(['task', 'irqoff', 'locked']).optional() }),
  z.strictObject({ do: z.enum(['kfree']), pages }),
  z.strictObject({ do: z.enum(['punch', 'notifyinval']), file: word, page, pages }),
  z.strictObject({ do: z.enum(['dropcache']), file: word }),
  z.strictObject({ do: z.enum(['uprobe']), file: word, page, word: inPage, value: value.optional(), off: flag }),
  z.strictObject({ do: z.enum(['ksm']), page, of: word.optional(), with: page, withOf: word.optional() }),
] as const;

const trackingOps = [
  z.strictObject({ do: z.enum(['clearrefs']) }),
  z.strictObject({ do: z.enum(['uffdregister']), page, pages }),
  z.strictObject({ do: z.enum(['uffdwp']), page, pages, on: z.boolean() }),
  z.strictObject({
    do: z.enum(['pagemap']),
    page,
    pages: z.int().min(1).max(PAGEMAP_PAGES).optional(),
    into: word.optional(),
  }),
] as const;

const op = z.discriminatedUnion('do', [
  z.strictObject({ do: z.enum(['load', 'fetch']), ...access }),
  z.strictObject({ do: z.enum(['store']), page, word: inPage, value: value.optional() }),
  z.strictObject({ do: z.enum(['touch']), page, pages, write: flag }),
  z.strictObject({
    do: z.enum(['mmap']),
    page,
    pages,
    prot,
    fixed: flag,
    populate: flag,
    shared: flag,
    file: word.optional(),
    offset: page.optional(),
  }),
  z.strictObject({ do: z.enum(['munmap', 'numascan', 'msync', 'devmigrate']), page, pages }),
  z.strictObject({ do: z.enum(['mprotect']), page, pages, prot }),
  z.strictObject({ do: z.enum(['mremap']), page, pages, to: page.optional(), newPages: pages }),
  z.strictObject({ do: z.enum(['madvise']), page, pages, advice: z.enum(['dontneed', 'free', 'cold', 'pageout']) }),
  z.strictObject({
    do: z.enum(['gup']),
    page,
    pages: z.int().min(1).max(GUP_PAGES).optional(),
    word: inPage,
    fast: flag,
    write: flag,
    value: value.optional(),
    into: word.optional(),
  }),
  ...fileOps,
  z.strictObject({ do: z.enum(['fork']), task: word }),
  z.strictObject({ do: z.enum(['exit']) }),
  z.strictObject({ do: z.enum(['post', 'await']), flag: word }),
  z.strictObject({ do: z.enum(['sleep']) }),
  z.strictObject({ do: z.enum(['wake']), task: word }),
  z.strictObject({ do: z.enum(['yield']) }),
  z.strictObject({ do: z.enum(['move', 'device', 'offline', 'online']), cpu }),
  ...trackingOps,
  z.strictObject({
    do: z.enum(['compute']),
    cycles: z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  }),
]) satisfies z.ZodType<Op>;

const file = z.strictObject({
  name: word,
  pages: z.int().min(0).max(65536),
  remote: flag,
  fuse: flag,
  memory: flag,
  blockdev: flag,
  iomap: flag,
  device: flag,
});

const task = z.strictObject({
  name: word,
  cpu,
  mm: z.int().min(0).max(63).optional(),
  forkedBy: word.optional(),
  kthread: flag,
  server: flag,
  priority: z.union([z.literal(0), z.literal(1)]).optional(),
  ops: z.array(op),
});

/** The shape of a program. `parseProgram` checks the rest. */
export const programSchema = z.strictObject({
  name: z.string().regex(/^[\w.+-]+$/, 'a name of letters, digits and _ . + -'),
  says: z
    .string()
    .regex(/^[^\r\n]*$/, 'one line')
    .optional(),
  machine: z.strictObject({
    cpus: z.int().min(1).max(64),
    geometry: z.enum(['tiny', 'small', 'full']).optional(),
    override: z.record(word, z.int()).optional(),
    switches: z.record(word, z.union([z.int(), z.boolean()])).optional(),
  }),
  files: z.array(file).max(64).optional(),
  tasks: z.array(task).min(1).max(256),
  history: z.array(z.strictObject({ task: word, op })),
  rounds: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
  final: z
    .strictObject({
      verdict: z.enum(['forbidden', 'permitted']),
      where: z
        .array(
          z.strictObject({
            task: word,
            register: word,
            value: z
              .int()
              .min(-(2 ** 31))
              .max(2 ** 31 - 1),
          }),
        )
        .min(1),
    })
    .optional(),
}) satisfies z.ZodType<Program>;

/**
 * A program read from outside, canonical.
 * @param where what `value` is: a file name or what gave it; messages start with it
 * @param limits `pages` of the geometry, when it is known
 * @throws BadInput for the first thing that is wrong: `where: tasks[1].ops[0].page: …`
 */
export function parseProgram(value: unknown, where: string, limits: Limits = {}): Program {
  return validProgram(value, limits, (path) => (path === '' ? where : `${where}: ${path}`));
}

/**
 * As `parseProgram`, for readers that know better than a path where something stands.
 * @param place turns a path such as `tasks[1].ops[0].page` into the place that the message names
 * @throws BadInput for the first thing that is wrong
 */
export function validProgram(value: unknown, limits: Limits, place: (path: string) => string): Program {
  const program = parsed(programSchema, value, place, OP_NAMES);
  checkProgram(program, limits, place);
  return canonicalProgram(program);
}

/**
 * Data of a schema.
 * @param operations the names that its union of operations knows
 * @throws BadInput for the first thing that is wrong
 */
export function parsed<T>(
  schema: z.ZodType<T>,
  value: unknown,
  place: (path: string) => string,
  operations: readonly string[],
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = innermost(result.error.issues[0]);
  const { path } = issue;
  throw new BadInput({
    what: found(value, path),
    where: place(pathOf(path)),
    expected: expectation(issue, operations),
  });
}

type Issue = z.core.$ZodIssue;

/** The issue to show: of a union, the branch that came furthest. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const branch = issue.errors.map((e) => e[0]).sort((a, b) => b.path.length - a.path.length)[0];
  return innermost({ ...branch, path: [...issue.path, ...branch.path] } as Issue);
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function found(value: unknown, path: readonly PropertyKey[]): string {
  let at = value;
  for (const key of path) {
    if (at === null || typeof at !== 'object') return 'missing';
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  if (at === undefined) return 'missing';
  if (at !== null && typeof at === 'object')
    return Array.isArray(at) ? `a list of ${at.length}` : `{${Object.keys(at).join(', ')}}`;
  return typeof at === 'string' ? quoted(at) : String(at);
}

function expectation(issue: Issue, operations: readonly string[]): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'an integer'
        : `${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1 ? JSON.stringify(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'array' ? ' of them' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'array' ? ' of them' : ''}`;
    case 'unrecognized_keys':
      return `no field named ${issue.keys.map((k) => `"${k}"`).join(', ')}`;
    case 'invalid_union':
      return `a known operation: ${operations.join(', ')}`;
    default:
      return issue.message;
  }
}

const OP_NAMES = op.options.flatMap((o) => o.shape.do.options as string[]);
