/** Trackers that are not told of a store, made by hand; and beside each what they need not be told of. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { OP } from '#tlblab/oracle/oracle.js';
import { OracleMachine } from './machine.ts';

const PAGE = 3;
const here = { from: PAGE, pages: 1 };

/** Two CPUs in one address space, page 3 mapped and stored to. */
function shared(): OracleMachine {
  const m = new OracleMachine([1, 1]);
  m.mapped(0, 1, PAGE);
  m.store(0, PAGE, 1);
  return m;
}

function ask(m: OracleMachine, softDirty: boolean, written: boolean): void {
  m.begin(0, OP.pagemap, here);
  m.oracle.writesReported(m.cpus[0], PAGE as Vpn, softDirty, written);
  m.end(0, 0);
}

function starts(m: OracleMachine, kind: typeof OP.clearrefs | typeof OP.uffdwp): void {
  m.begin(0, kind, here);
  m.end(0, 0);
}

describe.each([
  ['soft-dirty', OP.clearrefs, [false, true]],
  ['write protection', OP.uffdwp, [true, false]],
] as const)('%s', (_, kind, [softDirty, written]) => {
  const untold = (m: OracleMachine) => ask(m, softDirty, written);

  it('convicts when a store since is not told of, and acquits when it is', () => {
    const m = shared();
    starts(m, kind);
    untold(m);
    m.store(1, PAGE, 2);
    ask(m, true, true);
    expect(m.harm()).toBeUndefined();
    untold(m);
    expect(m.harm()).toBe('missed-tracking');
  });

  it('acquits of a store before, and of one that overlaps the start of the tracking', () => {
    const m = shared();
    m.begin(0, kind, here);
    m.store(1, PAGE, 2);
    m.end(0, 0);
    untold(m);
    expect(m.harm()).toBeUndefined();
  });

  it('acquits of a store behind which the tracking started again, even while that is in flight', () => {
    const m = shared();
    starts(m, kind);
    m.store(1, PAGE, 2);
    m.begin(1, kind, here);
    untold(m);
    m.end(1, 0);
    untold(m);
    expect(m.harm()).toBeUndefined();
  });

  it('acquits of a store that the question overlaps', () => {
    const m = shared();
    starts(m, kind);
    m.begin(0, OP.pagemap, here);
    m.store(1, PAGE, 2);
    m.oracle.writesReported(m.cpus[0], PAGE as Vpn, softDirty, written);
    m.end(0, 0);
    expect(m.harm()).toBeUndefined();
  });

  it.each(['munmap', 'madvise', 'free'] as const)('acquits of what %s took away', (call) => {
    const m = shared();
    starts(m, kind);
    m.store(1, PAGE, 2);
    m.begin(1, OP[call], here);
    untold(m);
    m.end(1, 0);
    expect(m.harm()).toBeUndefined();
  });
});
