/**
 * The x86-64 page-table entry as two Int32 words: low = the even word, high = the odd one. Every transition on which
 * hardware and kernel can race is one operation on the low word; *set* writes high, then low; *clear* exchanges low first
 * (SDM 3A 4.5, and the PAE protocol of 32-bit kernels). The verbs here are the only way to change an entry: they tell the
 * observer first, so that a ghost version is never younger than the store it stands for; where stores wait in a buffer, the
 * memory does so when one leaves it.
 */
import type { Word } from '../memory/memory.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import type { Pfn, PteHi, PteLo } from './types.ts';

export const PTE_P = 1 << 0;
export const PTE_RW = 1 << 1;
export const PTE_US = 1 << 2;
export const PTE_A = 1 << 5;
export const PTE_D = 1 << 6;
/** Page size: a leaf above the last level. */
export const PTE_PS = 1 << 7;
export const PTE_G = 1 << 8;
/** Software bits 9-11. */
export const PTE_SOFT = 7 << 9;
export const PTE_NX = 1 << 31;
export const PTE_NONE = 0 as PteLo;

export function ptePresent(lo: number): boolean {
  return (lo & PTE_P) !== 0;
}
export function pteWrite(lo: number): boolean {
  return (lo & PTE_RW) !== 0;
}
/** The frame of a present entry. */
export function ptePfn(lo: number): Pfn {
  return (lo >>> 12) as Pfn;
}
/** A present entry for `pfn` with the given low bits. */
export function mkPte(pfn: Pfn, bits: number): PteLo {
  return ((pfn << 12) | bits) as PteLo;
}

/** The entry with its rights replaced by the accumulated ones: what a TLB entry holds. */
export function mkRights(lo: PteLo, rights: number): PteLo {
  return ((lo & ~(PTE_RW | PTE_US)) | rights) as PteLo;
}

/** Where an entry lies: `index` within the table in frame `table`. */
export function pteWord(cpu: LogicalCpu, table: Pfn, index: number): Word {
  return cpu.hw.frame.words.at(table, index * 2);
}

/** Reads the low word. Contended: announce `pteWord` first. */
export function pteLoad(cpu: LogicalCpu, table: Pfn, index: number): PteLo {
  return cpu.hw.frame.words.load(table, index * 2) as PteLo;
}
/** Reads the high word, in the same step as the low one. */
export function pteLoadHigh(cpu: LogicalCpu, table: Pfn, index: number): PteHi {
  return cpu.hw.frame.words.load(table, index * 2 + 1) as PteHi;
}

/**
 * Reads an entry as a whole; its high half goes to `cpu.pteHi`. Between threads the halves belong together because a high
 * half only changes while the low one says not present: low, high, and low again until it stands still.
 */
export function pteLoadBoth(cpu: LogicalCpu, table: Pfn, index: number): PteLo {
  let lo = pteLoad(cpu, table, index);
  if (!ptePresent(lo)) return lo;
  cpu.pteHi = pteLoadHigh(cpu, table, index);
  if (cpu.pace.stepping) return lo;
  for (let again = pteLoad(cpu, table, index); again !== lo; again = pteLoad(cpu, table, index)) {
    lo = again;
    cpu.pteHi = pteLoadHigh(cpu, table, index);
  }
  return lo;
}

/**
 * Linux set_pte(): replaces the entry, whatever it holds. Racing A/D updates are lost, so only for entries that are not
 * present.
 */
export function pteStore(cpu: LogicalCpu, table: Pfn, index: number, lo: PteLo, hi: PteHi): void {
  const { mem } = cpu;
  const word = pteWord(cpu, table, index);
  if (!mem.buffered) cpu.observer?.pteChanges(cpu, table, index, mem.words[word], lo, mem.words[word + 1], hi);
  mem.storePair(word, lo, hi);
}

/** Linux ptep_get_and_clear(): takes the entry away in one exchange, so that no A or D bit set by hardware is lost. */
export function pteExchange(cpu: LogicalCpu, table: Pfn, index: number, lo: PteLo): PteLo {
  const { mem } = cpu;
  const word = cpu.hw.frame.words.at(table, index * 2);
  mem.fence();
  const hi = mem.words[word + 1];
  cpu.observer?.pteChanges(cpu, table, index, mem.words[word], lo, hi, hi);
  return mem.exchange(word, lo) as PteLo;
}

/** Replaces the low word if it still holds `expected`; returns what it held. The observer hears of it only if it can succeed. */
export function pteCas(cpu: LogicalCpu, table: Pfn, index: number, expected: PteLo, lo: PteLo): PteLo {
  const { mem } = cpu;
  const word = cpu.hw.frame.words.at(table, index * 2);
  mem.fence();
  const hi = mem.words[word + 1];
  if (mem.words[word] === expected) cpu.observer?.pteChanges(cpu, table, index, expected, lo, hi, hi);
  return mem.cas(word, expected, lo) as PteLo;
}
