/**
 * Fork: a child starts with the content and the rights that its parent had at some moment between the begin of fork and
 * its first return. Fork returns twice: in the child that is when the child begins its first operation.
 */
import type { Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import type { Ghost } from './ghost.ts';
import { keepLegal } from './kept-words.ts';
import { OP, type Operations } from './ops.ts';
import type { Rights } from './rights.ts';
import type { WordKey } from './tables.ts';
import { ANYTHING, ZERO_LEGAL, ZERO_PENDING } from './zero.ts';

export class Children {
  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
    private readonly rights: Rights,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {}

  /** An address space gets its root table. Its row may have belonged to another one. */
  born(cpu: Cpu, mm: MmId): void {
    this.rights.forget(mm);
    if (!this.ghost.options.threads) this.forget(mm);
    const op = this.ops.kept(cpu.current);
    this.ghost.g.mm.fork.store(mm, this.ops.kindOf(op) === OP.fork ? op : 0);
  }

  /** A fork of `mm` begins. */
  forkBegins(mm: MmId): void {
    if (this.ghost.options.threads) return;
    const { forking } = this.ghost.g.mm;
    const others = forking.peek(mm);
    forking.put(mm, others + 1);
    keepLegal(this.ghost, this.firstWord(mm), this.words, others > 0);
  }

  forkEnds(mm: MmId, child: MmId): void {
    if (child !== 0) this.settle(child);
    const { forking, forkedAt } = this.ghost.g.mm;
    if (this.ghost.options.threads) return;
    forking.put(mm, forking.peek(mm) - 1);
    forkedAt.put(mm, this.ghost.tick());
  }

  /** The fork that made this address space has returned, in the child or in the parent. Does nothing the second time. */
  settle(child: MmId): void {
    const { mm: m, task: t } = this.ghost.g;
    const op = m.fork.peek(child);
    if (op === 0 || m.fork.cas(child, op, 0) !== op) return;
    const task: TaskId = this.ops.taskOf(op);
    const depth = this.ops.depthOf(op);
    const parent = t.mm.peek(task, depth) as MmId;
    const since = t.since.peek(task, depth);
    this.rights.copyToChild(parent, child, since);
    if (!this.ghost.options.threads) this.inherit(parent, child, since);
  }

  private inherit(parent: MmId, child: MmId, since: number): void {
    const { mm: m, word: w } = this.ghost.g;
    const { geometry } = this.ghost;
    // which of two places a word was at when it was copied is not followed
    const moved = m.moving.peek(parent) > 0 || m.movedAt.peek(parent) > since;
    let key = this.firstWord(parent);
    let copy = this.firstWord(child);
    for (let vpn = 0; vpn < geometry.pages; vpn++) {
      const page = this.ghost.pageKey(parent, vpn as Vpn);
      const discarded = this.content.discardedSince(page, since);
      this.backing.inherit(page, this.ghost.pageKey(child, vpn as Vpn), since, discarded);
      for (let k = 0; k < geometry.wordsPerPage; k++, key++, copy++) {
        const zero = moved ? ANYTHING : w.forkZero.peek(key);
        if (w.last.peek(key) !== 0) w.last.put(copy, w.last.peek(key));
        if (w.forkFloor.peek(key) !== 0) w.floor.put(copy, w.forkFloor.peek(key));
        // what discarded it may have been MADV_FREE, which takes effect later
        const open = zero !== ANYTHING && (discarded || w.zero.peek(key) === ZERO_PENDING);
        if (zero !== ZERO_LEGAL || open) w.zero.put(copy, open ? ZERO_PENDING : zero);
      }
    }
  }

  /** All words are zero. */
  private forget(mm: MmId): void {
    const { mm: m, page: p, word: w } = this.ghost.g;
    this.backing.forget(mm);
    m.forking.put(mm, 0);
    m.moving.put(mm, 0);
    const first = this.firstWord(mm);
    for (let key = first; key < first + this.words; key++) {
      if (w.last.peek(key) !== 0) w.last.put(key, 0);
      if (w.floor.peek(key) !== 0) w.floor.put(key, 0);
      if (w.seenFloor.peek(key) !== 0) w.seenFloor.put(key, 0);
      if (w.zero.peek(key) !== ZERO_LEGAL) w.zero.put(key, ZERO_LEGAL);
    }
    const page = this.ghost.pageKey(mm, 0 as Vpn);
    for (let i = page; i < page + this.ghost.geometry.pages; i++) {
      if (p.discarding.peek(i) !== 0) p.discarding.put(i, 0);
    }
  }

  private get words(): number {
    return this.ghost.geometry.pages * this.ghost.geometry.wordsPerPage;
  }
  private firstWord(mm: MmId): WordKey {
    return this.ghost.wordKey(this.ghost.pageKey(mm, 0 as Vpn), 0);
  }
}
