/** The layout of an image: where each table lies, who owns each word, and the way back from a word to its name. */
import type { Memory, Word } from './memory.ts';
import { Column, type Columns, type Field, type GuardRef, type Owner, RecordedColumn, type Table } from './table.ts';

/** Kinds of owners, as the one-access check keeps them. */
export const OWNED_SHARED = 0;
export const OWNED_ORACLE = 1;
export const OWNED_CPU = 2;
export const OWNED_TASK = 3;
export const OWNED_GUARDED = 4;
export const OWNED_ONCE = 5;
export const OWNED_WRITER = 6;

/** An owner code is the kind, shifted, and below it the row or the number of the guard rule. */
export const OWNER_KIND = 24;
export const OWNER_OF = (1 << OWNER_KIND) - 1;
export function ownerCode(kind: number, of: number): number {
  return (kind << OWNER_KIND) | of;
}

/** A field as it lies in the image: word `k` of a row is `base + row * stride + k`, for `k` below `width`. */
export interface Placed {
  readonly table: string;
  readonly field: string;
  readonly owner: Owner;
  readonly base: number;
  readonly stride: number;
  readonly width: number;
  readonly rows: number;
}

/** Words of a cache line. */
const CACHE_LINE = 16;

function roundUp(n: number, unit: number): number {
  return Math.ceil(n / unit) * unit;
}

/** Places tables one behind the other. The same tables and sizes always give the same layout, in every isolate. */
export class Layout<S> {
  /** Number of words of the image so far. */
  words = 0;
  private readonly placed: Placed[] = [];
  private readonly byTable = new Map<string, Placed[]>();

  constructor(readonly sizes: S) {}

  /** Reserves the words of a table; fields of one row lie together. */
  place<Row extends number, F extends Record<string, Field<S>>>(t: Table<Row, S, F>): void {
    if (this.byTable.has(t.name)) throw new Error(`table ${t.name} is placed twice`);
    const rows = t.rows(this.sizes);
    const fields = Object.entries(t.fields).map(([field, f]) => {
      const wide = typeof f === 'object' && 'owner' in f;
      return { field, owner: wide ? f.owner : (f as Owner), width: wide ? f.width(this.sizes) : 1 };
    });
    const width = fields.reduce((sum, f) => sum + f.width, 0);
    // rows that one CPU writes get cache lines of their own, or threads would slow each other down
    const line = fields.some((f) => typeof f.owner === 'object' && !('guardedBy' in f.owner)) ? CACHE_LINE : 1;
    const stride = roundUp(width, line);
    let base = roundUp(this.words, line);
    const entries: Placed[] = [];
    for (const f of fields) {
      entries.push({ table: t.name, field: f.field, owner: f.owner, base, stride, width: f.width, rows });
      base += f.width;
    }
    this.placed.push(...entries);
    this.byTable.set(t.name, entries);
    // PTEs are pairs of words: every table starts on an even word so that a pair never straddles two tables
    this.words = roundUp(entries[0].base + rows * stride, 2);
  }

  columns<Row extends number, F extends Record<string, Field<S>>>(t: Table<Row, S, F>, mem: Memory): Columns<Row, F> {
    const entries = this.byTable.get(t.name);
    if (!entries) throw new Error(`table ${t.name} was not placed`);
    const columns: Record<string, Column<Row>> = {};
    const Kind = mem.record === undefined ? Column : RecordedColumn;
    for (const e of entries) columns[e.field] = new Kind<Row>(mem, e.base, e.stride, e.width);
    return columns as Columns<Row, F>;
  }

  /** First word of a table and first word after it. */
  range(table: string): { from: number; to: number } {
    const entries = this.byTable.get(table);
    if (!entries) throw new Error(`table ${table} was not placed`);
    const { base, rows, stride } = entries[0];
    return { from: base, to: base + rows * stride };
  }

  /** `mm[0].tlbGen`, `frame[3].words[2]`: what columns, errors and findings print. */
  nameOf(word: Word): string {
    const p = this.find(word);
    if (!p) return word < 0 ? '(nothing)' : `word ${word}`;
    const row = Math.floor((word - p.base) / p.stride);
    const k = (word - p.base) % p.stride;
    return `${p.table}[${row}].${p.field}${p.width > 1 ? `[${k}]` : ''}`;
  }

  /** The fields of a table, in the order in which it declares them. */
  fieldsOf(table: string): readonly Placed[] {
    return this.byTable.get(table) ?? [];
  }

  /** All words of a table, or of one of its fields. */
  *wordsOf(table: string, field?: string): Iterable<Word> {
    for (const p of this.byTable.get(table) ?? []) {
      if (field !== undefined && p.field !== field) continue;
      for (let row = 0; row < p.rows; row++) {
        for (let k = 0; k < p.width; k++) yield (p.base + row * p.stride + k) as Word;
      }
    }
  }

  /** The word with this name, the inverse of `nameOf`; undefined if there is none. */
  wordNamed(name: string): Word | undefined {
    const match = /^(\w+)\[(\d+)\]\.(\w+)(?:\[(\d+)\])?$/.exec(name);
    if (!match) return undefined;
    const p = this.byTable.get(match[1])?.find((e) => e.field === match[3]);
    const row = Number(match[2]);
    const k = Number(match[4] ?? 0);
    return p && row < p.rows && k < p.width ? ((p.base + row * p.stride + k) as Word) : undefined;
  }

  /** The owner code of each word, and the guard rules by number. */
  owners(): { owner: Int32Array; guards: Guard[] } {
    const owner = new Int32Array(this.words);
    const guards: Guard[] = [];
    for (const [table, fields] of this.byTable) {
      if (fields[0].owner !== 'oracle' || fields.some((p) => p.owner !== 'oracle')) continue;
      const { from, to } = this.range(table);
      owner.fill(ownerCode(OWNED_ORACLE, 0), from, to);
    }
    for (const p of this.placed) {
      // zero as it is: a large table that nobody writes stays without memory of its own
      if (p.owner === 'shared' || owner[p.base] !== 0) continue;
      for (let row = 0; row < p.rows; row++) {
        const first = p.base + row * p.stride;
        owner.fill(this.codeOf(p, row, guards), first, first + p.width);
      }
    }
    return { owner, guards };
  }

  private codeOf(p: Placed, row: number, guards: Guard[]): number {
    const { owner } = p;
    if (owner === 'shared') return ownerCode(OWNED_SHARED, 0);
    if (owner === 'oracle') return ownerCode(OWNED_ORACLE, 0);
    if (owner === 'once') return ownerCode(OWNED_ONCE, 0);
    if ('private' in owner) return ownerCode(owner.private === 'cpu' ? OWNED_CPU : OWNED_TASK, row);
    if ('writtenBy' in owner) return ownerCode(OWNED_WRITER, row);
    const refs = Array.isArray(owner.guardedBy) ? (owner.guardedBy as GuardRef[]) : [owner.guardedBy as GuardRef];
    guards.push({ locks: refs.map((ref) => this.lockOf(p, row, ref)) });
    return ownerCode(OWNED_GUARDED, guards.length - 1);
  }

  private lockOf(p: Placed, row: number, ref: GuardRef): GuardLock {
    const field = (table: string, name: string): Placed => {
      const found = this.byTable.get(table)?.find((e) => e.field === name);
      if (!found) throw new Error(`${p.table}.${p.field} is guarded by ${table}.${name}, which does not exist`);
      return found;
    };
    if (typeof ref === 'string' || ref.via === undefined) {
      const lock = typeof ref === 'string' ? field(p.table, ref) : field(ref.table, ref.lock);
      return { word: (lock.base + row * lock.stride) as Word };
    }
    const via = field(p.table, ref.via);
    const lock = field(ref.table, ref.lock);
    const first = ref.optional ? 1 : 0;
    return { via: (via.base + row * via.stride) as Word, base: lock.base, stride: lock.stride, first, rows: lock.rows };
  }

  private find(word: number): Placed | undefined {
    return this.placed.find((p) => {
      const offset = word - p.base;
      return offset >= 0 && offset < p.rows * p.stride && offset % p.stride < p.width;
    });
  }
}

/** The locks that protect a word. A lock reached through a row number is looked up when the word is touched. */
export interface Guard {
  readonly locks: readonly GuardLock[];
}
export type GuardLock =
  | { readonly word: Word; readonly via?: undefined }
  | {
      readonly via: Word;
      readonly base: number;
      readonly stride: number;
      readonly first: number;
      readonly rows: number;
    };
