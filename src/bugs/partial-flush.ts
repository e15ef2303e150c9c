/**
 * A regression of flush_tlb_func(): a request for pages is carried out page by page although requests before it are still
 * to come, and the newest generation is recorded as reached. What those asked for is never flushed.
 */
import { invlpg } from '../hardware/invalidate.ts';
import type { Vpn } from '../hardware/types.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { flushPages } from '../kernel/tlb/flush-info.ts';
import type { MmId } from '../kernel/types.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const BEHIND = point('partial-flush: this CPU is behind the request');

export const partialFlush = definePatch({
  name: 'partial-flush',
  says: 'a CPU that missed generations flushes the pages of the newest request only',
  source: 'Linux arch/x86/mm/tlb.c, flush_tlb_func(), the comment on partial flushes',

  *flushTlbFunc(cpu, initiator) {
    const { tlbState, flushInfo } = cpu;
    const me = cpu.id;
    const loaded = tlbState.loadedMm.load(me) as MmId;
    const asid = tlbState.loadedMmAsid.own(me);
    const ahead = (flushInfo.newTlbGen.load(initiator) - tlbState.ctxTlbGen.own(me, asid)) | 0;
    const forPages = flushInfo.mm.load(initiator) === loaded && flushInfo.full.load(initiator) === 0;
    if (!forPages || tlbState.isLazy.load(me) !== 0 || ahead <= 0) {
      yield* MAINLINE.flushTlbFunc(cpu, initiator);
      return;
    }
    if (cpu.at(BEHIND, cpu.mm.tlbGen.at(loaded))) yield;
    const current = cpu.mm.tlbGen.load(loaded);
    const start = flushInfo.start.load(initiator);
    const pages = flushPages(cpu, initiator);
    for (let i = 0; i < pages; i++) invlpg(cpu, ((start + i) >>> 0) as Vpn);
    tlbState.ctxTlbGen.put(me, current, asid);
  },
});
