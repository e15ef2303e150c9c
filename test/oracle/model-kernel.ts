/**
 * A kernel that is trivially correct: each call does everything at one moment between its begin and its end, flushes every
 * TLB at once, and gives frames back afterwards. Single faults can be planted in it.
 */
import { LOAD, type Pfn, STORE } from '#tlblab/hardware/types.js';
import { OWNER_USER } from '#tlblab/kernel/observer.js';
import { type MmId, VM_READ, VM_WRITE } from '#tlblab/kernel/types.js';
import { OP, type OpKind } from '#tlblab/oracle/oracle.js';
import { OracleMachine, SIGSEGV } from './machine.ts';

export const FAULTS = [
  'others are not flushed',
  'frames are freed before the flush',
  'new frames are not cleared',
  'madvise keeps the page',
  'mremap drops the page',
  'fork copies nothing',
  'fork shares writable pages',
  'stores fault for ever',
] as const;
export type Fault = (typeof FAULTS)[number] | undefined;

/** One operation of a task, as data. Pages are 0 to 7. */
export interface ModelOp {
  do: 'load' | 'store' | 'mmap' | 'munmap' | 'mprotect' | 'madvise' | 'mremap' | 'fork' | 'exit';
  page: number;
  pages: number;
  to: number;
  toPages: number;
  word: number;
  writable: boolean;
  fixed: boolean;
}

interface Space {
  users: number;
  readonly rights: Map<number, number>;
}

const PAGES = 16;
const [ENOMEM, EFAULT, EAGAIN] = [-12, -14, -11];

export class ModelKernel {
  readonly m: OracleMachine;
  private readonly spaces = new Map<number, Space>();
  private readonly pool: Pfn[] = [];
  private readonly mm: number[];
  private values = 0;
  private pcids = 10;

  /** CPUs 0 and 1 share an address space; CPUs 2 and 3 wait for a fork. */
  constructor(private readonly fault: Fault) {
    this.m = new OracleMachine([1, 1, 0, 0], {}, { mms: 3 });
    this.mm = [1, 1, 0, 0];
    this.spaces.set(1, { users: 2, rights: new Map() });
    for (const id of [2, 3]) this.m.busy.add(id);
  }

  /** The phases of an operation; each is one moment. None if the task does not exist. */
  *perform(id: number, op: ModelOp): Generator<void, void, void> {
    if (this.mm[id] === 0) return;
    if (op.do === 'load' || op.do === 'store') {
      this.m.begin(id, op.do === 'load' ? OP.load : OP.store);
      yield;
      this.access(id, op);
      return;
    }
    const { m } = this;
    const mm = this.mm[id];
    const rights = op.writable ? VM_READ | VM_WRITE : VM_READ;
    const to = op.fixed ? op.to : -1;
    m.busy.add(id);
    m.begin(id, OP[op.do] as OpKind, {
      from: op.page,
      pages: op.pages,
      rights,
      to,
      toPages: op.toPages,
      fixed: op.fixed,
    });
    yield;
    const result = this.act(id, mm, op, rights);
    yield;
    // one that has exited stays in the kernel
    if (this.mm[id] !== 0) m.busy.delete(id);
    m.end(id, result, op.do === 'fork' && result > 0 ? result : 0);
  }

  private access(id: number, op: ModelOp): void {
    const { m } = this;
    const mm = this.mm[id];
    const kind = op.do === 'load' ? LOAD : STORE;
    const need = op.do === 'load' ? VM_READ : VM_WRITE;
    const value = ++this.values;
    while (!m.perform(id, op.page, op.word, kind, value)) {
      const rights = this.space(mm).rights.get(op.page) ?? 0;
      if ((rights & need) === 0 || (kind === STORE && this.fault === 'stores fault for ever')) {
        m.signal(id, op.page, SIGSEGV, kind);
        m.end(id, -1);
        return;
      }
      if (m.pte(mm, op.page) !== 0) throw new Error(`page ${op.page} is mapped and faults`);
      m.map(id, mm, op.page, this.newFrame(id), rights);
    }
    m.end(id);
  }

  private act(id: number, mm: number, op: ModelOp, rights: number): number {
    const { rights: of } = this.space(mm);
    const range = Array.from({ length: op.pages }, (_, i) => op.page + i);
    switch (op.do) {
      case 'mmap': {
        const at = op.fixed || this.isFree(mm, op.page, op.pages) ? op.page : this.area(mm, op.pages);
        if (at < 0) return ENOMEM;
        for (let i = 0; i < op.pages; i++) {
          this.zap(id, mm, at + i);
          of.set(at + i, rights);
        }
        return at;
      }
      case 'munmap':
        for (const vpn of range) this.drop(id, mm, vpn);
        return 0;
      case 'mprotect':
        for (const vpn of range) {
          if (!of.has(vpn)) return ENOMEM;
          of.set(vpn, rights);
          const pfn = this.m.unmap(id, mm, vpn);
          if (pfn === 0) continue;
          this.m.map(id, mm, vpn, pfn, rights);
          this.flush(id, vpn);
        }
        return 0;
      case 'madvise':
        for (const vpn of range) if (this.fault !== 'madvise keeps the page') this.zap(id, mm, vpn);
        return range.every((vpn) => of.has(vpn)) ? 0 : ENOMEM;
      case 'mremap':
        return this.mremap(id, mm, op);
      case 'fork':
        return this.fork(id, mm);
      case 'exit':
        this.exit(id, mm);
        return 0;
      default:
        throw new Error(`${op.do} is no call`);
    }
  }

  private mremap(id: number, mm: number, op: ModelOp): number {
    const { rights } = this.space(mm);
    const { page: from, pages, toPages } = op;
    const source = rights.get(from);
    for (let i = 0; i < pages; i++) if (source === undefined || rights.get(from + i) !== source) return EFAULT;
    let to = op.fixed ? op.to : from;
    if (op.fixed && to < from + pages && from < to + toPages) return EFAULT;
    if (!op.fixed && toPages > pages && !this.isFree(mm, from + pages, toPages - pages)) to = this.area(mm, toPages);
    if (to < 0) return ENOMEM;
    for (let i = 0; i < toPages; i++) if (to !== from) this.drop(id, mm, to + i);
    for (let i = 0; i < pages; i++) {
      if (i >= toPages || (to !== from && this.fault === 'mremap drops the page')) this.drop(id, mm, from + i);
      else if (to !== from) {
        const pfn = this.m.unmap(id, mm, from + i);
        rights.delete(from + i);
        this.flush(id, from + i);
        if (pfn !== 0) this.m.map(id, mm, to + i, pfn, source);
      }
    }
    for (let i = 0; i < toPages; i++) rights.set(to + i, source as number);
    return to;
  }

  private fork(id: number, mm: number): number {
    const { m } = this;
    const task = this.mm.findIndex((of, i) => of === 0 && i >= 2);
    const child = [2, 3].find((row) => !this.spaces.has(row));
    if (task < 0 || child === undefined) return EAGAIN;
    m.newRoot(id, child);
    this.spaces.set(child, { users: 1, rights: new Map(this.space(mm).rights) });
    for (const [vpn, rights] of this.space(mm).rights) {
      const pte = m.pte(mm, vpn);
      if (pte === 0 || this.fault === 'fork copies nothing') continue;
      const pfn = this.fault === 'fork shares writable pages' ? pte >>> 12 : this.newFrame(id);
      const words = m.columns.frame.words;
      for (let k = 0; k < m.geometry.wordsPerPage; k++) {
        m.poke(words.at(pfn as Pfn, k), words.peek((pte >>> 12) as Pfn, k));
      }
      m.map(id, child, vpn, pfn as Pfn, rights);
    }
    this.mm[task] = child;
    m.enter(task, child, this.pcids++);
    m.busy.delete(task);
    return child;
  }

  private exit(id: number, mm: number): void {
    const { m } = this;
    const space = this.space(mm);
    this.mm[id] = 0;
    m.poke(m.columns.tasks.mm.at(m.cpus[id].current), 0);
    m.leave(id);
    if (--space.users > 0) return;
    for (const vpn of [...space.rights.keys()]) this.drop(id, mm, vpn);
    m.poke(m.columns.mm.users.at(mm as MmId), 0);
    m.dropTables(id, mm);
    this.spaces.delete(mm);
  }

  private drop(id: number, mm: number, vpn: number): void {
    this.zap(id, mm, vpn);
    this.space(mm).rights.delete(vpn);
  }

  private zap(id: number, mm: number, vpn: number): void {
    const pfn = this.m.unmap(id, mm, vpn);
    if (pfn === 0) return;
    if (this.fault === 'frames are freed before the flush') {
      this.release(id, pfn);
      this.newFrame(id);
    }
    this.flush(id, vpn);
    if (this.fault !== 'frames are freed before the flush') this.release(id, pfn);
  }

  private flush(id: number, vpn: number): void {
    this.m.flush(vpn, this.fault === 'others are not flushed' ? [id] : [0, 1, 2, 3]);
  }

  private release(id: number, pfn: Pfn): void {
    // a page that a planted fault has shared is freed once
    if (this.pool.includes(pfn)) return;
    this.m.free(pfn, id);
    this.pool.push(pfn);
  }
  private newFrame(id: number): Pfn {
    const used = this.pool.pop();
    if (used === undefined) return this.m.frame(id, OWNER_USER);
    const { words } = this.m.columns.frame;
    const before = Array.from({ length: this.m.geometry.wordsPerPage }, (_, k) => words.peek(used, k));
    this.m.frame(id, OWNER_USER, used);
    if (this.fault === 'new frames are not cleared') {
      for (const [k, value] of before.entries()) this.m.poke(words.at(used, k), value);
    }
    return used;
  }

  private isFree(mm: number, from: number, pages: number): boolean {
    const { rights } = this.space(mm);
    return from + pages <= PAGES && Array.from({ length: pages }).every((_, i) => !rights.has(from + i));
  }
  private area(mm: number, pages: number): number {
    for (let at = 0; at + pages <= PAGES; at++) if (this.isFree(mm, at, pages)) return at;
    return -1;
  }
  private space(mm: number): Space {
    const space = this.spaces.get(mm);
    if (!space) throw new Error(`no address space ${mm}`);
    return space;
  }
}
