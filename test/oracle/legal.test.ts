/** What correct kernels do in races, and what must be acquitted therefore; beside each the nearest thing that is not legal. */
import { describe, expect, it } from 'vitest';
import { LOAD, STORE } from '#tlblab/hardware/types.js';
import { OWNER_TABLE } from '#tlblab/kernel/observer.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { OracleMachine, R, RW, SIGSEGV } from './machine.ts';

const page3 = { from: 3, pages: 1 };

/** CPU `id` takes page 3 away, flushes `flushed`, and maps a new page of zeros there. */
function renew(m: OracleMachine, flushed: readonly number[]): number {
  m.unmap(0, 1, 3);
  m.flush(3, flushed);
  const pfn = m.frame();
  m.map(0, 1, 3, pfn);
  return pfn;
}

describe('translations', () => {
  it('may be widened without a flush, and lead to windows of later operations only', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3, 1, R);
    expect(m.load(1, 3)).toBe(0);
    // ptep_modify_prot_start and _commit
    m.call(0, OP.mprotect, { ...page3, rights: RW }, () => m.map(0, 1, 3, m.unmap(0, 1, 3), RW));
    m.store(0, 3, 7);
    expect(m.load(1, 3)).toBe(7);
    expect(m.oracle.benignStale).toBe(0);
    m.begin(0, OP.madvise, page3);
    renew(m, [0]);
    m.store(0, 3, 8);
    expect(m.load(1, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
    expect(m.oracle.windows()).toMatchObject([{ path: 'madvise', count: 1 }]);
    m.flush(3);
    m.end(0);
    expect(m.load(1, 3)).toBe(8);
    expect(m.harm()).toBeUndefined();
  });
  it('are ended by a narrowing, even when the rights come back in another call', () => {
    const m = new OracleMachine([1, 1], { checks: { probe: false } });
    m.mapped(0, 1, 3);
    m.store(1, 3, 7);
    for (const rights of [R, RW]) {
      m.call(0, OP.mprotect, { ...page3, rights }, () => m.map(0, 1, 3, m.unmap(0, 1, 3), rights));
    }
    m.store(1, 3, 8);
    // stale, never flushed, and yet nobody can tell
    expect(m.oracle.benignStale).toBe(1);
    expect(m.load(0, 3)).toBe(8);
    expect(m.harm()).toBeUndefined();
  });
});

describe('rights', () => {
  it('allow success and fault while a call is in flight', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.load(1, 3);
    m.begin(0, OP.munmap, page3);
    m.unmap(0, 1, 3);
    m.begin(1, OP.load);
    m.signal(1, 3, SIGSEGV, LOAD);
    m.end(1, -1);
    m.flush(3);
    m.end(0);
    expect(m.harm()).toBeUndefined();
  });
  it('of a call that failed are those before or after', () => {
    const m = new OracleMachine([1, 1], { checks: { probe: false } });
    m.mapped(0, 1, 3);
    m.store(1, 3, 7);
    m.call(0, OP.mprotect, { ...page3, rights: R }, () => -12);
    m.begin(1, OP.store);
    m.signal(1, 3, SIGSEGV, STORE);
    m.end(1, -1);
    expect(m.harm()).toBeUndefined();
    m.begin(1, OP.load);
    m.signal(1, 3, SIGSEGV, LOAD);
    expect(m.harm()).toBe('wrong-fault');
  });
  it('are gone, perhaps, where a call that covers a mapping failed: it unmaps first', () => {
    for (const kind of [OP.mmap, OP.mremap]) {
      const m = new OracleMachine([1]);
      m.mapped(0, 1, 3);
      m.mapped(0, 1, 9);
      const args = kind === OP.mmap ? { ...page3, rights: RW, fixed: true } : { from: 9, to: 3, toPages: 1 };
      m.call(0, kind, args, () => -12);
      m.begin(0, OP.load);
      m.signal(0, 3, SIGSEGV, LOAD);
      expect(m.harm()).toBeUndefined();
    }
  });
  it('are uncertain after calls that overlapped, until one that is alone', () => {
    const m = new OracleMachine([1, 1, 1]);
    m.mapped(0, 1, 3);
    m.begin(0, OP.mprotect, { ...page3, rights: R });
    m.begin(1, OP.mprotect, { ...page3, rights: RW });
    m.end(0);
    m.end(1);
    m.begin(2, OP.store);
    m.signal(2, 3, SIGSEGV, STORE);
    m.end(2, -1);
    expect(m.harm()).toBeUndefined();
    m.call(0, OP.mprotect, { ...page3, rights: RW });
    m.begin(2, OP.store);
    m.signal(2, 3, SIGSEGV, STORE);
    expect(m.harm()).toBe('wrong-fault');
  });
  it('of mmap give way to an mprotect that came before mmap returned', () => {
    const m = new OracleMachine([1, 1]);
    m.begin(0, OP.mmap, { ...page3, rights: RW });
    m.call(1, OP.mprotect, { ...page3, rights: R });
    m.end(0, 3);
    m.begin(1, OP.store);
    m.signal(1, 3, SIGSEGV, STORE);
    expect(m.harm()).toBeUndefined();
  });
  it('move with mremap, and leave the old place', () => {
    const m = new OracleMachine([1]);
    m.mapped(0, 1, 3, 1, R);
    m.call(0, OP.mremap, { ...page3, to: 9, toPages: 2 }, () => 9);
    for (const [vpn, kind, harm] of [
      [3, LOAD, undefined],
      [9, STORE, undefined],
      [10, LOAD, 'wrong-fault'],
    ] as const) {
      m.begin(0, kind === LOAD ? OP.load : OP.store);
      m.signal(0, vpn, SIGSEGV, kind);
      m.end(0, -1);
      expect(m.harm()).toBe(harm);
    }
  });
  it('of a mapping that shrinks in place end behind the cut, and those of one that grows begin there', () => {
    for (const toPages of [1, 3]) {
      const m = new OracleMachine([1]);
      m.mapped(0, 1, 3, 2);
      m.call(0, OP.mremap, { from: 3, pages: 2, toPages }, () => 3);
      m.begin(0, OP.load);
      m.signal(0, 4, SIGSEGV, LOAD);
      expect(m.harm()).toBe(toPages === 1 ? undefined : 'wrong-fault');
      const n = new OracleMachine([1]);
      n.mapped(0, 1, 3, 2);
      n.call(0, OP.mremap, { from: 3, pages: 2, toPages }, () => 3);
      n.begin(0, OP.load);
      n.signal(0, 5, SIGSEGV, LOAD);
      expect(n.harm()).toBe(toPages === 1 ? undefined : 'wrong-fault');
    }
  });
});

describe('discarders', () => {
  it('let a word be old, new or zero until they return', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.load(1, 3);
    m.begin(0, OP.madvise, page3);
    renew(m, [0]);
    expect(m.load(0, 3)).toBe(0);
    expect(m.load(1, 3)).toBe(7);
    m.store(0, 3, 8);
    m.store(1, 3, 9);
    expect(m.load(0, 3)).toBe(8);
    m.flush(3);
    m.end(0);
    // the store of 9 went to the old page
    expect(m.load(1, 3)).toBe(8);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
    m.flush(3);
    renew(m, [0, 1]);
    // both stores overlapped the call: only the loads that saw one forbid the zero
    expect(m.load(0, 3)).toBe(0);
    expect(m.harm()).toBe('inversion');
  });
  it('are not undone by a stale load that finds the zero of the old page', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.load(1, 3);
    m.begin(0, OP.madvise, page3);
    renew(m, [0]);
    m.store(0, 3, 7);
    expect(m.load(1, 3)).toBe(0);
    m.flush(3);
    m.end(0);
    expect(m.load(0, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
  });
  it('that fail leave old and zero legal', () => {
    for (const zero of [false, true]) {
      const m = new OracleMachine([1]);
      m.mapped(0, 1, 3);
      m.store(0, 3, 7);
      m.call(0, OP.madvise, page3, () => {
        if (zero) renew(m, [0]);
        return -12;
      });
      expect(m.load(0, 3)).toBe(zero ? 0 : 7);
      expect(m.harm()).toBeUndefined();
    }
  });
  it('make every older value illegal once they have returned', () => {
    const m = new OracleMachine([1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.madvise, page3);
    expect(m.load(0, 3)).toBe(7);
    expect(m.harm()).toBe('lost-write');
  });
});

describe('stores that overlap', () => {
  it('may end in either order, but one that came later than both wins', () => {
    for (const last of [8, 9]) {
      const m = new OracleMachine([1, 1]);
      const [pfn] = m.mapped(0, 1, 3);
      m.store(0, 3, 7);
      m.begin(0, OP.store);
      m.begin(1, OP.store);
      m.finish(0, 3, 0, STORE, 8);
      m.finish(1, 3, 0, STORE, 9);
      m.poke(m.columns.frame.words.at(pfn, 0), last);
      expect(m.load(0, 3)).toBe(last);
      expect(m.harm()).toBeUndefined();
      m.poke(m.columns.frame.words.at(pfn, 0), 7);
      m.load(0, 3);
      expect(m.harm()).toBe('lost-write');
    }
  });
});

describe('mremap', () => {
  it('shows at the new place what has moved, whatever happens at the old one before it has returned', () => {
    for (const kind of [OP.munmap, OP.mmap]) {
      const m = new OracleMachine([1, 1]);
      const [pfn] = m.mapped(0, 1, 3);
      m.store(0, 3, 7);
      m.begin(0, OP.mremap, { ...page3, to: 9, toPages: 1 });
      m.unmap(0, 1, 3);
      m.flush(3);
      m.map(0, 1, 9, pfn);
      m.call(1, kind, kind === OP.mmap ? { ...page3, rights: RW, fixed: true } : page3, () => 3);
      expect(m.load(1, 9)).toBe(7);
      expect(m.harm()).toBeUndefined();
    }
  });
  const move = { from: 3, pages: 1, to: 9, toPages: 1 };
  const moved = (m: OracleMachine): void => {
    m.map(0, 1, 9, m.unmap(0, 1, 3));
    m.flush(3);
  };
  it('brings content along, which may be seen at both places while it is in flight', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.begin(0, OP.mremap, move);
    moved(m);
    expect(m.load(1, 9)).toBe(7);
    m.store(1, 9, 8);
    m.end(0, 9);
    expect(m.load(0, 9)).toBe(8);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
  });
  it('does not bring anything else along', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.mapped(0, 1, 5);
    m.store(0, 3, 7);
    m.store(0, 5, 6);
    m.begin(0, OP.mremap, move);
    m.map(0, 1, 9, m.unmap(0, 1, 5));
    m.flush(5);
    m.load(1, 9);
    expect(m.harm()).toBe('lost-write');
  });
  it('may not lose what was stored before', () => {
    const m = new OracleMachine([1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.mremap, move, () => {
      m.unmap(0, 1, 3);
      m.flush(3);
      m.map(0, 1, 9, m.frame());
      return 9;
    });
    expect(m.load(0, 9)).toBe(0);
    expect(m.harm()).toBe('lost-write');
  });
  it('leaves zero at untouched words and at a new mapping of the old place', () => {
    const m = new OracleMachine([1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.mremap, move, () => {
      moved(m);
      return 9;
    });
    m.mapped(0, 1, 3);
    expect(m.load(0, 3)).toBe(0);
    expect(m.load(0, 9, 1)).toBe(0);
    expect(m.load(0, 9)).toBe(7);
    expect(m.harm()).toBeUndefined();
  });
  it('that overlaps a discarder of the same page may have come before or after it', () => {
    for (const zero of [false, true]) {
      const m = new OracleMachine([1, 1]);
      m.mapped(0, 1, 3);
      m.store(0, 3, 7);
      m.begin(0, OP.mremap, move);
      m.call(1, OP.madvise, page3, () => {
        if (zero) renew(m, [0, 1]);
      });
      moved(m);
      m.end(0, 9);
      expect(m.load(1, 9)).toBe(zero ? 0 : 7);
      expect(m.harm()).toBeUndefined();
    }
  });
});

describe('fork', () => {
  /** A fork by CPU 0 in flight: the child is address space 2, on CPU 2, its page 3 copied. */
  const forking = (): OracleMachine => {
    const m = new OracleMachine([1, 1, 0]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.begin(0, OP.fork);
    m.newRoot(0, 2);
    copy(m);
    return m;
  };
  const copy = (m: OracleMachine): void => {
    const child = m.frame();
    for (let k = 0; k < m.geometry.wordsPerPage; k++) {
      const from = m.columns.frame.words.peek((m.pte(1, 3) >>> 12) as never, k);
      m.poke(m.columns.frame.words.at(child, k), from);
    }
    m.map(0, 2, 3, child);
  };
  it('gives a child what its parent had, before fork has returned in the parent and after', () => {
    for (const early of [true, false]) {
      const m = forking();
      m.enter(2, 2);
      if (!early) m.end(0, 2, 2);
      expect(m.load(2, 3)).toBe(7);
      if (early) m.end(0, 2, 2);
      expect(m.load(2, 3)).toBe(7);
      m.store(2, 3, 8);
      expect(m.load(2, 3)).toBe(8);
      expect(m.load(0, 3)).toBe(7);
      m.oracle.readBack();
      expect(m.harm()).toBeUndefined();
    }
  });
  it('copies a word as it was at some moment, whatever its parent stores meanwhile', () => {
    for (const late of [true, false]) {
      const m = forking();
      m.store(1, 3, 8);
      if (late) copy(m);
      m.end(0, 2, 2);
      m.enter(2, 2);
      expect(m.load(2, 3)).toBe(late ? 8 : 7);
      expect(m.load(0, 3)).toBe(8);
      expect(m.harm()).toBeUndefined();
    }
  });
  it('lets neither see what the other stores afterwards', () => {
    for (const reader of [0, 2]) {
      const m = forking();
      m.end(0, 2, 2);
      m.enter(2, 2);
      m.map(0, 2, 3, (m.pte(1, 3) >>> 12) as never);
      m.store(reader === 0 ? 2 : 0, 3, 8);
      m.load(reader, 3);
      expect(m.harm()).toBe('isolation');
    }
  });
  it('may not lose what the parent had stored before', () => {
    const m = forking();
    m.map(0, 2, 3, m.frame());
    m.end(0, 2, 2);
    m.enter(2, 2);
    expect(m.load(2, 3)).toBe(0);
    expect(m.harm()).toBe('lost-write');
  });
  it('copies what was discarded before it began as discarded, another fork in flight since before that or not', () => {
    const m = new OracleMachine([1, 1, 0]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.begin(0, OP.fork);
    m.call(1, OP.madvise, page3, () => {
      m.unmap(1, 1, 3);
      m.flush(3);
      return 0;
    });
    m.begin(1, OP.fork);
    m.newRoot(1, 2);
    m.end(1, 2, 2);
    m.enter(2, 2);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
  });
  it('copies rights of some moment', () => {
    const m = forking();
    m.call(1, OP.mprotect, { ...page3, rights: R });
    m.call(1, OP.mprotect, { ...page3, rights: RW });
    m.end(0, 2, 2);
    m.enter(2, 2);
    m.begin(2, OP.store);
    m.signal(2, 3, SIGSEGV, STORE);
    m.end(2, -1);
    expect(m.harm()).toBeUndefined();
    m.begin(1, OP.store);
    m.signal(1, 3, SIGSEGV, STORE);
    expect(m.harm()).toBe('wrong-fault');
  });
  it('starts afresh in a row that another address space has left', () => {
    const m = forking();
    m.end(0, 2, 2);
    m.enter(2, 2);
    m.store(2, 3, 8);
    m.call(2, OP.exit, {});
    m.enter(2, 1);
    m.poke(m.columns.tasks.mm.at(m.cpus[2].current), 0);
    m.free(m.root(2));
    m.begin(0, OP.fork);
    m.newRoot(0, 2);
    copy(m);
    m.end(0, 2, 2);
    m.enter(2, 2, 3);
    expect(m.load(2, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
  });
  it('does not disturb the other tasks of an address space when one exits', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.exit, {});
    expect(m.load(1, 3)).toBe(7);
    m.begin(1, OP.load);
    m.signal(1, 3, SIGSEGV, LOAD);
    expect(m.harm()).toBe('wrong-fault');
  });
});

describe('in threads', () => {
  it('judges frames, rights and address spaces, and leaves content alone', () => {
    const m = new OracleMachine([1, 1], { threads: true });
    const [pfn] = m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.load(1, 3);
    m.poke(m.columns.frame.words.at(pfn, 0), 0xbad);
    m.load(0, 3);
    expect(m.harm()).toBeUndefined();
    m.busy.add(0).add(1);
    m.call(0, OP.munmap, page3, () => m.unmap(0, 1, 3));
    m.load(1, 3);
    expect(m.harm()).toBe('rights-bypass');
  });
  it('stays silent while any change of rights is in flight', () => {
    const m = new OracleMachine([1, 1, 1], { threads: true });
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.load(1, 3);
    m.busy.add(0).add(1).add(2);
    m.begin(2, OP.munmap, page3);
    m.call(0, OP.munmap, page3, () => m.unmap(0, 1, 3));
    m.load(1, 3);
    expect(m.harm()).toBeUndefined();
    m.end(2);
    m.load(1, 3);
    // the calls overlapped, so what is in force is uncertain; what was mapped there is gone for certain
    expect(m.harm()).toBe('va-reuse');
  });
  it('convicts a frame that has a new owner and an entry of another address space', () => {
    const m = new OracleMachine([1, 2], { threads: true });
    const [pfn] = m.mapped(0, 1, 3);
    m.load(0, 3);
    m.free(pfn);
    m.frame(1, OWNER_TABLE, pfn);
    m.load(0, 3);
    expect(m.harm()).toBe('frame-reuse');
    const n = new OracleMachine([1], { threads: true });
    n.mapped(0, 1, 3);
    n.load(0, 3);
    n.enter(0, 2, 1);
    n.load(0, 3);
    expect(n.harm()).toBe('isolation');
  });
});
