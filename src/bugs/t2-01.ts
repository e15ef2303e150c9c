/**
 * T2-01, 2016, CVE-2016-2069, commit 71b3c126e611: the initiator of a shootdown has no full barrier between what it changed and
 * its look at who uses the mm. Here what it changed is the generation, because the entry itself is cleared by a locked
 * exchange: a CPU that switches back to the mm reads the old generation and keeps its entries, while the initiator still
 * sees it gone. Only store buffers show it (`--memory tso`).
 */
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const GEN_WANTED = point('t2-01: generation to be read');
const GEN_READ = point('t2-01: generation read, not raised');

export const t201 = definePatch({
  name: 't2-01',
  says: 'a shootdown raises the generation by a plain store and reads the cpumask with no barrier between (needs --memory tso)',
  year: 2016,
  source: 'https://git.kernel.org/torvalds/c/71b3c126e611',

  *incMmTlbGen(cpu, mm) {
    const { tlbGen } = cpu.mm;
    if (cpu.at(GEN_WANTED, tlbGen.at(mm))) yield;
    const raised = (tlbGen.load(mm) + 1) | 0;
    if (cpu.at(GEN_READ, tlbGen.at(mm))) yield;
    tlbGen.store(mm, raised);
    return raised;
  },
});
