/**
 * The page of a file that the losing translation showed: what happens to it elsewhere (another frame in the page cache, a
 * write, a store through a mapping of another address space) is why what the translation shows is wrong.
 */
import { LOAD, STORE } from '../hardware/types.ts';
import type { Event } from './happening.ts';
import type { Names } from './names.ts';

export class FilePage {
  private constructor(
    private readonly events: readonly Event[],
    readonly file: number,
    readonly index: number,
  ) {}

  /** The page that the page cache holds in `pfn` before event `before`; undefined if it holds none there. */
  static in(events: readonly Event[], pfn: number, before: number): FilePage | undefined {
    for (let i = before - 1; i >= 0; i--) {
      const e = events[i];
      if (e.is !== 'slot') continue;
      if (e.now === pfn) return new FilePage(events, e.file, e.index);
      if (e.was === pfn) return undefined;
    }
    return undefined;
  }

  /** That page, wherever it lies. */
  static at(events: readonly Event[], { file, index }: { file: number; index: number }): FilePage {
    return new FilePage(events, file, index);
  }

  /** The last load of that word of the page that returned something else than `value`. */
  lastSight(word: number, value: number): Event | undefined {
    const frames = this.frames();
    return this.events.findLast(
      (e) => e.is === 'access' && e.kind === LOAD && e.word === word && e.value !== value && frames.has(e.pfn),
    );
  }

  /** The last store to that word of the page that left something else than `value`. */
  lastStore(word: number, value: number): Event | undefined {
    const frames = this.frames();
    return this.events.findLast(
      (e) =>
        'word' in e &&
        e.word === word &&
        e.value !== value &&
        ((isFileStore(e) && this.concerns(e)) || (e.is === 'access' && e.kind === STORE && frames.has(e.pfn))),
    );
  }

  /** Does the event change the page, or where it lies? */
  concerns(e: Event): boolean {
    if (isFileStore(e)) return e.file === this.file && e.index === this.index;
    return this.isSlot(e) || this.isStore(e);
  }

  /** All frames in which the page cache has had it. */
  private frames(): ReadonlySet<number> {
    return new Set(this.events.map((e) => (this.isSlot(e) ? e.now : -1)).filter((pfn) => pfn > 0));
  }

  private isSlot(e: Event): e is Event & { is: 'slot' } {
    return e.is === 'slot' && e.file === this.file && e.index === this.index;
  }

  /** `f[0] is 2 since step 9`: the last store to that word of the page before the losing access; '' if there is none. */
  since(word: number, names: Names): string {
    const changes = (e: Event) => (isFileStore(e) && this.concerns(e)) || this.isStore(e);
    const last = this.events.findLast((e) => changes(e) && 'word' in e && e.word === word);
    if (!last?.concurrent || !('value' in last)) return '';
    return `${names.fileWord(this.file, this.index, word)} is ${names.value(last.value)} since step ${last.step}`;
  }

  /** A store to the frame that holds the page at that time, whoever maps it. */
  isStore(e: Event): boolean {
    return e.is === 'access' && e.kind === STORE && e.pfn === this.frameAt(this.events.indexOf(e));
  }

  private frameAt(index: number): number {
    for (let i = index - 1; i >= 0; i--) {
      const e = this.events[i];
      if (this.isSlot(e)) return e.now;
    }
    return -1;
  }
}

/** By write(2), or by another client at the server. */
export function isFileStore(e: Event): e is Event & { is: 'file-store' | 'server-store' } {
  return e.is === 'file-store' || e.is === 'server-store';
}
