/** Pages that get_user_pages() holds: what may be found there and what may not; tables that a lockless walk reads. */
import { describe, expect, it } from 'vitest';
import { type AccessKind, LOAD, type Pfn, STORE, type Vpn } from '#tlblab/hardware/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { OracleMachine, R, RW } from './machine.ts';

const page3 = { from: 3, pages: 1 };
const READ = page3;
const WRITE = { ...page3, rights: 2 };

/** CPU `id` reads the entry of page 3 in a call that has begun: it leads to `pfn`. */
function follow(m: OracleMachine, id: number, pfn: number): void {
  m.oracle.pageFollowed(m.cpus[id], 0, pfn as Pfn);
}
/** The access through the direct map, by the reference. */
function use(m: OracleMachine, id: number, pfn: number, kind: AccessKind = LOAD, stored = 0): void {
  const word = m.columns.frame.words.at(pfn as Pfn, 0);
  if (kind === STORE) m.poke(word, stored);
  const at = { vpn: 3 as Vpn, pfn: pfn as Pfn, word: 0 };
  m.oracle.heldAccessed(m.cpus[id], 0, at, kind, m.mem.words[word]);
}
/** The pages of a machine on which CPU 0 and 1 share an address space; page 3 holds 7, or 8 in a frame aside. */
function two(rights = RW): { m: OracleMachine; pfn: number; aside: number } {
  const m = new OracleMachine([1, 1, 2]);
  const [pfn] = m.mapped(0, 1, 3, 1, rights);
  if (rights === RW) m.store(0, 3, 7);
  return { m, pfn, aside: m.frame() };
}

describe('a page that is held', () => {
  it('may be unmapped meanwhile, and be given to nobody else', () => {
    for (const reused of [false, true]) {
      const { m, pfn } = two();
      m.begin(1, OP.gup, READ);
      follow(m, 1, pfn);
      m.call(0, OP.madvise, page3, () => {
        m.unmap(0, 1, 3);
        m.flush(3);
      });
      if (reused) {
        m.free(pfn as Pfn);
        m.frame(0, undefined, pfn);
      }
      use(m, 1, pfn);
      expect(m.harm()).toBe(reused ? 'frame-reuse' : undefined);
    }
  });

  it('may have been used again before the entry was read for the last time', () => {
    const { m, pfn } = two();
    m.begin(1, OP.gup, READ);
    follow(m, 1, pfn);
    m.call(0, OP.madvise, page3, () => {
      m.unmap(0, 1, 3);
      m.flush(3);
      m.free(pfn as Pfn);
      m.frame(0, undefined, pfn);
      m.map(0, 1, 3, pfn as Pfn);
    });
    follow(m, 1, pfn);
    use(m, 1, pfn);
    expect(m.harm()).toBeUndefined();
  });

  it('holds what the word holds, unless something has changed it since the call began', () => {
    for (const changes of [false, true]) {
      const { m, aside } = two();
      m.begin(1, OP.gup, READ);
      follow(m, 1, aside);
      if (changes) m.store(0, 3, 8);
      use(m, 1, aside);
      expect(m.harm()).toBe(changes ? undefined : 'lost-write');
    }
  });

  it('never holds what others have stored, whatever happens meanwhile', () => {
    const { m } = two();
    const [other] = m.mapped(2, 2, 3);
    m.store(2, 3, 9);
    m.begin(1, OP.gup, READ);
    follow(m, 1, other);
    m.call(0, OP.madvise, page3);
    use(m, 1, other);
    expect(m.harm()).toBe('isolation');
  });

  it('may be what moves to the page, or was there before', () => {
    const { m } = two();
    const [other] = m.mapped(0, 1, 5);
    m.store(0, 5, 9);
    m.begin(1, OP.gup, READ);
    follow(m, 1, other);
    m.begin(0, OP.mremap, { from: 5, to: 3, toPages: 1 });
    use(m, 1, other);
    expect(m.harm()).toBeUndefined();
  });

  it('is not got without the right to it', () => {
    for (const kind of [LOAD, STORE] as const) {
      for (const narrows of [false, true]) {
        const { m, pfn } = two(narrows ? RW : R);
        m.begin(1, OP.gup, kind === STORE ? WRITE : READ);
        follow(m, 1, pfn);
        // what was allowed when the call began may be done until it returns
        if (narrows) m.call(0, OP.mprotect, { ...page3, rights: R });
        use(m, 1, pfn, kind, 8);
        expect(m.harm()).toBe(kind === STORE && !narrows ? 'rights-bypass' : undefined);
      }
    }
  });
});

describe('a write to a page that is held', () => {
  const wrote = (before: (m: OracleMachine) => void = () => {}) => {
    const { m, pfn } = two();
    m.begin(1, OP.gup, WRITE);
    follow(m, 1, pfn);
    before(m);
    use(m, 1, pfn, STORE, 8);
    m.end(1, 1);
    return { m, pfn };
  };

  it('may be seen', () => {
    const { m } = wrote();
    expect(m.load(0, 3)).toBe(8);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
  });

  it('may be lost', () => {
    const { m, pfn } = wrote();
    m.poke(m.columns.frame.words.at(pfn as Pfn, 0), 7);
    expect(m.load(0, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
  });

  it('is not seen again behind a store that began when the call had returned', () => {
    const { m, pfn } = wrote();
    m.store(0, 3, 9);
    m.poke(m.columns.frame.words.at(pfn as Pfn, 0), 8);
    m.load(0, 3);
    expect(m.harm()).toBe('lost-write');
  });

  it('may turn up in a child that was forked since the call began, and in no other address space', () => {
    for (const forks of [true, false]) {
      const { m, pfn } = wrote((machine) => {
        if (!forks) return;
        machine.begin(0, OP.fork);
        machine.newRoot(0, 3);
        machine.end(0, 3, 3);
        machine.enter(2, 3);
      });
      if (!forks) m.mapped(2, 2, 3, 0);
      m.map(2, forks ? 3 : 2, 3, pfn as Pfn);
      expect(m.load(2, 3)).toBe(8);
      expect(m.harm()).toBe(forks ? undefined : 'isolation');
    }
  });
});

describe('a walk without locks', () => {
  it('must not read a table that has gone back, or came back as something else', () => {
    for (const comesBack of [undefined, false, true]) {
      const m = new OracleMachine([1]);
      m.mapped(0, 1, 3);
      const table = m.table(0, 1, 3);
      m.begin(0, OP.gup, READ);
      m.oracle.softWalkDescends(m.cpus[0], 1, table);
      if (comesBack !== undefined) m.free(table);
      if (comesBack) m.frame(0, undefined, table);
      m.oracle.softWalkReads(m.cpus[0], 1, table, 3 as Vpn);
      expect(m.harm()).toBe(comesBack === undefined ? undefined : 'table-reuse');
    }
  });
});
