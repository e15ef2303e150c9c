/**
 * What a conviction turns on: the losing access, the TLB fill it went through, the page-table change that should have been
 * followed by a flush, and whether any message of that flush was on its way.
 */
import { PTE_NX, PTE_P, PTE_RW, PTE_US, ptePfn, ptePresent } from '../hardware/pte.ts';
import { VECTOR_CALL_FUNCTION, VECTOR_DEVICE } from '../hardware/types.ts';
import { OP, type OpKind, opName } from '../oracle/oracle.ts';
import type { Op } from '../program/program.ts';
import type { Event, StepPlace } from './happening.ts';
import type { Names } from './names.ts';
import { FilePage, isFileStore } from './narrative-file.ts';
import type { Recording } from './recording.ts';

/** Operations that move no memory: told only when they belong to the tasks that matter. */
const MINOR: readonly Op['do'][] = ['load', 'store', 'fetch', 'touch', 'compute'];
const LAST_PLACES = 10;
/** Calls behind which what others have written is to be seen. */
const SHOWING: readonly OpKind[] = [OP.open, OP.lock, OP.directWrite, OP.notifyinval];

function shows(op: Op, file: string): boolean {
  const drops = op.do === 'open' || op.do === 'lock' || op.do === 'notifyinval' || (op.do === 'write' && op.direct);
  return drops === true && op.file === file;
}

export class Culprit {
  /** The history alone convicts. */
  sequential = false;
  /** The CPU whose access loses. */
  cpu = 0;
  vpn = -1;
  mm = -1;
  /** The frame, or table, that the losing access reached; -1 if none. */
  pfn = -1;
  /** Capitals: `STALE READ`. */
  label = '';
  losing: Event | undefined = undefined;
  fill: Event | undefined = undefined;
  /** The change of the page tables that ended the translation: a flush was owed from there on. */
  ended: Event | undefined = undefined;
  /** The operation that made it. */
  endedBy: Event | undefined = undefined;
  /** Its return. */
  returned: Event | undefined = undefined;
  /** The operation that stored what the losing access does not see, if it sees something older. */
  writer: (Event & { is: 'op' }) | undefined = undefined;
  /** If that was another client: the open or lock, and its return, behind which this machine must see it. */
  shownBy: (Event & { is: 'op' }) | undefined = undefined;
  shown: Event | undefined = undefined;
  /** Of an inversion: the load that has seen something newer before. */
  seen: Event | undefined = undefined;
  /** What the translation showed, if that was a page of a file. */
  filePage: FilePage | undefined = undefined;
  /** Where the story starts: events before this index are not told. */
  private from = 0;

  constructor(readonly events: readonly Event[]) {}

  /** Looks for the change that ended the translation through which `by` went, and for who made it. */
  trace(by: Event | undefined): void {
    const { events } = this;
    const to = by ? events.indexOf(by) : events.length;
    const fillAt = this.lastIndex(to, (e) => e.is === 'fill' && e.cpu === this.cpu && e.vpn === this.vpn);
    if (fillAt >= 0) this.fill = events[fillAt];
    this.filePage ??= FilePage.in(events, this.heldPfn(), fillAt >= 0 ? fillAt : to);
    // the last one that took away what the entry still holds: one before it (the fork before an munmap) took less
    const endedAt = this.lastIndex(to, (e, i) => i > fillAt && this.ends(e));
    if (endedAt < 0) {
      this.from = Math.max(0, fillAt);
      return;
    }
    this.ended = events[endedAt];
    const { task } = this.ended;
    const opAt = this.lastIndex(endedAt + 1, (e) => e.is === 'op' && e.task === task);
    if (opAt >= 0) this.endedBy = events[opAt];
    const name = this.endedBy?.is === 'op' ? this.endedBy.op.do : '';
    this.returned = events.find(
      (e, i) => i > endedAt && e.is === 'returns' && e.task === task && opName(e.kind) === name,
    );
    this.from = fillAt >= 0 ? Math.min(fillAt, opAt >= 0 ? opAt : endedAt) : 0;
  }

  /** An access by a reference convicts, and no translation: the story begins with the call. */
  startsWith(held: Event): void {
    this.from = this.lastIndex(this.events.indexOf(held), (e) => e.is === 'op' && e.task === held.task);
  }

  /** No access convicts, but what is missing afterwards: the story is that of the store that was lost, or left no mark. */
  loses(store: Event | undefined): void {
    if (store?.is === 'access') {
      this.cpu = store.cpu;
      this.vpn = store.vpn;
      this.mm = store.mm;
      this.pfn = store.pfn;
    }
    this.trace(store);
  }

  /**
   * The write of another client is to be seen since an open, a lock, a direct write or a notification of that file returned,
   * the last one before the end.
   */
  isShown(): void {
    if (this.writer?.op.do !== 'remote') return;
    const { file } = this.writer.op;
    const calls = this.events.filter((e) => e.is === 'op' && shows(e.op, file));
    for (const call of calls.reverse()) {
      const after = this.events.slice(this.events.indexOf(call) + 1);
      this.shown = after.find((e) => e.is === 'returns' && e.task === call.task && SHOWING.includes(e.kind));
      this.shownBy = call as Event & { is: 'op' };
      if (this.shown) return;
    }
  }

  /** Does the event belong to the story? */
  concerns(e: Event): boolean {
    if (e === this.losing || e === this.seen) return true;
    if (this.filePage?.concerns(e) && this.isAfterStart(e)) return true;
    const samePage = 'vpn' in e && e.vpn === this.vpn;
    switch (e.is) {
      case 'op':
        return !MINOR.includes(e.op.do) && !this.isToldByStore(e);
      case 'access':
      case 'held':
        return e.pfn === this.pfn || (samePage && e.mm === this.mm);
      case 'pte':
        return (
          (samePage && e.mm === this.mm) ||
          (this.pfn > 0 && ptePresent(e.newLo) && ptePfn(e.newLo as never) === this.pfn)
        );
      case 'fill':
        return samePage && e.cpu === this.cpu;
      case 'table':
      case 'freed':
        return e.pfn === this.pfn && this.isAfterStart(e);
      case 'handed-out':
        return e.pfn === this.pfn && this.isAfterStart(e);
      case 'swap':
        return e.pfn === this.endedPfn() && this.isAfterStart(e);
      case 'send':
        // that of a device is what its operation says
        return e.vector !== VECTOR_DEVICE && this.owesFlush(e) && (e.to === this.cpu || e.cpu === this.ended?.cpu);
      case 'deliver':
        if (e.vector === VECTOR_DEVICE) return true;
        return this.owesFlush(e) && e.cpu === this.cpu && e.vector === VECTOR_CALL_FUNCTION;
      case 'drop':
        return samePage && this.isAfterStart(e);
      case 'hardware':
        // what it did shows as a fill or a drop in the same step
        return (
          e.cpu === this.cpu &&
          this.events.some((f) => f.step === e.step && (f.is === 'fill' || f.is === 'drop') && f.vpn === this.vpn)
        );
      case 'switch':
        return e.cpu === this.cpu && this.isAfterStart(e);
      case 'probe':
      case 'signal':
      case 'pagemap':
        return samePage;
      case 'returns':
        return e === this.returned || e === this.shown;
      default:
        return false;
    }
  }

  /** The flush that was owed: by whom, since when, to whom, and what became of it. */
  owed(names: Names): string {
    const { ended, endedBy } = this;
    if (!ended) return '';
    const what = endedBy?.is === 'op' ? names.op(endedBy.op) : 'an operation';
    const since = this.fill ? ` holds ${names.page(this.vpn)} -> pfn ${this.heldPfn()}` : '';
    const stamp = (e: Event): string => (e.concurrent || this.sequential ? `step ${e.step}` : 'the history');
    const filled = this.fill ? ` since ${stamp(this.fill)}` : '';
    const debtor = `${what} (${names.task(ended.task)} on CPU${ended.cpu}, ${stamp(ended)}) owed`;
    const page = names.page(this.vpn);
    if (this.cpu < 0) return `${debtor} a flush of ${page} to every CPU that had it cached`;
    return `${debtor} CPU${this.cpu} a flush of ${page}; CPU${this.cpu}${since}${filled}; ${this.message()}`;
  }

  /** The last steps of every CPU, for harms without a losing access. */
  lastPlaces(recording: Recording): { step: number; place: StepPlace }[] {
    const steps = recording.places.map((place, step) => ({ step, place }));
    return steps.slice(-LAST_PLACES).filter(({ place }) => place.word !== '(nothing)' || place.label !== '(start)');
  }

  private message(): string {
    const after = this.events.slice(this.events.indexOf(this.ended!) + 1);
    const sent = after.find((e) => e.is === 'send' && e.to === this.cpu && e.vector === VECTOR_CALL_FUNCTION);
    if (this.cpu === this.ended?.cpu) return 'it did not flush its own entry';
    if (!sent) return 'no IPI was sent to it';
    const taken = after.find((e) => e.is === 'deliver' && e.cpu === this.cpu && after.indexOf(e) > after.indexOf(sent));
    if (!taken) return `the IPI of step ${sent.step} was not delivered yet`;
    return `the IPI of step ${sent.step} was delivered in step ${taken.step} and did not flush it`;
  }

  /** A write to the page of the file that was shown: the line of the word it stores tells it. */
  private isToldByStore(e: Event): boolean {
    if (e.is !== 'op' || (e.op.do !== 'write' && e.op.do !== 'remote' && e.op.do !== 'notifystore')) return false;
    const later = this.events.slice(this.events.indexOf(e) + 1);
    const next = later.find((f) => f.task === e.task && (f.is === 'op' || isFileStore(f)));
    return next !== undefined && isFileStore(next) && this.filePage?.concerns(next) === true;
  }

  /** The frame that the translation led to before it was ended. */
  private endedPfn(): number {
    return this.ended?.is === 'pte' ? ptePfn(this.ended.oldLo as never) : this.heldPfn();
  }
  private heldPfn(): number {
    return this.fill?.is === 'fill' ? this.fill.pfn : this.pfn;
  }

  private ends(e: Event): boolean {
    if (e.is === 'table') return !e.linked && e.pfn === this.pfn;
    if (e.is !== 'pte' || e.vpn !== this.vpn || e.mm !== this.mm || !ptePresent(e.oldLo)) return false;
    const rights = PTE_P | PTE_RW | PTE_US;
    if (this.fill && ptePfn(e.oldLo as never) !== this.heldPfn()) return false;
    const narrowed = (e.oldLo & rights & ~e.newLo) !== 0 || (~e.oldHi & e.newHi & PTE_NX) !== 0;
    return narrowed || ptePfn(e.oldLo as never) !== ptePfn(e.newLo as never);
  }

  private isAfterStart(e: Event): boolean {
    return this.events.indexOf(e) >= this.from;
  }
  private owesFlush(e: Event): boolean {
    return this.ended !== undefined && this.events.indexOf(e) > this.events.indexOf(this.ended);
  }
  private lastIndex(before: number, wanted: (e: Event, i: number) => boolean): number {
    for (let i = before - 1; i >= 0; i--) if (wanted(this.events[i], i)) return i;
    return -1;
  }
}
