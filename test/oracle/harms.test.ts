/** Each harm that the oracle convicts, made by hand; and beside it the correct order of the same events, acquitted. */
import { describe, expect, it } from 'vitest';
import { LOAD, type Pfn, STORE } from '#tlblab/hardware/types.js';
import { walkStart, walkStep } from '#tlblab/hardware/walker.js';
import { OWNER_TABLE, OWNER_USER } from '#tlblab/kernel/observer.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { OracleMachine, R, RW, SIGSEGV } from './machine.ts';

/** Two CPUs in one address space, page 3 mapped and stored to, its translation in the TLB of CPU 1. */
function shared(options = {}): { m: OracleMachine; pfn: Pfn } {
  const m = new OracleMachine([1, 1], options);
  const [pfn] = m.mapped(0, 1, 3);
  m.store(0, 3, 7);
  expect(m.load(1, 3)).toBe(7);
  return { m, pfn };
}

/** CPU 0 unmaps page 3 and flushes its own TLB only. */
function gone(m: OracleMachine): void {
  m.unmap(0, 1, 3);
  m.flush(3, [0]);
}

const munmap3 = { from: 3, pages: 1 };

describe('frame-reuse', () => {
  it('convicts an access to a frame that has a new owner, even while the unmap is in flight', () => {
    const { m, pfn } = shared();
    m.begin(0, OP.munmap, munmap3);
    m.unmap(0, 1, 3);
    m.free(pfn);
    m.frame(0, OWNER_USER, pfn);
    expect(m.harm()).toBeUndefined();
    m.load(1, 3);
    expect(m.harm()).toBe('frame-reuse');
  });
  it('acquits when the translation was flushed before', () => {
    const { m, pfn } = shared();
    m.begin(0, OP.munmap, munmap3);
    m.unmap(0, 1, 3);
    m.flush(3);
    m.free(pfn);
    m.frame(0, OWNER_USER, pfn);
    expect(m.load(1, 3)).toBeUndefined();
    m.end(0);
    expect(m.harm()).toBeUndefined();
  });
  it('does not convict a frame that is only free: it counts when it is handed out', () => {
    const { m, pfn } = shared();
    m.begin(0, OP.munmap, munmap3);
    m.unmap(0, 1, 3);
    m.free(pfn);
    m.load(1, 3);
    expect(m.harm()).toBeUndefined();
  });
});

describe('table-reuse', () => {
  const quiet = { checks: { probe: false } };
  const walkInto = (m: OracleMachine, act: (table: Pfn) => void): void => {
    const cpu = m.cpus[1];
    m.mem.beginStep(1, cpu.current, -1 as never);
    walkStart(cpu, 0, 3 as never);
    m.mem.beginStep(1, cpu.current, m.columns.frame.words.at(m.root(1), 0));
    walkStep(cpu, 0, LOAD);
    const table = m.table(0, 1, 3);
    act(table);
    m.mem.beginStep(1, cpu.current, m.columns.frame.words.at(table, 3 * 2));
    walkStep(cpu, 0, LOAD);
  };
  it('convicts a walk that reads a table which was freed meanwhile', () => {
    const { m } = shared(quiet);
    m.flush(3);
    walkInto(m, (table) => m.free(table));
    expect(m.harm()).toBe('table-reuse');
  });
  it('convicts a walk that reads a table which another address space was given', () => {
    const { m } = shared(quiet);
    m.flush(3);
    walkInto(m, (table) => {
      m.free(table);
      m.oracle.frameHandedOut(m.cpus[0], table, OWNER_TABLE);
    });
    expect(m.harm()).toBe('table-reuse');
  });
  it('convicts a pointer in the paging-structure cache that outlives its table', () => {
    const { m } = shared(quiet);
    m.mapped(0, 1, 4);
    const table = m.table(0, 1, 3);
    m.free(table);
    m.oracle.frameHandedOut(m.cpus[0], table, OWNER_TABLE);
    // page 4 is not in the TLB of CPU 1, the pointer to its table is
    m.load(1, 4);
    expect(m.harm()).toBe('table-reuse');
  });
  it('acquits walks of tables that are in use', () => {
    const { m } = shared();
    m.flush(3);
    walkInto(m, () => {});
    expect(m.harm()).toBeUndefined();
  });
});

describe('rights-bypass', () => {
  it('convicts a load after munmap has returned', () => {
    const { m } = shared({ checks: { probe: false } });
    m.call(0, OP.munmap, munmap3, () => void m.unmap(0, 1, 3));
    expect(m.harm()).toBeUndefined();
    expect(m.load(1, 3)).toBe(7);
    expect(m.oracle.violation).toMatchObject({ harm: 'rights-bypass', stale: true, probe: false, vpn: 3, cpu: 1 });
    expect(m.oracle.violation?.endedBy).toMatchObject({ op: OP.munmap, task: m.cpus[0].current });
  });
  it('convicts a store after mprotect to read-only has returned, and not a load', () => {
    for (const kind of [LOAD, STORE]) {
      const { m } = shared({ checks: { probe: false } });
      m.store(1, 3, 8);
      m.call(0, OP.mprotect, { ...munmap3, rights: R }, () => {
        const pfn = m.unmap(0, 1, 3);
        m.map(0, 1, 3, pfn, R);
      });
      if (kind === STORE) m.store(1, 3, 9);
      else m.load(1, 3);
      expect(m.harm()).toBe(kind === STORE ? 'rights-bypass' : undefined);
    }
  });
  it('is a window while the operation is in flight; strict convicts it', () => {
    for (const strict of [false, true]) {
      const { m } = shared({ strict });
      m.begin(0, OP.munmap, munmap3);
      m.unmap(0, 1, 3);
      m.load(1, 3);
      expect(m.harm()).toBe(strict ? 'rights-bypass' : undefined);
      expect(m.oracle.violation?.window ?? true).toBe(true);
      if (strict) continue;
      const [window] = m.oracle.windows();
      expect(window).toMatchObject({ path: 'munmap', count: 1 });
      expect(window.longestSteps).toBeGreaterThan(0);
      m.flush(3);
      m.end(0);
      expect(m.harm()).toBeUndefined();
    }
  });
  it('is covered by the operation that ended that version, not by a later one', () => {
    const { m } = shared({ checks: { probe: false } });
    m.call(0, OP.madvise, munmap3, () => {
      m.unmap(0, 1, 3);
      m.flush(3, [0]);
    });
    m.map(0, 1, 3, m.frame());
    m.store(0, 3, 8);
    m.begin(0, OP.munmap, munmap3);
    m.unmap(0, 1, 3);
    m.load(1, 3);
    // stale since madvise, which has returned and whose flush is missing
    expect(m.harm()).toBe('stale-read');
  });
});

describe('an mmap that has not returned', () => {
  it.each([
    ['gives rights where it has chosen its place', true, undefined],
    ['gives none elsewhere', false, 'rights-bypass'],
  ] as const)('%s', (_, told, harm) => {
    const m = new OracleMachine([1, 1], { checks: { probe: false } });
    m.begin(0, OP.mmap, { from: 0, pages: 1, rights: R });
    if (told) m.oracle.placed(m.cpus[0], 1 as never, 3);
    m.map(0, 1, 3, m.frame(), R);
    m.load(1, 3);
    // the page moves, and CPU 1 keeps its translation
    m.call(1, OP.migrate, { from: 0 }, () => {
      m.unmap(1, 1, 3);
      m.map(1, 1, 3, m.frame(), R);
    });
    m.load(1, 3);
    expect(m.harm()).toBe(harm);
  });
});

describe('va-reuse', () => {
  it('convicts an access that reaches the object formerly mapped there', () => {
    const { m } = shared({ checks: { probe: false } });
    m.call(0, OP.munmap, munmap3, () => void m.unmap(0, 1, 3));
    m.mapped(0, 1, 3);
    m.load(1, 3);
    expect(m.harm()).toBe('va-reuse');
  });
  it('convicts it after MAP_FIXED has replaced the mapping', () => {
    const { m } = shared({ checks: { probe: false } });
    m.call(0, OP.mmap, { ...munmap3, rights: RW, fixed: true }, () => {
      m.unmap(0, 1, 3);
      return 3;
    });
    m.load(1, 3);
    expect(m.harm()).toBe('va-reuse');
  });
});

describe('stale-read and inversion', () => {
  /** DONTNEED without a flush in time; CPU 0 has stored to the new page. */
  const discarded = (flushed: boolean): OracleMachine => {
    const { m } = shared({ checks: { probe: false } });
    m.begin(0, OP.madvise, munmap3);
    m.unmap(0, 1, 3);
    m.flush(3, flushed ? [0, 1] : [0]);
    m.end(0);
    m.map(0, 1, 3, m.frame());
    m.store(0, 3, 8);
    return m;
  };
  it('convicts an old value after DONTNEED has returned and another was stored', () => {
    const m = discarded(false);
    expect(m.load(1, 3)).toBe(7);
    expect(m.harm()).toBe('stale-read');
  });
  it('acquits when the flush came', () => {
    const m = discarded(true);
    expect(m.load(1, 3)).toBe(8);
    expect(m.harm()).toBeUndefined();
  });
  it('convicts a load that goes back behind another load', () => {
    const { m } = shared();
    m.call(0, OP.madvise, munmap3, () => -12);
    // the call failed: both are legal until one was seen
    m.unmap(0, 1, 3);
    m.map(0, 1, 3, m.frame());
    m.flush(3, [0]);
    expect(m.load(0, 3)).toBe(0);
    expect(m.harm()).toBeUndefined();
    expect(m.load(1, 3)).toBe(7);
    // nobody's change: it never returns, so it covers
    expect(m.harm()).toBeUndefined();
    expect(m.oracle.windows()).toMatchObject([{ path: 'unknown' }]);
  });
  it('is an inversion when the translation is the present one', () => {
    const m = new OracleMachine([1, 1]);
    const [pfn] = m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.madvise, munmap3, () => -12);
    m.poke(m.columns.frame.words.at(pfn, 0), 0);
    expect(m.load(0, 3)).toBe(0);
    m.poke(m.columns.frame.words.at(pfn, 0), 7);
    expect(m.load(1, 3)).toBe(7);
    expect(m.harm()).toBe('inversion');
  });
});

describe('lost-write', () => {
  it('convicts a load that finds zero after a returned store', () => {
    const { m } = shared();
    m.unmap(0, 1, 3);
    m.map(0, 1, 3, m.frame());
    m.flush(3);
    expect(m.load(1, 3)).toBe(0);
    expect(m.harm()).toBe('lost-write');
  });
  it('convicts an older value after a newer store has returned', () => {
    const { m, pfn } = shared();
    m.store(0, 3, 8);
    m.poke(m.columns.frame.words.at(pfn, 0), 7);
    m.load(1, 3);
    expect(m.harm()).toBe('lost-write');
  });
  it('is found at rest by reading back', () => {
    const { m, pfn } = shared();
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.frame.words.at(pfn, 0), 0);
    m.oracle.readBack();
    expect(m.oracle.violation).toMatchObject({ harm: 'lost-write', kind: -1, vpn: 3 });
  });
  it('does not convict a store that a discarder overlaps, whatever became of it', () => {
    for (const kept of [true, false]) {
      const { m } = shared();
      m.begin(1, OP.store);
      m.call(0, OP.madvise, munmap3, () => {
        m.unmap(0, 1, 3);
        m.flush(3);
      });
      const pfn = m.frame();
      m.map(0, 1, 3, pfn);
      m.finish(1, 3, 0, STORE, 9);
      if (!kept) m.poke(m.columns.frame.words.at(pfn, 0), 0);
      expect(m.load(0, 3)).toBe(kept ? 9 : 0);
      m.oracle.readBack();
      expect(m.harm()).toBeUndefined();
    }
  });
  it('convicts a store begun after the discarder returned', () => {
    const { m } = shared();
    m.call(0, OP.madvise, munmap3, () => {
      m.unmap(0, 1, 3);
      m.flush(3);
    });
    const pfn = m.frame();
    m.map(0, 1, 3, pfn);
    m.store(1, 3, 9);
    m.poke(m.columns.frame.words.at(pfn, 0), 0);
    m.load(0, 3);
    expect(m.harm()).toBe('lost-write');
  });
});

describe('isolation', () => {
  it('convicts a load that returns what another address space stored', () => {
    const m = new OracleMachine([1, 2]);
    const [pfn] = m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.mapped(1, 2, 3);
    m.map(1, 2, 3, pfn);
    expect(m.load(1, 3)).toBe(7);
    expect(m.harm()).toBe('isolation');
  });
  it('convicts bytes that no program stored', () => {
    const m = new OracleMachine([1]);
    const [pfn] = m.mapped(0, 1, 3);
    m.poke(m.columns.frame.words.at(pfn, 2), 0xbad);
    m.load(0, 3, 2);
    expect(m.harm()).toBe('isolation');
  });
  it('convicts the use of an entry that another address space left under the same PCID', () => {
    const m = new OracleMachine([1]);
    m.mapped(0, 1, 3);
    m.store(0, 3, 7);
    m.enter(0, 2, 1);
    m.load(0, 3);
    expect(m.harm()).toBe('isolation');
    expect(m.oracle.violation?.says).toContain('address space 1');
  });
});

describe('wrong-fault', () => {
  it('convicts a signal although every right allows the access', () => {
    const { m } = shared();
    m.begin(1, OP.load);
    m.signal(1, 3, SIGSEGV, LOAD);
    expect(m.harm()).toBe('wrong-fault');
  });
  it('acquits a signal where no right is in force, and the OOM killer anywhere', () => {
    const { m } = shared();
    m.begin(1, OP.load);
    m.signal(1, 5, SIGSEGV, LOAD);
    m.signal(1, 3, 9, LOAD);
    expect(m.harm()).toBeUndefined();
  });
  it('acquits a signal of an access that overlaps a change of rights, back and forth', () => {
    const { m } = shared();
    m.begin(1, OP.store);
    m.call(0, OP.mprotect, { ...munmap3, rights: R });
    m.call(0, OP.mprotect, { ...munmap3, rights: RW });
    m.signal(1, 3, SIGSEGV, STORE);
    expect(m.harm()).toBeUndefined();
  });
});

describe('leak', () => {
  it('convicts a page at rest that no table leads to', () => {
    const { m } = shared();
    m.oracle.leaks();
    expect(m.harm()).toBeUndefined();
    m.unmap(0, 1, 3);
    m.oracle.leaks();
    expect(m.harm()).toBe('leak');
  });
  it('knows freed pages', () => {
    const { m } = shared();
    m.free(m.unmap(0, 1, 3));
    m.oracle.leaks();
    expect(m.harm()).toBeUndefined();
  });
});

describe('the probe', () => {
  it('convicts what a walk would read when a table is freed, whatever its CPU is doing', () => {
    const { m } = shared();
    m.enter(0, 2);
    m.busy.add(1);
    const table = m.table(0, 1, 3);
    m.free(table);
    expect(m.oracle.violation).toMatchObject({ harm: 'table-reuse', probe: true, cpu: 1, vpn: 0, kind: -1 });
  });
  it('acquits a table to which nothing leads but what another address space has cached', () => {
    const { m } = shared();
    m.enter(0, 2);
    m.enter(1, 2);
    m.free(m.table(0, 1, 3));
    expect(m.harm()).toBeUndefined();
  });
  it('convicts a root that is freed while a CPU has it loaded', () => {
    const { m } = shared();
    m.enter(0, 2);
    m.free(m.root(1));
    expect(m.oracle.violation).toMatchObject({ harm: 'table-reuse', probe: true, cpu: 1 });
  });
  it('convicts what a load would do, without anybody doing it', () => {
    const { m } = shared();
    m.call(0, OP.munmap, munmap3, () => gone(m));
    expect(m.oracle.violation).toMatchObject({ harm: 'rights-bypass', probe: true, cpu: 1, vpn: 3, kind: LOAD });
  });
  it('convicts what a store would do where a load is right', () => {
    const m = new OracleMachine([1, 1]);
    m.mapped(0, 1, 3);
    m.store(1, 3, 7);
    m.call(0, OP.mprotect, { ...munmap3, rights: R }, () => m.map(0, 1, 3, m.unmap(0, 1, 3), R));
    expect(m.oracle.violation).toMatchObject({ harm: 'rights-bypass', probe: true, kind: STORE, cpu: 1 });
  });
  it('leaves CPUs in the kernel alone, and looks again when they come back', () => {
    const { m } = shared();
    m.busy.add(1);
    m.call(0, OP.munmap, munmap3, () => gone(m));
    expect(m.harm()).toBeUndefined();
    m.busy.delete(1);
    m.call(0, OP.other, {});
    expect(m.oracle.violation).toMatchObject({ harm: 'rights-bypass', probe: true });
  });
  it('leaves entries of PCIDs that are not loaded alone', () => {
    const { m } = shared();
    m.enter(1, 2);
    m.call(0, OP.munmap, munmap3, () => gone(m));
    expect(m.harm()).toBeUndefined();
    m.enter(1, 1);
    m.call(0, OP.other, {});
    expect(m.harm()).toBe('rights-bypass');
  });
});
