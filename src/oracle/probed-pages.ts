/**
 * Breakpoints that the kernel writes into pages which it makes private to their mapping. The write has returned when the call
 * has, where it is certain that the page has been the same since. What a page holds behind the removal of a probe is not
 * followed: it may be a copy still, or the file's again. Only for the stepper.
 */
import type { Vpn } from '../hardware/types.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import type { Ghost } from './ghost.ts';
import { OP, type Operations, type OpKind } from './ops.ts';
import { type PageKey, type WordKey, WRITES } from './tables.ts';

export class ProbedPages {
  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {}

  /** From now on a mapping of the page may have a copy of its own. `placed` keeps the time behind that. */
  begin(kind: OpKind, task: TaskId, depth: number): void {
    if (kind !== OP.uprobe) return;
    this.mayCopy(task, depth);
    const { task: t, global } = this.ghost.g;
    t.placed.put(task, global.clock.peek(0), depth);
  }

  end(kind: OpKind, task: TaskId, depth: number, result: number): void {
    if (kind !== OP.uprobe) return;
    const { task: t, write, global } = this.ghost.g;
    const before = t.writesBefore.peek(task, depth);
    const last = global.writes.peek(0);
    for (let seq = last; result >= 0 && seq > before && seq > last - WRITES; seq--) {
      const row = seq % WRITES;
      if (write.op.peek(row) !== t.op.peek(task, depth)) continue;
      const key = write.key.peek(row) as WordKey;
      const page = Math.floor(key / this.ghost.geometry.wordsPerPage) as PageKey;
      if (this.isSameSince(page, t.since.peek(task, depth), t.placed.peek(task, depth))) {
        this.content.returned(key, before);
      }
    }
    this.mayCopy(task, depth);
  }

  /** The kernel has written the word, of a page that the mapping alone has. */
  written(task: TaskId, mm: MmId, vpn: Vpn, word: number, value: number, isRegister: boolean): void {
    const { backing, ghost } = this;
    const page = ghost.pageKey(mm, vpn);
    const depth = this.ops.innermost(task);
    const moving = ghost.g.mm.moving.peek(mm) > 0;
    const known = !moving && backing.isPrivate(page) && !backing.isUnsure(page) && !backing.isChanging(page);
    if (!known) {
      // wherever it went, what it wrote over may be gone there
      this.content.wild(value);
      backing.becomesUnsure(page);
      return;
    }
    if (!isRegister) backing.blurOwn(page);
    const { writesBefore, op } = ghost.g.task;
    // what a removal restores is no more certain than the rest of the page
    const by = isRegister ? op.peek(task, depth) : 0;
    this.content.performed(page, word, value, writesBefore.peek(task, depth), by);
  }

  private isSameSince(page: PageKey, since: number, copied: number): boolean {
    const { moving, movedAt } = this.ghost.g.mm;
    const mm = this.ghost.mmOf(page);
    if (moving.peek(mm) > 0 || movedAt.peek(mm) > since) return false;
    return this.backing.isKnownSince(page, copied) && !this.content.discardedSince(page, since);
  }

  private mayCopy(task: TaskId, depth: number): void {
    const filePage = this.backing.probedBy(task, depth);
    this.backing.forPrivateOf(filePage, filePage + 1, (page) => this.backing.copies(page));
  }
}
