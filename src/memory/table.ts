/**
 * Tables and columns: how every field of the machine is declared, laid out in the image and named. A table lists its
 * fields once, each with its owner; a `Column` is one field for all rows. There are no getters or setters: an access is
 * a visible verb, `cpu.mm.tlbGen.add(mm, 1)`.
 */
import type { Memory, Word } from './memory.ts';

/**
 * A lock that protects a field: a field of the same row, of the row with the same number in table `table`, or of the row there
 * that the field `via` names. With `optional` row 0 means that there is none, and then that lock is not asked for.
 */
export type GuardRef =
  | string
  | { via?: undefined; table: string; lock: string }
  | { via: string; table: string; lock: string; optional?: boolean };

/**
 * Who may touch a word without a point before it.
 * - `shared`: nobody; each access is announced.
 * - `guardedBy`: to read, a context that holds any of these locks; to write, one that holds all of them exclusively.
 * - `once`: written while nobody else knows the row (from 0 to a value, and back to 0 when the row is given up), so that
 *   reading it is free.
 * - `private`: the row's CPU or the CPU that runs the row's task; nobody else, ever.
 * - `writtenBy`: only the row's CPU writes it, so that its own reads are no race; its writes and the reads of others are.
 * - `oracle`: ghost words. Only observers touch them, and observers touch nothing else.
 */
export type Owner =
  | 'shared'
  | 'once'
  | 'oracle'
  | { guardedBy: GuardRef | readonly GuardRef[] }
  | { private: 'cpu' | 'task' }
  | { writtenBy: 'cpu' };

/** A field that is more than one word wide gives its width, a function of the sizes of the machine. */
export type Field<S> = Owner | { owner: Owner; width: (sizes: S) => number };

export type Columns<Row extends number, F> = { readonly [K in keyof F]: Column<Row> };

export interface Table<Row extends number, S, F extends Record<string, Field<S>>> {
  readonly name: string;
  readonly rows: (sizes: S) => number;
  readonly fields: F;
  readonly row?: Row;
}

/** Declares a table: `table<MmId, Geometry>()('mm', (g) => g.mms, { tlbGen: 'shared' })`. */
export function table<Row extends number, S>() {
  return <const F extends Record<string, Field<S>>>(
    name: string,
    rows: (sizes: S) => number,
    fields: F,
  ): Table<Row, S, F> => ({ name, rows, fields });
}

/** One field of a table, for all rows. `k` selects a word of a wide field. */
export class Column<Row extends number> {
  constructor(
    readonly mem: Memory,
    readonly base: number,
    readonly stride: number,
    readonly width: number,
  ) {}

  at(row: Row, k = 0): Word {
    return (this.base + row * this.stride + k) as Word;
  }
  load(row: Row, k = 0): number {
    return this.mem.load((this.base + row * this.stride + k) as Word);
  }
  store(row: Row, value: number, k = 0): void {
    this.mem.store((this.base + row * this.stride + k) as Word, value);
  }
  exchange(row: Row, value: number, k = 0): number {
    return this.mem.exchange((this.base + row * this.stride + k) as Word, value);
  }
  cas(row: Row, expected: number, value: number, k = 0): number {
    return this.mem.cas((this.base + row * this.stride + k) as Word, expected, value);
  }
  add(row: Row, delta: number, k = 0): number {
    return this.mem.add((this.base + row * this.stride + k) as Word, delta);
  }
  or(row: Row, bits: number, k = 0): number {
    return this.mem.or((this.base + row * this.stride + k) as Word, bits);
  }
  and(row: Row, bits: number, k = 0): number {
    return this.mem.and((this.base + row * this.stride + k) as Word, bits);
  }
  /** Looks at a word without an event of the protocol: for engines that poll and reports that print, never for paths. */
  peek(row: Row, k = 0): number {
    return this.mem.words[this.base + row * this.stride + k];
  }
  /** Reads a private word of the running CPU or task: no event of the protocol, no announcement. */
  own(row: Row, k = 0): number {
    return this.mem.words[this.base + row * this.stride + k];
  }
  /** As `own`, of what the running CPU caches: nobody keeps across a point what it found there. */
  cached(row: Row, k = 0): number {
    return this.mem.words[this.base + row * this.stride + k];
  }
  /** Writes a private word of the running CPU or task. */
  put(row: Row, value: number, k = 0): void {
    this.mem.put((this.base + row * this.stride + k) as Word, value);
  }
}

/** A column of a memory that keeps a record: it hears of reads without an event, too. */
export class RecordedColumn<Row extends number> extends Column<Row> {
  override peek(row: Row, k = 0): number {
    this.mem.looks?.(this.at(row, k));
    return super.peek(row, k);
  }
  override own(row: Row, k = 0): number {
    this.mem.looks?.(this.at(row, k));
    return super.own(row, k);
  }
  override cached(row: Row, k = 0): number {
    this.mem.record?.consults(this.at(row, k));
    return super.cached(row, k);
  }
}
