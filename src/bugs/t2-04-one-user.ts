/**
 * T2-04, second form, 2018, commit d86564a2f085: a table of an mm with a single user is freed at once, although that user's
 * own CPU, and lazy ones, still have it in their paging-structure caches.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const ANYONE_ELSE = point('t2-04-one-user: table unhooked, users to be read');

export const t204OneUser = definePatch({
  name: 't2-04-one-user',
  says: 'a table of an mm with one user is freed before it is flushed',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/d86564a2f085',

  *tlbRemoveTable(cpu, tlb, pfn, vpn) {
    if (cpu.at(ANYONE_ELSE, cpu.mm.users.at(tlb.mm))) yield;
    if (cpu.mm.users.load(tlb.mm) > 1) {
      yield* MAINLINE.tlbRemoveTable(cpu, tlb, pfn, vpn);
      return;
    }
    tlb.freedTables = true;
    yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
    yield* cpu.kernel.freePage(cpu, pfn);
  },
});
