import { describe, expect, it } from 'vitest';
import type { CpuId, Vpn } from '#tlblab/hardware/types.js';
import type { MmId } from '#tlblab/kernel/types.js';
import { VM_READ, VM_WRITE } from '#tlblab/kernel/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { point } from '#tlblab/memory/point.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { type Body, KernelDriver } from '../kernel/driver.ts';

const MAPPED = point('test: three pages mapped and touched');
const MM = 1 as MmId;
const PAGES = 3;
const FIRST = 4 as Vpn;

/** CPU 0 maps and touches three pages, waits, and unmaps them; CPU 1 uses the mm; CPU 2 borrows it, idle. */
function unmaps(policy: string) {
  const body: Body = function* (cpu) {
    const { kernel } = cpu;
    yield* kernel.sysMmap(cpu, FIRST, PAGES, VM_READ | VM_WRITE, 0);
    for (let i = 0; i < PAGES; i++) yield* kernel.excPageFault(cpu, (FIRST + i) as Vpn, 0b110);
    cpu.at(MAPPED, NOWHERE);
    yield;
    yield* kernel.sysMunmap(cpu, FIRST, PAGES);
  };
  const d = new KernelDriver({
    cpus: 3,
    override: { flushCeiling: 8, trimEvery: 1000 },
    routines: policyNamed(policy).routines,
    tasks: [
      { cpu: 0, mm: 1, body },
      { cpu: 1, mm: 1, body: function* () {} },
      { cpu: 2, mm: 1, body: (cpu) => cpu.kernel.sysSleep(cpu) },
    ],
  });
  d.runTo(2, 'nothing to run');
  d.runPast(0, 'three pages mapped');
  const { kcount, count, mm } = d.columns;
  const before = kcount.requests.peek(0 as CpuId);
  d.run();
  expect(d.done(0), d.whoWaits()).toBe(true);
  return {
    requests: kcount.requests.peek(0 as CpuId) - before,
    skipped: kcount.skipped.peek(0 as CpuId),
    ipis: count.ipisSent.peek(0 as CpuId),
    pages: count.pageFlushes.peek(1 as CpuId),
    generations: mm.tlbGen.peek(MM),
    trace: d.trace,
  };
}

describe('munmap of three pages, with their table', () => {
  it('mainline: one shootdown for all', () => {
    const { requests, generations, pages } = unmaps('mainline');
    expect({ requests, generations }).toEqual({ requests: 1, generations: 1 });
    // from the first page that the freed table maps to the last page unmapped
    expect(pages).toBe(FIRST + PAGES);
  });

  it('eager: one per page and one for the table, each under the page-table lock, nobody skipped', () => {
    const { requests, skipped, trace } = unmaps('eager');
    expect(requests).toBe(PAGES + 1);
    expect(skipped).toBe(0);
    const mine = trace.filter((line) => line.startsWith('CPU0'));
    const cleared = mine.findIndex((line) => line.includes('flushTlbMmRange: ptes changed'));
    const unlocked = mine.findIndex((line, i) => i > cleared && line.includes('spinUnlock'));
    const acknowledged = mine.findIndex((line, i) => i > cleared && line.includes('waits for the call'));
    expect(cleared).toBeGreaterThan(-1);
    expect(acknowledged).toBeLessThan(unlocked);
  });

  it('never: nothing at all', () => {
    const { requests, ipis, generations, pages } = unmaps('never');
    expect({ requests, ipis, generations, pages }).toEqual({ requests: 0, ipis: 0, generations: 0, pages: 0 });
  });
});
