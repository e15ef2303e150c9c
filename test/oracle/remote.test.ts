/** Files of a server: when the write of another client must be seen, and when either value is right. */
import { describe, expect, it } from 'vitest';
import { LOAD, STORE, type Vpn } from '#tlblab/hardware/types.js';
import { PG_UPTODATE } from '#tlblab/kernel/mm/folio.js';
import { type FileId, VM_SHARED } from '#tlblab/kernel/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { FileMachine } from './file-machine.ts';
import { R, RW } from './machine.ts';

const quiet = { checks: { probe: false } };
/** The task that is the server's. */
const SERVER = 1;

class RemoteMachine extends FileMachine {
  constructor() {
    super([1, 1], quiet);
    this.poke(this.columns.inode.remote.at(1 as FileId), 1);
  }

  /** Another client's write: it is performed at once and answered at the end, before which `act` happens. */
  remote(value: number, word = 0, act: () => void = () => {}): void {
    this.begin(SERVER, OP.remote, { file: 1, from: 0 });
    this.performs(value, word);
    act();
    this.end(SERVER);
  }
  performs(value: number, word = 0): void {
    this.poke(this.diskWord(1, 0, word), value);
    this.oracle.fileStored(this.cpus[SERVER], 1 as FileId, 0, word, value);
  }
  /** The page cache is as new as the server. */
  refresh(): void {
    for (let word = 0; word < this.geometry.wordsPerPage; word++) {
      this.poke(this.columns.frame.words.at(this.folio(1, 0), word), this.disk(1, 0, word));
    }
  }
  /** The daemon of a FUSE file puts a word of its own into the page cache; with `result` below 0 only the daemon has it. */
  tells(value: number, word = 0, result = 0, act: () => void = () => {}): void {
    this.begin(SERVER, OP.notifystore, { file: 1, from: 0 });
    this.performs(value, word);
    act();
    this.end(SERVER, result);
  }
  asks(kind: typeof OP.open | typeof OP.lock | typeof OP.fsync, result = 0, act: () => void = () => {}): void {
    this.call(0, kind, { file: 1 }, () => {
      act();
      return result;
    });
  }
}

/** Page 3 shows the file, whose words were all zero when CPU 0 cached it. */
function shown(rights: number = R): RemoteMachine {
  const m = new RemoteMachine();
  m.mapFile(0, 1, 3, { rights });
  expect(m.load(0, 3)).toBe(0);
  return m;
}

/** What a load of the page, whose folio was never refreshed, is convicted of. */
function oldLoad(m: RemoteMachine): string | undefined {
  expect(m.load(0, 3)).toBe(0);
  return m.harm();
}

describe('the write of another client', () => {
  it.each(['open', 'lock'] as const)(
    'is owed to whoever comes behind an %s that began when it was answered',
    (call) => {
      const m = shown();
      m.remote(7);
      expect(oldLoad(m)).toBeUndefined();
      m.asks(OP[call]);
      expect(oldLoad(m)).toBe('lost-write');
    },
  );

  it('may be seen before, and no older one after that', () => {
    const m = shown();
    m.remote(7);
    m.refresh();
    expect(m.load(0, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), 0);
    expect(oldLoad(m)).toBe('inversion');
  });

  it('is not owed by an open that had begun before it was answered, that fails, or that is of another file', () => {
    const began = shown();
    began.asks(OP.open, 0, () => began.remote(7));
    expect(oldLoad(began)).toBeUndefined();

    const meanwhile = shown();
    meanwhile.remote(7, 0, () => meanwhile.asks(OP.open));
    expect(oldLoad(meanwhile)).toBeUndefined();

    const failed = shown();
    failed.remote(7);
    failed.asks(OP.open, -16);
    expect(oldLoad(failed)).toBeUndefined();

    const other = shown();
    other.remote(7);
    other.call(0, OP.open, { file: 2 });
    expect(oldLoad(other)).toBeUndefined();
    other.asks(OP.open);
    expect(oldLoad(other)).toBe('lost-write');
  });

  it('is owed in the order in which others wrote; of two at a time, either', () => {
    const inOrder = shown();
    inOrder.remote(7);
    inOrder.remote(8);
    inOrder.asks(OP.open);
    inOrder.poke(inOrder.columns.frame.words.at(inOrder.folio(1, 0), 0), 7);
    expect(inOrder.load(0, 3)).toBe(7);
    expect(inOrder.harm()).toBe('lost-write');

    const between = shown();
    between.remote(7);
    between.begin(SERVER, OP.remote, { file: 1, from: 0 });
    between.performs(8);
    between.asks(OP.open);
    between.poke(between.columns.frame.words.at(between.folio(1, 0), 0), 7);
    expect(between.load(0, 3)).toBe(7);
    expect(between.harm()).toBeUndefined();
  });

  it('is found missing at rest', () => {
    const m = shown();
    m.remote(7);
    m.asks(OP.open);
    m.oracle.readBack();
    expect(m.harm()).toBe('lost-write');
  });

  it('is owed by read(2), but by none that was in flight', () => {
    const m = shown();
    m.remote(7);
    m.begin(SERVER, OP.read, { file: 1, from: 0 });
    m.asks(OP.open);
    m.oracle.fileLoaded(m.cpus[SERVER], 1 as FileId, 0, 0, 0);
    m.end(SERVER);
    expect(m.harm()).toBeUndefined();
    m.reads(0, 1, 0, 0);
    expect(m.harm()).toBe('lost-write');
  });

  it('may have been seen by a load when read(2) returns what it had looked up', () => {
    const m = shown();
    m.remote(7);
    m.refresh();
    m.load(0, 3);
    m.reads(0, 1, 0, 0);
    expect(m.harm()).toBeUndefined();
  });

  it('of this machine, through a mapping, is owed by read(2) as well, but by none that had looked the page up before', () => {
    const m = shown(RW);
    m.store(0, 3, 5);
    m.begin(SERVER, OP.read, { file: 1, from: 0 });
    m.store(0, 3, 6);
    m.oracle.fileLoaded(m.cpus[SERVER], 1 as FileId, 0, 0, 5);
    m.end(SERVER);
    expect(m.harm()).toBeUndefined();
    m.begin(SERVER, OP.read, { file: 1, from: 0 });
    m.store(0, 3, 7);
    m.oracle.fileLoaded(m.cpus[SERVER], 1 as FileId, 0, 0, 5);
    m.end(SERVER);
    expect(m.harm()).toBe('lost-write');
  });
});

describe('where this machine writes to the file, too', () => {
  it('a page that could be dirty may undo the write of another client, in any of its words', () => {
    const m = shown(RW);
    m.store(0, 3, 5, 1);
    m.remote(7);
    m.asks(OP.open);
    m.asks(OP.open);
    expect(oldLoad(m)).toBeUndefined();
  });

  it('and so may one that became dirty before the open returned, or whose store is in flight', () => {
    const stored = shown(RW);
    stored.remote(7);
    stored.asks(OP.open, 0, () => stored.store(1, 3, 5, 1));
    expect(oldLoad(stored)).toBeUndefined();

    const written = shown();
    written.remote(7);
    written.begin(SERVER, OP.write, { file: 1, from: 0 });
    written.asks(OP.open);
    expect(oldLoad(written)).toBeUndefined();

    const faulting = shown(RW);
    faulting.remote(7);
    faulting.begin(SERVER, OP.store);
    faulting.faults(SERVER, 3, () => faulting.asks(OP.open));
    faulting.finish(SERVER, 3, 1, STORE, 5);
    expect(oldLoad(faulting)).toBeUndefined();

    const populated = shown();
    populated.remote(7);
    const rights = RW | VM_SHARED;
    populated.call(SERVER, OP.mmap, { from: 5, pages: 1, rights, fixed: true, populate: true, file: 1 }, () => 5);
    populated.asks(OP.open);
    expect(oldLoad(populated)).toBeUndefined();
  });

  it('a store to anonymous memory, or to a private copy, is none to the file', () => {
    const m = shown();
    m.mapFile(0, 1, 5, { shared: false });
    m.remote(7);
    m.storeCopy(0, 1, 5, 9);
    m.asks(OP.open);
    expect(oldLoad(m)).toBe('lost-write');
  });

  it('what was written back before is sent, and the next write of another client owed again', () => {
    const m = shown(RW);
    m.faults(0, 3);
    m.store(0, 3, 5, 1);
    m.asks(OP.fsync, 0, () => m.writeOut(1, 0));
    m.remote(7);
    m.asks(OP.open);
    expect(oldLoad(m)).toBe('lost-write');
  });

  it.each(['close', 'unlock', 'lock'] as const)('%s has sent what had returned before', (call) => {
    for (const sends of [true, false]) {
      const m = shown(RW);
      m.store(0, 3, 5);
      m.call(0, OP[call], { file: 1 }, () => {
        if (sends) m.writeOut(1, 0);
        return 0;
      });
      expect(m.harm()).toBe(sends ? undefined : 'lost-write');
      if (!sends) expect(m.oracle.violation?.says).toContain(`${call} has returned and the disk holds 0`);
    }
  });
});

describe('a page of it that is held by a reference', () => {
  it('may have been dropped: what is written to it may be lost, what is read from it old', () => {
    for (const kind of [STORE, LOAD] as const) {
      const m = shown(RW);
      const pfn = m.folio(1, 0);
      m.remote(7);
      m.begin(SERVER, OP.gup, { mm: 1, from: 3, pages: 1, rights: kind === STORE ? RW : R });
      m.oracle.pageFollowed(m.cpus[SERVER], 0, pfn);
      if (kind === STORE) m.poke(m.columns.frame.words.at(pfn, 0), 9);
      else {
        m.refresh();
        expect(m.load(0, 3)).toBe(7);
      }
      const at = { vpn: 3 as Vpn, pfn, word: 0 };
      m.oracle.heldAccessed(m.cpus[SERVER], 0, at, kind, kind === STORE ? 9 : 0);
      m.end(SERVER);
      if (kind === STORE) {
        expect(m.load(0, 3)).toBe(9);
        m.poke(m.columns.frame.words.at(pfn, 0), 0);
        expect(m.load(0, 3)).toBe(0);
      }
      expect(m.harm()).toBeUndefined();
    }
  });
});

describe('what the daemon of a FUSE file says', () => {
  it('is owed from the return of the notification on, of that word alone, and not if it failed', () => {
    const m = shown();
    m.remote(6, 1);
    m.tells(7);
    m.load(0, 3, 1);
    expect(m.harm()).toBeUndefined();
    expect(oldLoad(m)).toBe('lost-write');

    const flying = shown();
    flying.tells(7, 0, 0, () => expect(oldLoad(flying)).toBeUndefined());

    const failed = shown();
    failed.tells(7, 0, -12);
    expect(oldLoad(failed)).toBeUndefined();
  });

  it('is owed behind a page that was dropped since it changed, and not behind another', () => {
    const drop = (m: RemoteMachine, from: number) => m.call(0, OP.notifyinval, { file: 1, from, pages: 1 });
    const other = shown();
    other.remote(7);
    drop(other, 1);
    expect(oldLoad(other)).toBeUndefined();
    drop(other, 0);
    expect(oldLoad(other)).toBe('lost-write');
  });

  it('is read before read(2) returns it, if the folio is not up to date', () => {
    const m = new RemoteMachine();
    const folio = m.folio(1, 0);
    m.tells(7);
    m.poke(m.columns.folio.flags.at(folio), 0);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.folio.flags.at(folio), PG_UPTODATE);
    m.oracle.readBack();
    expect(m.harm()).toBe('lost-write');
  });
});
