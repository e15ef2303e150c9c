import { describe, expect, it } from 'vitest';
import { localIrqRestore, localIrqSave } from '#tlblab/hardware/apic.js';
import { invlpg } from '#tlblab/hardware/invalidate.js';
import { mkPte, PTE_A, PTE_D, PTE_P, PTE_RW, PTE_US } from '#tlblab/hardware/pte.js';
import { tlbFill, tlbLo, tlbPcid, tlbSlots, tlbVpn } from '#tlblab/hardware/tlb.js';
import type { CpuId, Pcid, Pfn, PteHi, PteLo, TlbSlot, Vpn } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { INIT_MM, type MmId, WAKE_USER } from '#tlblab/kernel/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from './driver.ts';

const IRQS_OFF = point('test: flushes held off');
const USES = point('test: uses its pages');
const MM = 1 as MmId;
const OTHER_MM = 2 as MmId;

/** Puts a translation of `vpn` in this CPU's TLB, as a walk would. */
function cache(cpu: Cpu, vpn: number): void {
  tlbFill(cpu, vpn as Vpn, mkPte(9 as Pfn, PTE_P | PTE_RW | PTE_US | PTE_A), 0 as PteHi);
}

/** The pages that CPU `id` has cached, whatever the PCID, as "pcid:vpn". */
function cached(d: KernelDriver, id: number): string[] {
  const cpu = d.cpuAt(id);
  const found: string[] = [];
  for (let slot = 0 as TlbSlot; slot < tlbSlots(cpu); slot++) {
    if (tlbLo(cpu, slot) !== 0) found.push(`${tlbPcid(cpu, slot) as Pcid}:${tlbVpn(cpu, slot)}`);
  }
  return found.sort();
}

function counts(d: KernelDriver, id: number) {
  const { kcount, count } = d.columns;
  const cpu = id as CpuId;
  return {
    requests: kcount.requests.peek(cpu),
    targets: kcount.targets.peek(cpu),
    skipped: kcount.skipped.peek(cpu),
    ipis: count.ipisSent.peek(cpu),
  };
}

function handled(d: KernelDriver, id: number) {
  const { kcount } = d.columns;
  const cpu = id as CpuId;
  return {
    runs: kcount.handlerRuns.peek(cpu),
    flushed: kcount.handlerFlushed.peek(cpu),
    wrongMm: kcount.handlerWrongMm.peek(cpu),
    alreadyCurrent: kcount.handlerAlreadyCurrent.peek(cpu),
  };
}

const flushesPage = (vpn: number): Body =>
  function* (cpu) {
    yield* cpu.kernel.flushTlbPage(cpu, MM, vpn);
  };

const flushesAll: Body = function* (cpu) {
  yield* cpu.kernel.flushTlbMm(cpu, MM);
};

/** Caches pages, then takes no interrupt until the test lets it go on. */
const cachesThenHoldsOff = (...pages: number[]): Body =>
  function* (cpu) {
    localIrqSave(cpu);
    for (const page of pages) cache(cpu, page);
    cpu.at(IRQS_OFF, NOWHERE);
    yield;
    localIrqRestore(cpu);
  };

describe('flushTlbMmRange', () => {
  it('raises the generation, reads the mask, decides for each target, sends, flushes here, waits', () => {
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: flushesPage(3) },
        { cpu: 1, mm: 1, body: cachesThenHoldsOff(3, 5) },
      ],
    });
    d.runTo(1, 'held off');
    d.trace.length = 0;
    d.run();
    expect(d.trace.filter((line) => line.startsWith('CPU0') && !/spin|test:/.test(line))).toEqual([
      'CPU0 (start)',
      'CPU0 flushTlbMmRange: ptes changed, generation not raised',
      'CPU0 flushTlbMmRange: generation raised, cpumask not read',
      'CPU0 shouldFlushTlb: target named',
      'CPU0 shouldFlushTlb: loaded mm read, lazy not',
      'CPU0 shouldFlushTlb: target named',
      'CPU0 shouldFlushTlb: loaded mm read, lazy not',
      'CPU0 smpCallFunctionMany: call record wanted',
      'CPU0 smpCallFunctionMany: call written, not queued',
      'CPU0 smpCallFunctionMany: queued, no interrupt sent yet',
      'CPU0 flushTlbFunc: this CPU is behind the request',
      'CPU0 smpCallFunctionMany: waits for the call to be run',
    ]);
    // one page, so INVLPG: the other page stays
    expect(cached(d, 1)).toEqual(['1:5']);
    expect(counts(d, 0)).toEqual({ requests: 1, targets: 1, skipped: 0, ipis: 1 });
    expect(handled(d, 1)).toEqual({ runs: 1, flushed: 1, wrongMm: 0, alreadyCurrent: 0 });
  });

  it('above the ceiling everything goes, below it page by page', () => {
    for (const [pages, left] of [
      [4, ['1:20']],
      [5, []],
    ] as const) {
      const d = new KernelDriver({
        cpus: 2,
        override: { flushCeiling: 4 },
        tasks: [
          {
            cpu: 0,
            mm: 1,
            *body(cpu) {
              yield* cpu.kernel.flushTlbMmRange(cpu, MM, 3, 3 + pages, false);
            },
          },
          { cpu: 1, mm: 1, body: cachesThenHoldsOff(3, 6, 20) },
        ],
      });
      d.runTo(1, 'held off');
      d.run();
      expect(cached(d, 1)).toEqual(left);
    }
  });

  it('an mm that only this CPU uses sends nothing; one that no CPU uses only gets a new generation', () => {
    const d = new KernelDriver({
      cpus: 2,
      mms: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            cache(cpu, 3);
            yield* cpu.kernel.flushTlbPage(cpu, MM, 3);
            yield* cpu.kernel.flushTlbPage(cpu, OTHER_MM, 3);
          },
        },
      ],
    });
    d.run();
    expect(counts(d, 0)).toEqual({ requests: 0, targets: 0, skipped: 0, ipis: 0 });
    expect(cached(d, 0)).toEqual([]);
    expect(d.columns.mm.tlbGen.peek(OTHER_MM)).toBe(1);
  });
});

describe('flushTlbFunc', () => {
  /** A full flush (generation 1) and a one-page flush (generation 2) wait for CPU 2, which takes the second first. */
  function outOfOrder(routines = {}): KernelDriver {
    const d = new KernelDriver({
      cpus: 3,
      routines,
      tasks: [
        { cpu: 0, mm: 1, body: flushesPage(3) },
        { cpu: 1, mm: 1, body: flushesAll },
        { cpu: 2, mm: 1, body: cachesThenHoldsOff(3, 5) },
      ],
    });
    d.runTo(2, 'held off');
    d.runTo(1, 'waits for the call');
    d.runTo(0, 'flushTlbMmRange: generation raised');
    d.runTo(0, 'waits for the call');
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    return d;
  }

  it('condition 6: a one-page flush taken before an older full flush does not swallow it', () => {
    const d = outOfOrder();
    expect(cached(d, 2)).toEqual([]);
    expect(handled(d, 2)).toEqual({ runs: 2, flushed: 1, wrongMm: 0, alreadyCurrent: 1 });
  });

  it('without condition 6 the full flush is lost', () => {
    const d = outOfOrder({
      *flushTlbFunc(cpu: Cpu, initiator: CpuId): Path<void> {
        const { tlbState, flushInfo } = cpu;
        if (flushInfo.full.load(initiator) === 1) return yield* MAINLINE.flushTlbFunc(cpu, initiator);
        invlpg(cpu, flushInfo.start.load(initiator) as Vpn);
        tlbState.ctxTlbGen.put(cpu.id, flushInfo.newTlbGen.load(initiator), tlbState.loadedMmAsid.own(cpu.id));
      },
    });
    expect(cached(d, 2)).toEqual(['1:5']);
  });

  it('a CPU that uses another mm by now leaves the cpumask, and is not asked again', () => {
    const twoFlushes: Body = function* (cpu) {
      yield* flushesPage(3)(cpu);
      yield* flushesPage(3)(cpu);
    };
    const d = new KernelDriver({
      cpus: 2,
      override: { trimEvery: 1 },
      tasks: [
        { cpu: 0, mm: 1, body: twoFlushes },
        { cpu: 1, mm: 1, body: (cpu) => cpu.kernel.sysSleep(cpu) },
        { cpu: 1, mm: 2, body: cachesThenHoldsOff() },
      ],
    });
    d.runTo(1, 'held off');
    expect(d.columns.mm.cpumask.peek(MM)).toBe(0b11);
    d.run();
    expect(d.done(0), d.whoWaits()).toBe(true);
    expect(d.columns.mm.cpumask.peek(MM)).toBe(0b01);
    expect(counts(d, 0)).toMatchObject({ requests: 1, ipis: 1 });
    expect(handled(d, 1)).toEqual({ runs: 1, flushed: 0, wrongMm: 1, alreadyCurrent: 0 });
  });
});

describe('lazy TLB', () => {
  /** CPU 1 caches page 3 and goes idle; CPU 0 then flushes; then CPU 1 is woken. */
  function idleDuring(flush: Body, switches = {}): { idle: KernelDriver; lazyCached: string[]; loaded: number } {
    const d = new KernelDriver({
      cpus: 2,
      switches,
      tasks: [
        { cpu: 0, mm: 1, body: flush },
        {
          cpu: 1,
          mm: 1,
          *body(cpu) {
            cache(cpu, 3);
            yield* cpu.kernel.sysSleep(cpu);
            cpu.at(USES, NOWHERE);
            yield;
          },
        },
      ],
    });
    d.runTo(1, 'nothing to run');
    d.runTo(0, 'body of the task has ended');
    return { idle: d, lazyCached: cached(d, 1), loaded: d.columns.tlbState.loadedMm.peek(1 as CpuId) };
  }
  const flushThenWake = (flush: Body): Body =>
    function* (cpu) {
      yield* flush(cpu);
      yield* cpu.kernel.wakeUp(cpu, (cpu.current + 1) as typeof cpu.current, WAKE_USER);
    };

  it('an idle CPU is skipped, keeps its stale entry, and drops it before it runs user code again', () => {
    const { idle, lazyCached } = idleDuring(flushThenWake(flushesPage(3)));
    expect(lazyCached).toEqual(['1:3']);
    expect(counts(idle, 0)).toEqual({ requests: 1, targets: 1, skipped: 1, ipis: 0 });
    idle.runTo(1, 'uses its pages');
    expect(cached(idle, 1)).toEqual([]);
  });

  it('freed tables reach a lazy CPU too: it gives the mm up', () => {
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: flushesAll },
        { cpu: 1, mm: 1, body: (cpu) => cpu.kernel.sysSleep(cpu) },
      ],
    });
    d.runTo(1, 'nothing to run');
    expect(d.columns.tlbState.loadedMm.peek(1 as CpuId)).toBe(MM);
    d.run();
    expect(d.columns.tlbState.loadedMm.peek(1 as CpuId)).toBe(INIT_MM);
    expect(d.columns.regs.cr3Pgd.peek(1 as CpuId)).toBe(d.columns.mm.pgd.peek(INIT_MM));
    expect(counts(d, 0)).toMatchObject({ skipped: 0, ipis: 1 });
  });

  it('without lazy TLB an idle CPU has left the mm already', () => {
    const { loaded } = idleDuring(flushesPage(3), { lazyTlb: false });
    expect(loaded).toBe(INIT_MM);
  });

  it('a CPU that forgets to read the generation when it stops being lazy keeps the stale entry', () => {
    const forgetful = {
      *switchMmIrqsOff(cpu: Cpu, next: MmId): Path<void> {
        const { isLazy, loadedMm } = cpu.tlbState;
        if (loadedMm.load(cpu.id) !== next) return yield* MAINLINE.switchMmIrqsOff(cpu, next);
        cpu.at(USES, isLazy.at(cpu.id));
        yield;
        isLazy.store(cpu.id, 0);
      },
    };
    const d = new KernelDriver({
      cpus: 2,
      routines: forgetful,
      tasks: [
        { cpu: 0, mm: 1, body: flushThenWake(flushesPage(3)) },
        {
          cpu: 1,
          mm: 1,
          *body(cpu) {
            cache(cpu, 3);
            yield* cpu.kernel.sysSleep(cpu);
          },
        },
      ],
    });
    d.runTo(1, 'nothing to run');
    d.run();
    expect(cached(d, 1)).toEqual(['1:3']);
  });
});

describe('switchMmIrqsOff', () => {
  /** Of `seeds` orders, those in which CPU 1 ends with a translation that CPU 0 flushed while CPU 1 switched to the mm. */
  function staleAfterSwitch(seeds: number, switches = {}): number {
    let stale = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const d = new KernelDriver({
        cpus: 2,
        switches,
        tasks: [
          { cpu: 0, mm: 1, body: flushesPage(3) },
          {
            cpu: 1,
            mm: 1,
            *body(cpu) {
              cache(cpu, 3);
              yield* cpu.kernel.sysSchedYield(cpu);
            },
          },
          { cpu: 1, mm: 2, body: (cpu) => cpu.kernel.sysSleep(cpu) },
        ],
      });
      // CPU 1 has run the other mm and is about to come back
      while (d.columns.tlbState.loadedMm.peek(1 as CpuId) !== OTHER_MM) {
        d.step(d.choices().filter((c) => c.cpu === 1)[0]);
      }
      d.runTo(1, 'about to leave the loaded mm');
      expect(cached(d, 1)).toEqual(d.cpuAt(1).switches.pcid ? ['1:3'] : []);
      d.run({ choose: atRandom(seed * 7919) });
      expect(d.done(0) && d.done(1), d.whoWaits()).toBe(true);
      expect(d.columns.tlbState.loadedMm.peek(1 as CpuId)).toBe(MM);
      if (cached(d, 1).length > 0) stale++;
    }
    return stale;
  }

  it('pairs with the flusher: whoever comes second sees the other, in every order', () => {
    expect(staleAfterSwitch(400)).toBe(0);
    expect(staleAfterSwitch(400, { lazyCpumask: false })).toBe(0);
    expect(staleAfterSwitch(100, { pcid: false })).toBe(0);
  });

  it('kernels that did not interrupt CPUs in the middle of a switch lost flushes (fixed in May 2025)', () => {
    expect(staleAfterSwitch(400, { ipiWhileSwitching: false })).toBeGreaterThan(0);
  });

  it('finds its slot again by ctx_id, and takes slots in turn when there are more mms than ASIDs', () => {
    const asids: string[] = [];
    const visits: Body = function* (cpu) {
      for (const mm of [2, 3, 2, 1, 3]) {
        localIrqSave(cpu);
        const before = cpu.hw.count.fullFlushes.own(cpu.id);
        yield* cpu.kernel.switchMmIrqsOff(cpu, mm as MmId);
        const flushed = cpu.hw.count.fullFlushes.own(cpu.id) > before;
        asids.push(`mm${mm}:asid${cpu.tlbState.loadedMmAsid.own(cpu.id)}${flushed ? ' flushed' : ''}`);
        localIrqRestore(cpu);
      }
    };
    const d = new KernelDriver({ cpus: 1, mms: 3, override: { asids: 2 }, tasks: [{ cpu: 0, mm: 1, body: visits }] });
    d.run();
    expect(asids).toEqual(['mm2:asid1 flushed', 'mm3:asid0 flushed', 'mm2:asid1', 'mm1:asid1 flushed', 'mm3:asid0']);
  });
});

describe('batched unmaps', () => {
  /** Reclaim postpones the flush of a page that CPU 1 has cached. */
  const reclaims = (dirty: boolean): Body =>
    function* (cpu) {
      yield* cpu.kernel.setTlbUbcFlushPending(cpu, MM, (PTE_P | (dirty ? PTE_D : 0)) as PteLo);
    };

  it('a walker that meets pending unmaps flushes them once', () => {
    const walks: Body = function* (cpu) {
      yield* reclaims(false)(cpu);
      yield* cpu.kernel.flushTlbBatchedPending(cpu, MM);
      const { requests } = cpu.kcount;
      expect(requests.own(cpu.id)).toBe(1);
      yield* cpu.kernel.flushTlbBatchedPending(cpu, MM);
      expect(requests.own(cpu.id)).toBe(1);
    };
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: walks },
        { cpu: 1, mm: 1, body: cachesThenHoldsOff(3) },
      ],
    });
    d.runTo(1, 'held off');
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(cached(d, 1)).toEqual([]);
  });

  it('an unmap that comes during the flush of an older one stays pending', () => {
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* reclaims(false)(cpu);
            yield* cpu.kernel.flushTlbBatchedPending(cpu, MM);
          },
        },
        { cpu: 1, mm: 1, body: reclaims(false) },
      ],
    });
    d.runPast(0, 'pending unmaps flushed, mark stale');
    const before = d.columns.mm.tlbFlushBatched.peek(MM);
    expect(before & 0xffff).toBe(1);
    d.runTo(1, 'body of the task has ended');
    d.run();
    const batched = d.columns.mm.tlbFlushBatched.peek(MM);
    expect(batched & 0xffff).toBe(2);
    expect(batched >> 16).toBe(0);
  });

  it('the batch flushes what each of its CPUs has loaded; dirty pages before they are written out', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* reclaims(false)(cpu);
            yield* cpu.kernel.tryToUnmapFlushDirty(cpu);
            order.push(`clean: ${cpu.kcount.requests.own(cpu.id)}`);
            yield* reclaims(true)(cpu);
            yield* cpu.kernel.tryToUnmapFlushDirty(cpu);
            order.push(`dirty: ${cpu.kcount.requests.own(cpu.id)}`);
            yield* cpu.kernel.tryToUnmapFlush(cpu);
            order.push(`paid: ${cpu.kcount.requests.own(cpu.id)}`);
          },
        },
        { cpu: 1, mm: 1, body: cachesThenHoldsOff(3, 5) },
      ],
    });
    d.runTo(1, 'held off');
    d.run();
    expect(order).toEqual(['clean: 0', 'dirty: 1', 'paid: 1']);
    expect(cached(d, 1)).toEqual([]);
    expect(handled(d, 1)).toMatchObject({ runs: 1, flushed: 1 });
  });
});
