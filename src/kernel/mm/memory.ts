/**
 * Linux: mm/memory.c handle_mm_fault() to handle_pte_fault(), do_anonymous_page(). Callers hold the VMA or mmap_lock for
 * reading; so other faults and DONTNEED run at the same time, and what was read without the PTL is checked again under it.
 */
import { PTE_A, PTE_RW, pteLoad, pteStore, pteWord, pteWrite } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_USER } from '../observer.ts';
import { type FileId, type MmId, NO_FILE, NO_SLOT, VM_EXEC, VM_READ, VM_WRITE, type VmaId } from '../types.ts';
import { VM_FAULT_OOM } from './fault.ts';
import { NO_PAGE, zeroPfn } from './page-alloc.ts';
import { leafIndex, pmdLevel, tableWalk } from './pgtable.ts';
import { migrationPfn, PTE_SPECIAL, protHi, protLo, pteMapped, pteNone, pteProtnone, swapSlotOf } from './pte-prot.ts';
import { PTE_DIRTIED } from './pte-tracking.ts';
import { RMAP_EXCLUSIVE } from './rmap.ts';
import { vmaRange } from './vma-tree.ts';

export const PTE_UNLOCKED = point('handlePteFault: pte to be read, no lock yet');
export const PTE_RECHECK = point('handlePteFault: PTL taken, pte to be rechecked');
export const ANON_RECHECK = point('doAnonymousPage: page ready, PTL taken, pte to be rechecked');
export const ANON_SETS = point('doAnonymousPage: pte still none, to be set');
export const ACCESS_FLAGS = point('ptepSetAccessFlags: entry to be widened');

/** Linux: struct vm_fault. Lives as long as the fault. */
export interface VmFault {
  readonly mm: MmId;
  readonly vma: VmaId;
  readonly vpn: Vpn;
  readonly vmFlags: number;
  readonly write: boolean;
  readonly pmd: Pfn;
  /** The mapped file and its page; NO_FILE for anonymous memory. */
  readonly file: FileId;
  readonly pgoff: number;
  /** The entry as it was read without the PTL. */
  readonly origPte: PteLo;
}

/** Linux: handle_mm_fault() and __handle_mm_fault(): creates the tables above, then handles the entry. 0 or a VM_FAULT_ code. */
export function* handleMmFault(cpu: Cpu, mm: MmId, vma: VmaId, vpn: Vpn, write: boolean): Path<number> {
  const { flags: vmFlags, start, pgoff, object } = vmaRange(cpu, vma);
  const pmd = yield* cpu.kernel.walkToPmdAlloc(cpu, tableWalk(cpu, mm), vpn);
  if (pmd === NO_PAGE) return VM_FAULT_OOM;
  const file = object as FileId;
  const vmf = { mm, vma, vpn, vmFlags, write, pmd, file, pgoff: pgoff + vpn - start, origPte: 0 as PteLo };
  return yield* cpu.kernel.handlePteFault(cpu, vmf);
}

/** Linux: handle_pte_fault(). The entry is looked at first without the PTL, under RCU alone. */
export function* handlePteFault(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const { vpn } = vmf;
  const pte = yield* kernel.pteOffsetMap(cpu, vmf.pmd, vpn);
  if (pte === NO_PAGE) return yield* kernel.doPteMissing(cpu, vmf);
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PTE_UNLOCKED, word)) yield;
  const origPte = pteLoad(cpu, pte, index);
  if (pteNone(origPte)) {
    yield* kernel.pteUnmap(cpu);
    return yield* kernel.doPteMissing(cpu, vmf);
  }
  if (migrationPfn(origPte) !== NO_PAGE) {
    yield* kernel.pteUnmap(cpu);
    yield* kernel.migrationEntryWait(cpu, vmf);
    return 0;
  }
  if (swapSlotOf(origPte) !== NO_SLOT) {
    yield* kernel.pteUnmap(cpu);
    return yield* kernel.doSwapPage(cpu, combined(vmf, { origPte }));
  }
  // vma_is_accessible(): the kernel comes to mappings without rights, too
  const isHint = pteProtnone(origPte) && (vmf.vmFlags & (VM_READ | VM_WRITE | VM_EXEC)) !== 0;
  if (isHint) return yield* kernel.doNumaPage(cpu, combined(vmf, { origPte }), pte);
  if (!pteMapped(origPte)) {
    cpu.bug(`mm ${vmf.mm} page 0x${vpn.toString(16)}: pte 0x${(origPte >>> 0).toString(16)} in an accessible mapping`);
  }
  yield* kernel.spinLock(cpu, cpu.folio.ptl.at(pte));
  if (cpu.at(PTE_RECHECK, word)) yield;
  const now = pteLoad(cpu, pte, index);
  if (now !== origPte) yield* kernel.updateMmuTlb(cpu, vmf, now);
  else {
    if (vmf.write && !pteWrite(origPte)) return yield* kernel.doWpPage(cpu, combined(vmf, { origPte }), pte);
    // spurious, or another thread was faster: nothing but A and D can be missing
    cpu.count(cpu.hw.count.spuriousFaults);
    const entry = (origPte | PTE_A | (vmf.write ? PTE_DIRTIED : 0)) as PteLo;
    yield* kernel.ptepSetAccessFlags(cpu, vmf, pte, origPte, entry);
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return 0;
}

/** Linux: do_pte_missing(). */
export function* doPteMissing(cpu: Cpu, vmf: VmFault): Path<number> {
  return vmf.file === NO_FILE ? yield* cpu.kernel.doAnonymousPage(cpu, vmf) : yield* cpu.kernel.doFault(cpu, vmf);
}

/**
 * Linux: update_mmu_tlb(): another thread has changed the entry while this fault was under way, `now` is what it holds. On
 * x86 there is nothing to do. Caller holds the PTL.
 */
export function* updateMmuTlb(_cpu: Cpu, _vmf: VmFault, _now: PteLo): Path<void> {}

/**
 * Linux: ptep_set_access_flags(): only ever widens, so no other CPU needs a flush; its stale entry costs it one spurious
 * fault at most (B-13, B-14). Caller holds the PTL. The store loses no A or D: both are set in `entry` if hardware may.
 */
export function* ptepSetAccessFlags(cpu: Cpu, vmf: VmFault, pte: Pfn, old: PteLo, entry: PteLo): Path<void> {
  if (entry === old) return;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  if (cpu.at(ACCESS_FLAGS, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, entry, protHi(vmf.vmFlags));
}

/** Linux: do_anonymous_page(): the zero page for reads, a page of its own for writes. 0 or VM_FAULT_OOM. */
export function* doAnonymousPage(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel, geometry } = cpu;
  const { mm, vpn, vmFlags, pmd } = vmf;
  if (!(yield* kernel.pteAlloc(cpu, mm, pmd, pmdLevel(geometry), vpn))) return VM_FAULT_OOM;
  let page = NO_PAGE;
  let entry = ((zeroPfn(geometry) << 12) | protLo(vmFlags) | PTE_SPECIAL) as PteLo;
  if (vmf.write) {
    page = yield* kernel.allocPage(cpu, OWNER_USER);
    if (page === NO_PAGE) return VM_FAULT_OOM;
    yield* kernel.clearPage(cpu, page, geometry.wordsPerPage);
    entry = mkNewPte(page, vmFlags);
  }
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) {
    if (page !== NO_PAGE) yield* kernel.folioPut(cpu, page);
    return 0;
  }
  const index = leafIndex(geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(ANON_RECHECK, word)) yield;
  const now = pteLoad(cpu, pte, index);
  const changed = !pteNone(now);
  if (changed) yield* kernel.updateMmuTlb(cpu, vmf, now);
  else {
    if (page !== NO_PAGE) yield* kernel.folioAddNewAnonRmap(cpu, page, vmf, RMAP_EXCLUSIVE);
    if (cpu.at(ANON_SETS, word)) yield;
    pteStore(cpu, pte, index, entry, protHi(vmFlags));
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  if (changed && page !== NO_PAGE) yield* kernel.folioPut(cpu, page);
  return 0;
}

/** Linux: maybe_mkwrite(pte_mkdirty(folio_mk_pte())) of a page that this mapping owns alone. */
export function mkNewPte(page: Pfn, vmFlags: number): PteLo {
  return maybeMkwrite(((page << 12) | protLo(vmFlags) | PTE_DIRTIED) as PteLo, vmFlags);
}

/** Linux: maybe_mkwrite(): a forced write may come to a mapping that does not allow it. */
export function maybeMkwrite(entry: PteLo, vmFlags: number): PteLo {
  return ((vmFlags & VM_WRITE) !== 0 ? entry | PTE_RW : entry) as PteLo;
}
