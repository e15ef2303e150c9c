/** What policies and patches have in common: kernel routines replaced, paths hooked at points, words of their own. */
import type { AnyTable } from '../hardware/tables.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';
import { rcuRoutines } from '../kernel/rcu/routines.ts';
import { type Path, pointLabels, pointNamed } from '../memory/point.ts';

/** Paths run at a point: before the word it announces is touched, or behind that step, at the next point. */
export interface PointHooks {
  before?: (cpu: Cpu) => Path<void>;
  after?: (cpu: Cpu) => Path<void>;
}

export interface Replacement {
  readonly name: string;
  /** One sentence for lists. */
  readonly says: string;
  /** Tables placed in the image beside the kernel's; reached by `cpu.wordsOf(table)`. */
  readonly tables: readonly AnyTable[];
  /** By point label. */
  readonly hooks: Readonly<Record<string, PointHooks>>;
  readonly routines: Partial<Kernel>;
  /** May it look at what RCU counts? */
  readonly asksRcu: boolean;
}

/** What the author writes: the routines stand beside the other fields, under their own names. */
export type ReplacementSpec = {
  name: string;
  says: string;
  // a table of rows with a brand of their own is one of plain numbered rows to everybody else
  tables?: readonly unknown[];
  hooks?: Record<string, PointHooks>;
  /**
   * `false` promises that nothing of it reads the tables `rcu` and `rcuState`, nor takes the place of a routine of
   * kernel/rcu: a search of all states has fewer then, as of a kernel without plug-ins.
   */
  asksRcu?: boolean;
} & Partial<Kernel>;

/** A policy or patch that cannot be used; one line: what, where, what was expected. */
export class DefinitionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DefinitionError';
  }
}

/**
 * Checks a definition and sorts its fields. `kind` is what it calls itself in errors, `own` its fields that are no routines.
 * @throws DefinitionError naming the field and what was expected there.
 */
export function replacement(kind: string, spec: ReplacementSpec, own: readonly string[]): Omit<Replacement, 'asksRcu'> {
  if (typeof spec !== 'object' || spec === null) throw new DefinitionError(`${kind}: expected an object`);
  const { name, says } = spec;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new DefinitionError(`${kind} ${JSON.stringify(name)}: name: expected lower-case letters, digits and dashes`);
  }
  if (typeof says !== 'string' || says === '')
    throw new DefinitionError(`${kind} "${name}": says: expected a sentence`);
  const fields = ['name', 'says', 'tables', 'hooks', 'asksRcu', ...own];
  return {
    name,
    says,
    tables: checkTables(kind, name, spec.tables),
    hooks: checkHooks(kind, name, spec.hooks),
    routines: routinesOf(`${kind} "${name}"`, spec, fields),
  };
}

/** What a definition says of RCU, held against all routines that it replaces. @throws DefinitionError */
export function asksRcuOf(where: string, asksRcu: boolean | undefined, routines: Partial<Kernel>): boolean {
  if (asksRcu !== undefined && typeof asksRcu !== 'boolean') {
    throw new DefinitionError(`${where}: asksRcu: expected true or false`);
  }
  const own = Object.keys(routines).find((key) => key in rcuRoutines);
  if (asksRcu === false && own)
    throw new DefinitionError(`${where}: asksRcu: false, but ${own} is a routine of kernel/rcu`);
  return asksRcu ?? true;
}

/** The kernel routines among the fields of `spec`; `fields` are those that are none. @throws DefinitionError naming a field. */
export function routinesOf(where: string, spec: object, fields: readonly string[]): Partial<Kernel> {
  const routines: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(spec)) {
    if (fields.includes(key)) continue;
    if (!(key in MAINLINE)) {
      throw new DefinitionError(
        `${where}: ${key}: no kernel routine has this name${nearest(key, Object.keys(MAINLINE))}`,
      );
    }
    if (!isGenerator(value)) {
      throw new DefinitionError(`${where}: ${key}: expected a generator function, like *${key}(cpu, …) { … }`);
    }
    routines[key] = value;
  }
  return routines as Partial<Kernel>;
}

/** Is `value` what `replacement` made, perhaps by another copy of this module (a plug-in's own)? */
export function isReplacement(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, routines, hooks, tables } = value as Partial<Replacement>;
  return typeof name === 'string' && typeof routines === 'object' && typeof hooks === 'object' && Array.isArray(tables);
}

function checkTables(kind: string, name: string, tables: readonly unknown[] = []): readonly AnyTable[] {
  const list = tables as readonly AnyTable[];
  if (!Array.isArray(tables)) throw new DefinitionError(`${kind} "${name}": tables: expected an array`);
  list.forEach((t, i) => {
    if (typeof t?.name === 'string' && typeof t.rows === 'function' && typeof t.fields === 'object') return;
    throw new DefinitionError(`${kind} "${name}": tables[${i}]: expected a table made with table()`);
  });
  return list;
}

function checkHooks(kind: string, name: string, hooks: Record<string, PointHooks> = {}): Record<string, PointHooks> {
  for (const [label, hook] of Object.entries(hooks)) {
    if (pointNamed(label) === undefined) {
      throw new DefinitionError(
        `${kind} "${name}": hooks: no point is called "${label}"${nearest(label, pointLabels())}`,
      );
    }
    for (const [when, path] of Object.entries(hook)) {
      if (when !== 'before' && when !== 'after') {
        throw new DefinitionError(`${kind} "${name}": hooks: "${label}": ${when}: expected before or after`);
      }
      if (!isGenerator(path)) {
        throw new DefinitionError(`${kind} "${name}": hooks: "${label}": ${when}: expected a generator function`);
      }
    }
  }
  return hooks;
}

/** Is `value` a path as plug-ins write them? */
export function isGenerator(value: unknown): boolean {
  return typeof value === 'function' && value.constructor.name === 'GeneratorFunction';
}

/** The known name that shares most letters with the unknown one, if any is close. */
function nearest(unknown: string, known: readonly string[]): string {
  let best = '';
  let bestDistance = Math.max(2, unknown.length / 3);
  for (const candidate of known) {
    const distance = editDistance(unknown.toLowerCase(), candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best === '' ? '' : `; did you mean "${best}"?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
