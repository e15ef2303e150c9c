/** Direct I/O, holes and block devices: when what was written must be seen, and when either value is right. */
import { describe, expect, it } from 'vitest';
import { LOAD, STORE } from '#tlblab/hardware/types.js';
import { type FileId, VM_SHARED } from '#tlblab/kernel/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { FileMachine } from './file-machine.ts';
import { R, RW } from './machine.ts';

const OTHER = 1;
const FILE = 1 as FileId;

class DirectMachine extends FileMachine {
  constructor(blockdev = false) {
    super([1, 1], { checks: { probe: false } });
    if (blockdev) this.poke(this.columns.inode.blockdev.at(FILE), 1);
  }

  /** A direct write that drops the page, or fails to; `act` happens while it is in flight, behind its change of the disk. */
  direct(value: number, { word = 0, id = 0, result = 0, act = () => {} }: Partial<Write> = {}): void {
    this.call(id, OP.directWrite, { file: 1, from: 0, pages: 1 }, () => {
      this.toDisk(id, value, word);
      act();
      return result;
    });
  }
  toDisk(id: number, value: number, word = 0): void {
    this.poke(this.diskWord(1, 0, word), value);
    this.oracle.fileStored(this.cpus[id], FILE, 0, word, value);
  }
  /** Another host's, at a block device. */
  remote(value: number, act: () => void = () => {}): void {
    this.begin(OTHER, OP.remote, { file: 1, from: 0 });
    this.toDisk(OTHER, value);
    act();
    this.end(OTHER);
  }
  punches(act: () => void = () => {}): void {
    this.call(0, OP.punch, { file: 1, from: 0, pages: 1 }, () => {
      act();
      return 0;
    });
  }
  /** What a direct read that finds `value` is convicted of; `act` happens between its begin and that. */
  readsDirect(value: number, act: () => void = () => {}): string | undefined {
    this.call(0, OP.directRead, { file: 1, from: 0, pages: 1 }, () => {
      act();
      this.oracle.fileLoaded(this.cpus[0], FILE, 0, 0, value);
      return 0;
    });
    return this.harm();
  }
  /** The folio is as new as the disk. */
  refresh(): void {
    for (let word = 0; word < this.geometry.wordsPerPage; word++) {
      this.poke(this.columns.frame.words.at(this.folio(1, 0), word), this.disk(1, 0, word));
    }
  }
}

interface Write {
  word: number;
  id: number;
  result: number;
  act: () => void;
}

/** Page 3 shows the file, whose words were all zero when CPU 0 cached it. */
function shown(rights: number = R, blockdev = false): DirectMachine {
  const m = new DirectMachine(blockdev);
  m.mapFile(0, 1, 3, { rights });
  expect(m.load(0, 3)).toBe(0);
  return m;
}

/** What a load of the page, whose folio was never refreshed, is convicted of. */
function oldLoad(m: DirectMachine): string | undefined {
  expect(m.load(0, 3)).toBe(0);
  return m.harm();
}

describe('a direct write', () => {
  it('is to be seen once it has returned, and not before', () => {
    const m = shown();
    m.direct(7, { act: () => expect(oldLoad(m)).toBeUndefined() });
    expect(oldLoad(m)).toBe('lost-write');
  });

  it('is to be seen if the page was dirty before, for it wrote it back', () => {
    const m = shown(RW);
    m.store(0, 3, 5, 1);
    m.direct(7);
    expect(oldLoad(m)).toBe('lost-write');
  });

  it('overwrites what was written before, by direct write or write(2)', () => {
    const m = shown();
    m.direct(6);
    m.direct(7);
    m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), 6);
    expect(m.load(0, 3)).toBe(6);
    expect(m.harm()).toBe('lost-write');
  });

  it('need not be seen if it failed, or if the page could be dirty meanwhile', () => {
    const failed = shown();
    failed.direct(7, { result: -12 });
    expect(oldLoad(failed)).toBeUndefined();

    const stored = shown(RW);
    stored.direct(7, { act: () => stored.store(0, 3, 5, 1), id: OTHER });
    expect(oldLoad(stored)).toBeUndefined();

    const written = shown();
    written.begin(OTHER, OP.write, { file: 1, from: 0 });
    written.direct(7);
    expect(oldLoad(written)).toBeUndefined();

    const ended = shown();
    ended.direct(7, { act: () => ended.call(OTHER, OP.write, { file: 1, from: 0 }) });
    expect(oldLoad(ended)).toBeUndefined();

    const faulting = shown(RW);
    faulting.begin(OTHER, OP.store);
    faulting.faults(OTHER, 3, () => faulting.direct(7));
    faulting.finish(OTHER, 3, 1, STORE, 5);
    expect(oldLoad(faulting)).toBeUndefined();

    const populated = shown();
    const rights = RW | VM_SHARED;
    const map = { from: 5, pages: 1, rights, fixed: true, populate: true, file: 1 };
    populated.direct(7, { act: () => populated.call(OTHER, OP.mmap, map, () => 5) });
    expect(oldLoad(populated)).toBeUndefined();
  });

  it('of two at a time neither need be seen; a write to another file is none to this one', () => {
    const two = shown();
    two.direct(7, { act: () => two.direct(8, { id: OTHER }) });
    expect(oldLoad(two)).toBeUndefined();

    const other = shown();
    other.direct(7, { act: () => other.call(OTHER, OP.write, { file: 2, from: 0 }) });
    expect(oldLoad(other)).toBe('lost-write');
  });

  it('may have been seen and be lost again, if the page could be dirty', () => {
    const m = shown();
    m.direct(7, {
      act: () => {
        m.refresh();
        expect(m.load(0, 3)).toBe(7);
        m.call(OTHER, OP.write, { file: 1, from: 0 });
      },
    });
    m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), 0);
    expect(oldLoad(m)).toBeUndefined();
  });

  it('is found missing at rest', () => {
    const m = shown();
    m.direct(7);
    m.oracle.readBack();
    expect(m.harm()).toBe('lost-write');
  });
});

describe('a direct read', () => {
  it('finds what had returned when it began, and anything newer', () => {
    expect(shown().readsDirect(0)).toBeUndefined();
    const m = shown();
    m.direct(7);
    expect(m.readsDirect(7)).toBeUndefined();
    expect(m.readsDirect(0)).toBe('lost-write');
  });

  it('may miss a store through a mapping that returned meanwhile, but none before', () => {
    const meanwhile = shown(RW);
    expect(meanwhile.readsDirect(0, () => meanwhile.store(0, 3, 5))).toBeUndefined();
    const before = shown(RW);
    before.store(0, 3, 5);
    expect(before.readsDirect(0)).toBe('lost-write');
  });

  it('finds no word of another file', () => {
    const m = shown();
    m.mapFile(0, 1, 5, { file: 2, index: 0 });
    m.store(0, 5, 9);
    expect(m.readsDirect(9)).toBe('isolation');
  });
});

describe('a hole', () => {
  /** The word is 5 in the folio and was so when the hole was made. */
  function written(): DirectMachine {
    const m = shown(RW);
    m.store(0, 3, 5);
    return m;
  }

  it('takes away what had returned, and either value is right meanwhile', () => {
    const m = written();
    m.punches(() => expect(m.load(0, 3)).toBe(5));
    expect(m.harm()).toBeUndefined();
    expect(m.load(0, 3)).toBe(5);
    expect(m.harm()).toBe('lost-write');
  });

  it('reads as zero, but not for what was written behind it', () => {
    const m = written();
    m.punches();
    m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), 0);
    expect(oldLoad(m)).toBeUndefined();
    m.store(0, 3, 6);
    m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), 0);
    expect(oldLoad(m)).toBe('lost-write');
  });

  it('leaves a store that overlaps it open, and other pages alone', () => {
    const m = written();
    m.punches(() => m.store(0, 3, 6));
    for (const value of [0, 6]) {
      m.poke(m.columns.frame.words.at(m.folio(1, 0), 0), value);
      expect(m.load(0, 3)).toBe(value);
      expect(m.harm()).toBeUndefined();
    }
    const next = shown(RW);
    next.mapFile(0, 1, 5, { index: 1 });
    next.store(0, 5, 8);
    next.punches();
    next.poke(next.columns.frame.words.at(next.folio(1, 1), 0), 0);
    expect(next.load(0, 5)).toBe(0);
    expect(next.harm()).toBe('lost-write');
  });

  it('drops what is dirty before the blocks below go: who reads those meanwhile, or syncs, finds older ones', () => {
    const overlaps = (act: (m: DirectMachine) => void): string | undefined => {
      const m = written();
      m.call(0, OP.fsync, { file: 1 }, () => {
        m.writeOut(1, 0);
        return 0;
      });
      m.store(0, 3, 6);
      m.begin(OTHER, OP.punch, { file: 1, from: 0, pages: 1 });
      act(m);
      m.end(OTHER);
      return m.harm();
    };
    expect(overlaps((m) => m.call(0, OP.fsync, { file: 1 }))).toBeUndefined();
    expect(overlaps((m) => m.readsDirect(5))).toBeUndefined();
    const behind = written();
    behind.punches();
    behind.store(0, 3, 6);
    behind.call(0, OP.fsync, { file: 1 });
    expect(behind.harm()).toBe('lost-write');
  });

  it('leaves a private copy alone', () => {
    const m = shown();
    m.mapFile(0, 1, 5, { shared: false });
    m.storeCopy(0, 1, 5, 9);
    m.punches();
    expect(m.load(0, 5)).toBe(9);
    expect(m.harm()).toBeUndefined();
  });
});

describe("another host's write to a block device", () => {
  it('is owed behind a direct write to its page that began when it was done, not behind a dropped cache', () => {
    const m = shown(R, true);
    m.remote(7);
    m.call(0, OP.dropcache, { file: 1 });
    m.call(0, OP.fsync, { file: 1 });
    expect(oldLoad(m)).toBeUndefined();
    m.direct(8, { word: 1 });
    expect(oldLoad(m)).toBe('lost-write');
  });

  it('is not owed by one that began before, that failed, that may not have dropped the page, or of another page', () => {
    const began = shown(R, true);
    began.direct(8, { word: 1, act: () => began.remote(7) });
    expect(oldLoad(began)).toBeUndefined();

    const failed = shown(R, true);
    failed.remote(7);
    failed.direct(8, { word: 1, result: -28 });
    expect(oldLoad(failed)).toBeUndefined();

    const dirty = shown(RW, true);
    dirty.remote(7);
    dirty.direct(8, { word: 1, act: () => dirty.store(0, 3, 5, 2), id: OTHER });
    expect(oldLoad(dirty)).toBeUndefined();

    const beside = shown(R, true);
    beside.remote(7);
    beside.call(0, OP.directWrite, { file: 1, from: 1, pages: 1 });
    expect(oldLoad(beside)).toBeUndefined();
  });

  it('is owed again behind direct writes, which leave nothing dirty, but not behind a page that was', () => {
    const m = shown(R, true);
    m.direct(8, { word: 1 });
    m.remote(7);
    m.direct(9, { word: 1 });
    expect(oldLoad(m)).toBe('lost-write');

    const dirty = shown(RW, true);
    dirty.store(0, 3, 5, 1);
    dirty.remote(7);
    dirty.direct(9, { word: 1 });
    expect(oldLoad(dirty)).toBeUndefined();
  });
});

describe('a page held by a reference under a direct write', () => {
  it('may have been dropped: what others have seen since, it need not show', () => {
    const m = shown();
    const pfn = m.folio(1, 0);
    m.direct(7, {
      act: () => {
        m.begin(OTHER, OP.gup, { mm: 1, from: 3, pages: 1, rights: R });
        m.oracle.pageFollowed(m.cpus[OTHER], 0, pfn);
        m.refresh();
        expect(m.load(0, 3)).toBe(7);
        m.oracle.heldAccessed(m.cpus[OTHER], 0, { vpn: 3 as never, pfn, word: 0 }, LOAD, 0);
        m.end(OTHER);
      },
    });
    expect(m.harm()).toBeUndefined();
  });
});
