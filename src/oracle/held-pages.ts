/**
 * Pages that the kernel holds by a reference from get_user_pages() and accesses through the direct map. Not guaranteed by Linux,
 * and so never asked for: that such a page is still the one that is mapped. It may have been unmapped, truncated, copied, moved
 * with its mapping; a fork may have made it the child's. What is asked for: that it is the page that the entry led to when it
 * was read last; that some right allowed the access; and, of a word that nothing has changed since the call began, its value.
 */
import { type AccessKind, type Pfn, STORE } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { HeldWord } from '../kernel/observer.ts';
import { type MmId, type TaskId, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import { DirectWrites } from './direct-writes.ts';
import { type Ghost, type Harm, NO_ACCESS } from './ghost.ts';
import type { Operations } from './ops.ts';
import type { Rights } from './rights.ts';
import type { PageKey } from './tables.ts';

export class HeldPages {
  private readonly direct: DirectWrites;

  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
    private readonly rights: Rights,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {
    this.direct = new DirectWrites(ghost);
  }

  /** The entry of the `nth` page leads to `pfn`: to what that frame is now. */
  followed(task: TaskId, nth: number, pfn: Pfn): void {
    this.ghost.g.task.heldEpoch.put(task, this.ghost.g.frame.epoch.load(pfn), nth);
  }

  accessed(cpu: Cpu, nth: number, at: HeldWord, kind: AccessKind, value: number): void {
    const { g, checks, options } = this.ghost;
    const task = cpu.current;
    const convict = (harm: Harm, why: string): void => {
      const mm = g.task.mm.peek(task, this.ops.innermost(task)) as MmId;
      const says = `get_user_pages on CPU${cpu.id}: ${kind === STORE ? 'write to' : 'read of'} page ${at.vpn}, word ${at.word}, in frame ${at.pfn}: ${why}`;
      this.ghost.convict({ ...NO_ACCESS, harm, says, cpu: cpu.id, task, mm, vpn: at.vpn, word: at.word, kind, value });
    };
    if (checks.frames && g.frame.epoch.load(at.pfn) !== g.task.heldEpoch.peek(task, nth)) {
      convict('frame-reuse', 'the frame has a new owner since the entry was read');
    }
    if (options.threads) return;
    const depth = this.ops.innermost(task);
    const since = g.task.since.peek(task, depth);
    const page = this.ghost.pageKey(g.task.mm.peek(task, depth) as MmId, at.vpn);
    const shows = this.isKnown(page, since);
    const call = { op: this.ops.current(task), since, began: g.task.writesBefore.peek(task, depth) };
    if (checks.rights && shows) this.judgeRights(page, since, kind, convict);
    if (!checks.content) return;
    if (kind === STORE) this.stored(page, at.word, value, call);
    else if (shows) this.judgeRead(page, at.word, value, call, convict);
  }

  /** Has it been certain, since that ghost time, what the page shows? */
  private isKnown(page: PageKey, since: number): boolean {
    const { moving, movedAt } = this.ghost.g.mm;
    const mm = this.ghost.mmOf(page);
    if (moving.peek(mm) > 0 || movedAt.peek(mm) > since) return false;
    return this.backing.isKnownSince(page, since);
  }

  /** Has nothing discarded the page, or what it shows, since that ghost time? */
  private isKept(page: PageKey, since: number): boolean {
    return !this.content.discardedSince(page, since) && !this.content.discardedSince(this.backing.keyOf(page), since);
  }

  /** Rights that have not changed since the call began must allow the access. */
  private judgeRights(page: PageKey, since: number, kind: AccessKind, convict: Convict): void {
    const { max, changing } = this.rights.read(page);
    if (changing > 0 || this.ghost.g.page.changedAt.peek(page) > since) return;
    if ((max & (kind === STORE ? VM_WRITE : VM_READ)) !== 0) return;
    convict('rights-bypass', `no right to ${kind === STORE ? 'write' : 'read'} is in force`);
  }

  private judgeRead(page: PageKey, word: number, value: number, { began, since }: Begun, convict: Convict): void {
    const legality = this.content.judge(page, word, value);
    if (legality === 'legal') return;
    if (legality === 'foreign' && this.content.isForeign(page, value)) {
      const writer = this.content.writerOf(value);
      const whose = writer < 0 ? 'no program ever stored' : `was stored in ${this.ghost.ownerName(writer)}`;
      convict('isolation', `it finds ${value}, which ${whose}`);
      return;
    }
    const { word: w, page: p } = this.ghost.g;
    const key = this.backing.keyOf(page);
    const written = w.last.peek(this.ghost.wordKey(key, word)) > began;
    const changed = this.ghost.isFileKey(key) && p.changedAt.peek(key) > since;
    // what is held may have been dropped for something newer, which others have seen already
    const dropped = legality === 'below-seen' && (this.ghost.isRemote(key) || this.direct.mayDrop(key, since));
    if (written || changed || dropped || !this.isKept(page, since)) return;
    const why = `it finds ${value} although ${this.content.expected(page, word)} is what the word holds`;
    convict(legality === 'below-seen' ? 'inversion' : 'lost-write', why);
  }

  /**
   * The value may be seen from now on, and need not be: if the page is certainly still the one that is mapped, there; else
   * anywhere.
   */
  private stored(page: PageKey, word: number, value: number, { began, since, op }: Begun): void {
    const { forking, forkedAt } = this.ghost.g.mm;
    const mm = this.ghost.mmOf(page);
    const shared = forking.peek(mm) > 0 || forkedAt.peek(mm) > since;
    const key = this.backing.keyOf(page);
    // the folio of a remote file, or under a direct write, may be dropped as clean, whoever holds it, before whoever writes to
    // it has marked it dirty
    const drops = this.ghost.isRemote(key) || this.direct.mayDrop(key, since);
    const lost = shared || drops || !this.isKnown(page, since) || !this.isKept(page, since);
    if (lost) this.content.wild(value);
    else this.content.performed(key, word, value, began, op);
  }
}

type Convict = (harm: Harm, why: string) => void;

/** The call: its identity, ghost time at its begin, and the writes before it. */
interface Begun {
  readonly op: number;
  readonly since: number;
  readonly began: number;
}
