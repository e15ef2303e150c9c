/** Content of files: what names it, what takes it away, and what is convicted; beside each the nearest thing that is legal. */
import { describe, expect, it } from 'vitest';
import { LOAD, STORE } from '#tlblab/hardware/types.js';
import { SIGBUS, VM_SHARED } from '#tlblab/kernel/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { FileMachine } from './file-machine.ts';
import { R, RW } from './machine.ts';

const page3 = { from: 3, pages: 1 };
const quiet = { checks: { probe: false } };

/** An access of CPU `id` to the page ends with SIGBUS. */
function sigbus(m: FileMachine, id: number, vpn: number): void {
  m.begin(id, OP.load);
  m.signal(id, vpn, SIGBUS, LOAD);
  m.end(id, -1);
}

/** Page 3 maps file 1, cached by CPU 1; the folio was reclaimed behind its back: nothing was flushed, the frame is free. */
function reclaimed(options = {}, shared = true): FileMachine {
  const m = new FileMachine([1, 1], { ...quiet, ...options });
  m.mapFile(0, 1, 3, { shared, rights: R });
  expect(m.load(1, 3)).toBe(0);
  m.call(0, OP.reclaim, { file: 1, from: 0 }, () => {
    m.unmap(0, 1, 3);
    m.free(m.evict(1, 0));
    return 1;
  });
  return m;
}

describe('a shared mapping', () => {
  it('shows other address spaces, read(2) and the read-back what is stored there', () => {
    const m = new FileMachine([1, 2]);
    m.mapFile(0, 1, 3);
    m.mapFile(1, 2, 5);
    m.store(0, 3, 7);
    expect(m.load(1, 5)).toBe(7);
    m.reads(1, 1, 0, 7);
    m.evict(1, 0);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
    m.reads(1, 1, 0, 0);
    expect(m.harm()).toBe('lost-write');
  });
  it('and a store to it that never reaches the file is found at rest', () => {
    const m = new FileMachine([1]);
    const pfn = m.mapFile(0, 1, 3);
    m.evict(1, 0);
    m.store(0, 3, 7);
    m.unmap(0, 1, 3);
    m.flush(3);
    m.free(pfn);
    m.oracle.readBack();
    expect(m.harm()).toBe('lost-write');
    expect(m.oracle.violation?.says).toContain('page 0 of file 1, word 0');
  });
  it('keeps its content under DONTNEED', () => {
    const m = new FileMachine([1, 1]);
    const pfn = m.mapFile(0, 1, 3);
    m.store(0, 3, 7);
    m.call(0, OP.madvise, page3, () => {
      m.unmap(0, 1, 3);
      m.flush(3);
    });
    m.map(0, 1, 3, pfn);
    expect(m.load(1, 3)).toBe(7);
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.frame.words.at(pfn, 0), 0);
    m.load(1, 3);
    expect(m.harm()).toBe('lost-write');
  });
  it('that is being unmapped loses no store that got through, unless a mapping that replaces it was there before', () => {
    for (const kind of [OP.munmap, OP.mmap]) {
      const m = new FileMachine([1, 1]);
      const pfn = m.mapFile(0, 1, 3);
      m.store(1, 3, 7);
      m.begin(0, kind, { ...page3, rights: RW, fixed: true });
      m.unmap(0, 1, 3);
      m.store(1, 3, 8);
      m.flush(3);
      m.end(0);
      m.poke(m.columns.frame.words.at(pfn, 0), 7);
      m.oracle.readBack();
      expect(m.harm()).toBe(kind === OP.munmap ? 'lost-write' : undefined);
    }
  });
});

describe('a stale translation to a reclaimed folio', () => {
  it('is benign before a write and while one is in flight, stale-read once that has returned', () => {
    const m = reclaimed();
    expect(m.load(1, 3)).toBe(0);
    expect(m.harm()).toBeUndefined();
    m.begin(0, OP.write, { file: 1, from: 0 });
    m.writes(0, 1, 0, 7);
    expect(m.load(1, 3)).toBe(0);
    expect(m.harm()).toBeUndefined();
    m.end(0);
    m.load(1, 3);
    expect(m.oracle.violation).toMatchObject({ harm: 'stale-read', weak: false });
  });
  it('that returned zero while a write was in flight leaves the new value legal', () => {
    const m = reclaimed();
    m.begin(0, OP.write, { file: 1, from: 0 });
    m.writes(0, 1, 0, 7);
    expect(m.load(1, 3)).toBe(0);
    m.flush(3);
    m.mapFolio(0, 1, 3, { rights: R });
    expect(m.load(0, 3)).toBe(7);
    expect(m.load(1, 3)).toBe(7);
    m.end(0);
    expect(m.harm()).toBeUndefined();
  });
  it('is an inversion if only another load has seen the write in flight', () => {
    const m = reclaimed();
    m.begin(0, OP.write, { file: 1, from: 0 });
    m.writes(0, 1, 0, 7);
    m.mapFile(0, 1, 5, { rights: R });
    expect(m.load(0, 5)).toBe(7);
    m.load(1, 3);
    expect(m.harm()).toBe('inversion');
  });
  it('is weak in a private mapping', () => {
    const m = reclaimed({}, false);
    m.write(0, 1, 0, 7);
    m.load(1, 3);
    expect(m.oracle.violation).toMatchObject({ harm: 'stale-read', weak: true });
  });
  it('is covered behind an mprotect that takes no right to load away, and not behind one that does', () => {
    const behind = (rights: number): FileMachine => {
      const m = new FileMachine([1, 1], quiet);
      m.mapFile(0, 1, 3, { rights: R });
      m.load(1, 3);
      m.begin(0, OP.reclaim, { file: 1, from: 0 });
      m.unmap(0, 1, 3);
      m.evict(1, 0);
      m.call(1, OP.mprotect, { mm: 1, ...page3, rights });
      m.write(1, 1, 0, 7);
      m.load(1, 3);
      return m;
    };
    for (const rights of [R, RW]) expect(behind(rights).harm()).toBeUndefined();
    expect(behind(0).harm()).toBe('rights-bypass');
  });
  it('is covered while reclaim is in flight', () => {
    const m = new FileMachine([1, 1]);
    m.mapFile(0, 1, 3, { rights: R });
    m.load(1, 3);
    m.begin(0, OP.reclaim, { file: 1, from: 0 });
    m.unmap(0, 1, 3);
    m.evict(1, 0);
    m.write(1, 1, 0, 7);
    expect(m.load(1, 3)).toBe(0);
    m.flush(3);
    m.end(0);
    expect(m.harm()).toBeUndefined();
    expect(m.oracle.windows()).toMatchObject([{ path: 'reclaim', count: 1 }]);
  });
});

describe('a private mapping', () => {
  it('follows its file until it is stored to', () => {
    const m = new FileMachine([1, 2], quiet);
    m.mapFile(0, 1, 3, { shared: false });
    m.write(1, 1, 0, 7);
    expect(m.load(0, 3)).toBe(7);
    m.storeCopy(0, 1, 3, 8);
    m.write(1, 1, 0, 9);
    expect(m.load(0, 3)).toBe(8);
    expect(m.load(0, 3, 1)).toBe(0);
    m.reads(1, 1, 0, 9);
    expect(m.harm()).toBeUndefined();
    // the store reaches the file, or the page follows the file again: neither may be
    m.reads(1, 1, 0, 8);
    expect(m.harm()).toBe('isolation');
  });
  it('that has its own copy never loses it', () => {
    const m = new FileMachine([1]);
    m.mapFile(0, 1, 3, { shared: false });
    m.storeCopy(0, 1, 3, 8);
    m.unmap(0, 1, 3);
    m.flush(3);
    m.mapFolio(0, 1, 3, { shared: false });
    m.load(0, 3);
    expect(m.harm()).toBe('lost-write');
  });
  it('follows the file again behind DONTNEED', () => {
    for (const flushed of [true, false]) {
      const m = new FileMachine([1, 1], quiet);
      m.mapFile(0, 1, 3, { shared: false });
      m.storeCopy(1, 1, 3, 8);
      m.call(0, OP.madvise, page3, () => {
        m.unmap(0, 1, 3);
        m.flush(3, flushed ? [0, 1] : [0]);
      });
      m.write(0, 1, 0, 9);
      m.mapFolio(0, 1, 3, { shared: false });
      expect(m.load(1, 3)).toBe(flushed ? 9 : 8);
      expect(m.harm()).toBe(flushed ? undefined : 'stale-read');
    }
  });
  it('may have a copy that a fault in flight made before DONTNEED returned', () => {
    const m = new FileMachine([1, 1, 1], quiet);
    m.mapFile(0, 1, 3, { shared: false });
    m.cpus[0].faultVpn = 3 as never;
    m.cpus[0].faultCode = 7;
    m.begin(0, OP.store);
    m.begin(0, OP.fault);
    m.call(1, OP.madvise, page3);
    m.copyPage(0, 1, 3);
    m.write(1, 1, 0, 9);
    expect(m.load(2, 3)).toBe(0);
    // another task of this CPU faults elsewhere meanwhile
    m.cpus[0].faultVpn = 5 as never;
    m.end(0);
    m.finish(0, 3, 1, STORE, 8);
    expect(m.load(2, 3)).toBe(0);
    expect(m.harm()).toBeUndefined();
  });
  it('may get another copy while DONTNEED is in flight, and the file changes behind that', () => {
    for (const faultsFirst of [true, false]) {
      const m = new FileMachine([1, 1, 1], quiet);
      m.mapFile(0, 1, 3, { shared: false });
      m.storeCopy(0, 1, 3, 8);
      m.write(2, 1, 0, 7);
      const faults = () => {
        m.cpus[0].faultVpn = 3 as never;
        m.cpus[0].faultCode = 7;
        m.begin(0, OP.store);
        m.begin(0, OP.fault);
      };
      if (faultsFirst) faults();
      m.call(1, OP.madvise, page3, () => {
        m.unmap(1, 1, 3);
        m.flush(3);
        m.mapFolio(0, 1, 3, { shared: false });
        if (!faultsFirst) faults();
        m.copyPage(0, 1, 3);
        m.write(2, 1, 0, 9);
        expect(m.load(2, 3)).toBe(7);
        m.end(0);
        expect(m.load(2, 3)).toBe(7);
        m.finish(0, 3, 1, STORE, 5);
        expect(m.load(2, 3)).toBe(7);
      });
      expect(m.load(2, 3)).toBe(7);
      expect(m.load(2, 3, 1)).toBe(5);
      expect(m.harm()).toBeUndefined();
    }
  });
  it('may get its copy from a fault while the mapping is being made', () => {
    const m = new FileMachine([1, 1], quiet);
    m.begin(0, OP.mmap, { mm: 1, ...page3, rights: RW, fixed: true, file: 1, pgoff: 0 });
    m.mapFolio(0, 1, 3, { shared: false });
    m.storeCopy(1, 1, 3, 8);
    m.end(0, 3);
    m.write(0, 1, 0, 9, 1);
    expect(m.load(1, 3, 1)).toBe(0);
    expect(m.harm()).toBeUndefined();
  });
});

describe('truncate', () => {
  it('zeroes what lies behind the new end, and nothing else', () => {
    const m = new FileMachine([1]);
    m.write(0, 1, 1, 7);
    m.write(0, 1, 2, 8);
    m.truncate(0, 1, 2);
    m.reads(0, 1, 1, 7);
    m.reads(0, 1, 2, 0);
    expect(m.harm()).toBeUndefined();
    m.reads(0, 1, 2, 8);
    expect(m.harm()).toBe('lost-write');
  });
  it('allows old and zero while it is in flight', () => {
    const m = new FileMachine([1, 1], quiet);
    m.mapFile(0, 1, 3, { index: 2 });
    m.store(1, 3, 7);
    m.truncate(0, 1, 2, () => {
      expect(m.load(1, 3)).toBe(7);
      m.reads(1, 1, 2, 0);
    });
    expect(m.harm()).toBeUndefined();
  });
  it('convicts what is loaded through a translation that it left', () => {
    const m = new FileMachine([1, 1], quiet);
    m.mapFile(0, 1, 3, { index: 2 });
    m.store(1, 3, 7);
    m.truncate(0, 1, 2, () => m.unmap(0, 1, 3));
    m.load(1, 3);
    expect(m.harm()).toBe('stale-read');
  });
  it('takes private copies along, at some moment or other', () => {
    for (const keeps of [true, false]) {
      const m = new FileMachine([1], quiet);
      m.mapFile(0, 1, 3, { index: 2, shared: false });
      m.storeCopy(0, 1, 3, 8);
      m.truncate(0, 1, 2, () => {
        if (keeps) return;
        m.unmap(0, 1, 3);
        m.flush(3);
      });
      m.truncate(0, 1, 4);
      if (!keeps) m.mapFolio(0, 1, 3, { index: 2, shared: false });
      expect(m.load(0, 3)).toBe(keeps ? 8 : 0);
      expect(m.harm()).toBeUndefined();
    }
  });
});

describe('SIGBUS', () => {
  it('is wrong within the file and for anonymous memory', () => {
    for (const file of [0, 1]) {
      const m = new FileMachine([1]);
      m.call(0, OP.mmap, { ...page3, rights: R | VM_SHARED, fixed: true, file, pgoff: 3 });
      sigbus(m, 0, 3);
      expect(m.harm()).toBe('wrong-fault');
    }
  });
  it('is right behind the end, also where no file could reach, and while the length changes', () => {
    const m = new FileMachine([1, 1]);
    m.call(0, OP.mmap, { from: 2, pages: 2, rights: R | VM_SHARED, fixed: true, file: 1, pgoff: 6 });
    m.call(0, OP.mremap, { from: 2, pages: 2, to: 8, toPages: 4 }, () => 8);
    for (const vpn of [8, 10, 11]) sigbus(m, 0, vpn);
    m.call(0, OP.mmap, { ...page3, rights: R | VM_SHARED, fixed: true, file: 1, pgoff: 3 });
    m.truncate(0, 1, 3, () => sigbus(m, 1, 3));
    sigbus(m, 1, 3);
    expect(m.harm()).toBeUndefined();
    m.write(0, 1, 3, 7);
    sigbus(m, 1, 3);
    expect(m.harm()).toBe('wrong-fault');
  });
});

describe('fsync', () => {
  it('that returns has put on disk what had returned before', () => {
    for (const value of [7, 6]) {
      const m = new FileMachine([1, 1]);
      m.write(0, 1, 0, 6);
      m.mapFile(0, 1, 3);
      m.store(0, 3, value);
      m.begin(0, OP.fsync, { file: 1 });
      m.writeOut(1, 0);
      m.store(1, 3, 8);
      if (value === 6) m.poke(m.columns.disk.words.at((m.geometry.filePages + 0) as never, 0), 0);
      m.end(0);
      expect(m.harm()).toBe(value === 7 ? undefined : 'lost-write');
    }
  });
  it('finds what was truncated before it began, another one in flight since before that or not', () => {
    const m = new FileMachine([1, 1, 2]);
    m.write(0, 1, 0, 6);
    m.begin(0, OP.fsync, { file: 1 });
    m.truncate(1, 1, 0);
    m.truncate(1, 1, 1);
    m.call(2, OP.fsync, { file: 1 });
    expect(m.harm()).toBeUndefined();
  });
  it('owes nothing for what was in flight when it began, was truncated, or when it fails', () => {
    const m = new FileMachine([1, 1]);
    m.begin(1, OP.write, { file: 1, from: 0 });
    m.writes(1, 1, 0, 7);
    m.begin(0, OP.fsync, { file: 1 });
    m.end(1);
    m.end(0);
    m.writeOut(1, 0);
    m.write(0, 1, 3, 8);
    m.begin(0, OP.fsync, { file: 1 });
    m.truncate(1, 1, 3);
    m.end(0);
    m.write(0, 1, 0, 9);
    m.call(0, OP.fsync, { file: 1 }, () => -5);
    expect(m.harm()).toBeUndefined();
    m.call(0, OP.fsync, { file: 1 });
    expect(m.oracle.violation?.says).toContain('the disk holds 7 in word 0 of page 0 of file 1');
  });
});

describe('msync', () => {
  it('answers for the pages of its range, unless they are mapped anew meanwhile', () => {
    for (const [from, remaps, harm] of [
      [3, false, 'lost-write'],
      [4, false, undefined],
      [3, true, undefined],
    ] as const) {
      const m = new FileMachine([1, 1]);
      m.write(0, 1, 0, 6);
      m.mapFile(0, 1, 3);
      m.store(0, 3, 7);
      m.begin(0, OP.msync, { from });
      if (remaps) {
        m.call(1, OP.mmap, { from: 3, rights: RW, fixed: true }, () => {
          m.unmap(1, 1, 3);
          m.flush(3);
          return 3;
        });
      }
      m.end(0);
      expect(m.harm()).toBe(harm);
    }
  });
});

describe('what a page shows', () => {
  it('goes with mremap, shared or copied, moved or in place', () => {
    const m = new FileMachine([1, 2], quiet);
    const pfn = m.mapFile(0, 1, 3);
    m.call(0, OP.mremap, { ...page3, toPages: 2 }, () => {
      m.oracle.placed(m.cpus[0], 1 as never, 3);
      return 3;
    });
    m.write(1, 1, 1, 6);
    m.mapFolio(0, 1, 4, { index: 1 });
    expect(m.load(0, 4)).toBe(6);
    m.call(0, OP.mremap, { from: 3, pages: 2, to: 8, toPages: 2 }, () => {
      for (const vpn of [3, 4]) m.map(0, 1, vpn + 5, m.unmap(0, 1, vpn));
      m.flush(3);
      m.flush(4);
      return 8;
    });
    m.write(1, 1, 0, 7);
    expect(m.load(0, 8)).toBe(7);
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.frame.words.at(pfn, 0), 0);
    m.load(0, 8);
    expect(m.harm()).toBe('lost-write');
  });
  it('is not known where a mapping grows whose mmap has not returned', () => {
    const m = new FileMachine([1, 1], quiet);
    m.begin(1, OP.mmap, { ...page3, rights: RW | VM_SHARED, fixed: true, file: 1 });
    m.begin(0, OP.mremap, { ...page3, to: 8, toPages: 2 });
    m.end(1, 3);
    m.end(0, 8);
    m.mapFolio(0, 1, 9, { index: 1 });
    m.store(0, 9, 7);
    m.reads(1, 1, 1, 7);
    m.oracle.readBack();
    expect(m.harm()).toBeUndefined();
  });
  it('stays a private copy when the mapping grows in place', () => {
    const m = new FileMachine([1, 2]);
    m.mapFile(0, 1, 3, { shared: false });
    m.storeCopy(0, 1, 3, 8);
    m.call(0, OP.mremap, { ...page3, toPages: 2 }, () => {
      m.oracle.placed(m.cpus[0], 1 as never, 3);
      return 3;
    });
    m.write(1, 1, 0, 9);
    expect(m.load(0, 3)).toBe(8);
    expect(m.harm()).toBeUndefined();
  });
  it('goes to a child: the file, or a copy of the copy', () => {
    const m = new FileMachine([1, 1, 0], quiet, { mms: 3 });
    m.busy.add(2);
    m.mapFile(0, 1, 3);
    m.mapFile(0, 1, 4, { index: 1, shared: false });
    m.storeCopy(0, 1, 4, 8);
    m.begin(0, OP.fork);
    m.newRoot(0, 2);
    m.mapFolio(0, 2, 3, {});
    const copy = m.frame();
    m.poke(m.columns.frame.words.at(copy, 0), 8);
    m.map(0, 2, 4, copy);
    m.enter(2, 2);
    m.end(0, 2, 2);
    m.write(0, 1, 0, 7);
    m.write(0, 1, 1, 9);
    m.store(0, 4, 10);
    expect(m.load(2, 3)).toBe(7);
    expect(m.load(2, 4)).toBe(8);
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.frame.words.at(copy, 0), 9);
    m.load(2, 4);
    expect(m.harm()).toBe('lost-write');
  });
  it('is one file and no other', () => {
    const m = new FileMachine([1, 1], quiet);
    m.write(0, 1, 0, 7);
    m.mapFile(0, 1, 3, { file: 2 });
    expect(m.load(0, 3)).toBe(0);
    m.map(0, 1, 3, m.folio(1, 0));
    m.flush(3);
    m.load(0, 3);
    expect(m.harm()).toBe('isolation');
    expect(m.oracle.violation?.says).toContain('was stored in file 1');
  });
  it('is another object where MAP_FIXED replaced it', () => {
    for (const flushed of [true, false]) {
      const m = new FileMachine([1, 1], quiet);
      m.mapFile(0, 1, 3);
      m.load(1, 3);
      m.call(0, OP.mmap, { ...page3, rights: RW, fixed: true, file: 2 }, () => {
        m.unmap(0, 1, 3);
        m.flush(3, flushed ? [0, 1] : [0]);
        m.mapFolio(0, 1, 3, { file: 2 });
        return 3;
      });
      m.load(1, 3);
      expect(m.harm()).toBe(flushed ? undefined : 'va-reuse');
    }
  });
});

describe('at rest', () => {
  it('what a clean folio holds and the disk does not is lost, unless an entry says that it is dirty', () => {
    for (const unmapped of [true, false]) {
      const m = new FileMachine([1, 1], quiet);
      const pfn = m.mapFile(0, 1, 3);
      m.store(1, 3, 7);
      m.begin(0, OP.munmap, page3);
      if (unmapped) m.unmap(0, 1, 3);
      m.writeOut(1, 0);
      m.cleaned(pfn);
      m.store(1, 3, 8);
      m.oracle.readBack();
      expect(m.harm()).toBe(unmapped ? 'lost-write' : undefined);
    }
  });
  it('frames of the page cache have an owner', () => {
    const m = new FileMachine([1]);
    const pfn = m.folio(1, 0);
    m.oracle.leaks();
    expect(m.harm()).toBeUndefined();
    m.poke(m.columns.pageCache.slot.at(m.geometry.filePages as never), 0);
    m.oracle.leaks();
    expect(m.oracle.violation?.says).toContain(`frame ${pfn}`);
  });
});
