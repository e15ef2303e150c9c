/**
 * The states of a program's pages when its history is over: which facts about the entry of a page, about its frame, and about the TLBs hold
 * of it together, two by two. That is fine enough to tell a writable page of the swap cache from one that is shared, and coarse enough
 * for a hunt to come to the same ones again and again.
 */
import type { Machine } from '../engine/machine.ts';
import type { Stepper } from '../engine/stepper.ts';
import { PTE_A, PTE_D, PTE_RW, PTE_US, ptePfn } from '../hardware/pte.ts';
import type { CpuId, Pfn, PteLo, TlbSlot, Vpn } from '../hardware/types.ts';
import { PG_LRU, PG_UPTODATE } from '../kernel/mm/folio.ts';
import type { MmId } from '../kernel/types.ts';
import { entryOf, maps } from '../oracle/entries.ts';

/** Two facts that hold of some page, as a number. */
export type PageState = number;

/** Bits of an entry that say something: those that all user pages have do not, and whether it was accessed hardly does. */
const ENTRY_BITS = 0xfff & ~(PTE_US | PTE_A);
const FOLIO_BITS = 0xffff & ~(PG_UPTODATE | PG_LRU);

/** Numbers of the facts; those of bits have their numbers behind these. */
const NO_ENTRY = 0;
const READ_ONLY = 1;
const CLEAN = 2;
const MAPPED_MORE = 3;
const HELD_MORE = 4;
const OF_TLBS = 5;
const OF_WRITABLE_TLBS = 8;
const OF_ENTRY = 16;
const OF_FOLIO = 32;
const FACTS = 64;
/** CPUs counted one by one; more count as so many. */
const MANY = 2;

export function pageStates({ machine }: Stepper): Set<PageState> {
  const states = new Set<PageState>();
  for (let mm = 1 as MmId; mm <= machine.geometry.mms; mm++) {
    if (machine.columns.mm.pgd.peek(mm) === 0) continue;
    for (const vpn of machine.pages) {
      const facts = factsOf(machine, mm, vpn);
      for (const a of facts) for (const b of facts) if (a <= b) states.add(a * FACTS + b);
    }
  }
  return states;
}

function factsOf({ columns, geometry }: Machine, mm: MmId, vpn: Vpn): number[] {
  const lo = entryOf(columns, geometry, mm, vpn);
  if (lo === 0) return [NO_ENTRY];
  const facts = bitsOf(lo & ENTRY_BITS, OF_ENTRY);
  if ((lo & PTE_RW) === 0) facts.push(READ_ONLY);
  if ((lo & PTE_D) === 0) facts.push(CLEAN);
  return maps(lo) ? [...facts, ...ofFolio(columns, ptePfn(lo)), ...ofTlbs({ columns, geometry }, vpn, lo)] : facts;
}

function ofFolio({ folio }: Machine['columns'], pfn: Pfn): number[] {
  const facts = bitsOf(folio.flags.peek(pfn) & FOLIO_BITS, OF_FOLIO);
  const mappings = folio.mapcount.peek(pfn);
  if (mappings > 1) facts.push(MAPPED_MORE);
  if (folio.refcount.peek(pfn) > mappings) facts.push(HELD_MORE);
  return facts;
}

/** How many CPUs have the page in their TLBs, and how many may write to it without a walk. */
function ofTlbs({ columns: { tlb }, geometry }: Pick<Machine, 'columns' | 'geometry'>, vpn: Vpn, lo: PteLo): number[] {
  let holders = 0;
  let writers = 0;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    let bits = -1;
    for (let slot = 0 as TlbSlot; slot < geometry.tlbSets * geometry.tlbWays; slot++) {
      const held = tlb.lo.peek(id, slot);
      if (held !== 0 && tlb.vpn.peek(id, slot) === vpn && ptePfn(held as PteLo) === ptePfn(lo)) bits = held;
    }
    if (bits === -1) continue;
    holders++;
    if ((bits & PTE_RW) !== 0) writers++;
  }
  return [OF_TLBS + Math.min(holders, MANY), OF_WRITABLE_TLBS + Math.min(writers, MANY)];
}

function bitsOf(word: number, first: number): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 16; bit++) if ((word & (1 << bit)) !== 0) bits.push(first + bit);
  return bits;
}
