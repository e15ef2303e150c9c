/**
 * The textbook shootdown: one per page, at the moment its entry is unhooked or narrowed, while the page-table lock is held;
 * to every CPU of the cpumask, lazy or not, current or not; and it waits. Nothing is owed at any time.
 */
import { invlpg } from '../hardware/invalidate.ts';
import type { Vpn } from '../hardware/types.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { ANY_MM, flushPages } from '../kernel/tlb/flush-info.ts';
import { definePolicy } from './policy.ts';

const AT_ONCE = 'flushed when the entry changes';

export const eager = definePolicy({
  name: 'eager',
  says: 'one shootdown per page the moment its entry changes; waits; skips nobody',
  base: 'mainline 6.18',
  gates: {
    frameReuse: AT_ONCE,
    vaReuse: AT_ONCE,
    tableFree: 'flushed when the table is unhooked, then a grace period',
    narrowing: AT_ONCE,
    content: AT_ONCE,
    atomicAlloc: 'nothing is owed',
  },

  /** Caller holds the PTL, or has just unhooked a table. The gather is left with nothing to flush. */
  *tlbFlushPteRange(cpu, tlb, vpn, pages) {
    for (let i = 0; i < pages; i++) {
      yield* cpu.kernel.flushTlbMmRange(cpu, tlb.mm, vpn + i, vpn + i + 1, tlb.freedTables);
    }
    tlb.freedTables = false;
  },

  *shouldFlushTlb() {
    return true;
  },

  *shouldDeferFlush() {
    return false;
  },

  /** A request for pages is carried out even if a later flush has covered it already. */
  *flushTlbFunc(cpu, initiator) {
    const { tlbState, flushInfo, kcount } = cpu;
    const me = cpu.id;
    const mm = flushInfo.mm.load(initiator);
    const asid = tlbState.loadedMmAsid.own(me);
    const ahead = flushInfo.newTlbGen.load(initiator) - tlbState.ctxTlbGen.own(me, asid);
    const byPage = flushInfo.full.load(initiator) === 0 && ahead <= 1;
    if (mm === ANY_MM || mm !== tlbState.loadedMm.load(me) || tlbState.isLazy.load(me) !== 0 || !byPage) {
      yield* MAINLINE.flushTlbFunc(cpu, initiator);
      return;
    }
    if (initiator !== me) {
      cpu.count(kcount.handlerRuns);
      cpu.count(kcount.handlerFlushed);
    }
    const start = flushInfo.start.load(initiator);
    const pages = flushPages(cpu, initiator);
    for (let i = 0; i < pages; i++) invlpg(cpu, ((start + i) >>> 0) as Vpn);
    if (ahead === 1) tlbState.ctxTlbGen.put(me, flushInfo.newTlbGen.load(initiator), asid);
  },
});
