/**
 * Linux: mm/memory.c do_fault(): a fault at an entry that is none, in a file mapping. Reads and stores of private mappings map
 * or copy the folio of the page cache; a store of a shared mapping first tells the file system (page_mkwrite), which marks
 * the folio dirty; a memory file need not be told. Callers hold the VMA or mmap_lock for reading.
 */
import { PTE_A, PTE_RW, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isMemoryFile } from '../fs/inode.ts';
import { OWNER_USER } from '../observer.ts';
import { VM_PFNMAP, VM_SHARED } from '../types.ts';
import { VM_FAULT_OOM } from './fault.ts';
import { mkNewPte, type VmFault } from './memory.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdLevel } from './pgtable.ts';
import { protHi, protLo, pteNone } from './pte-prot.ts';
import { PTE_DIRTIED } from './pte-tracking.ts';
import { RMAP_EXCLUSIVE } from './rmap.ts';

export const FILE_RECHECK = point('finishFault: folio ready, PTL taken, pte to be rechecked');
export const FILE_COUNTS = point('finishFault: pte still none, mapping to be counted');
export const FILE_SETS = point('finishFault: counted, pte to be set');
export const MKWRITE_RECHECK = point('finishMkwriteFault: folio dirty, PTL taken, pte to be rechecked');

/** Linux: do_fault(). 0 or a VM_FAULT_ code. */
export function* doFault(cpu: Cpu, vmf: VmFault): Path<number> {
  if ((vmf.vmFlags & VM_PFNMAP) !== 0) return yield* cpu.kernel.vfioPciMmapPageFault(cpu, vmf);
  if (!vmf.write) return yield* cpu.kernel.doReadFault(cpu, vmf);
  if ((vmf.vmFlags & VM_SHARED) !== 0) return yield* cpu.kernel.doSharedFault(cpu, vmf);
  return yield* cpu.kernel.doCowFault(cpu, vmf);
}

/**
 * Linux: vma->vm_ops->fault() as __do_fault() calls it: the folio, locked, with a reference; or the negative of a VM_FAULT_
 * code.
 */
function* fileFault(cpu: Cpu, { file, pgoff }: VmFault): Path<number> {
  const { kernel } = cpu;
  return isMemoryFile(cpu, file)
    ? yield* kernel.shmemFault(cpu, file, pgoff)
    : yield* kernel.filemapFault(cpu, file, pgoff);
}

/** Linux: do_read_fault(), without fault-around. */
export function* doReadFault(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const found = yield* fileFault(cpu, vmf);
  if (found < 0) return -found;
  const folio = found as Pfn;
  const fault = yield* kernel.finishFault(cpu, vmf, folio, ((folio << 12) | protLo(vmf.vmFlags)) as PteLo);
  yield* kernel.folioUnlock(cpu, folio);
  if (fault !== 0) yield* kernel.folioPut(cpu, folio);
  return fault === VM_FAULT_OOM ? fault : 0;
}

/** Linux: do_cow_fault(): the page of its own is allocated before the folio is locked, and filled under the folio lock. */
export function* doCowFault(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const page: Pfn = yield* kernel.allocPage(cpu, OWNER_USER);
  if (page === NO_PAGE) return VM_FAULT_OOM;
  const found = yield* fileFault(cpu, vmf);
  if (found < 0) {
    yield* kernel.folioPut(cpu, page);
    return -found;
  }
  const folio = found as Pfn;
  yield* kernel.copyPage(cpu, folio, page);
  const fault = yield* kernel.finishFault(cpu, vmf, page, mkNewPte(page, vmf.vmFlags));
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  if (fault !== 0) yield* kernel.folioPut(cpu, page);
  return fault === VM_FAULT_OOM ? fault : 0;
}

/** Linux: do_shared_fault(). A memory file has no page_mkwrite: there the folio stays locked. */
export function* doSharedFault(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const found = yield* fileFault(cpu, vmf);
  if (found < 0) return -found;
  const folio = found as Pfn;
  if (!isMemoryFile(cpu, vmf.file)) {
    yield* kernel.folioUnlock(cpu, folio);
    if (!(yield* kernel.doPageMkwrite(cpu, vmf, folio))) {
      yield* kernel.folioPut(cpu, folio);
      return 0;
    }
  }
  const entry = ((folio << 12) | protLo(vmf.vmFlags) | PTE_RW | PTE_DIRTIED) as PteLo;
  const fault = yield* kernel.finishFault(cpu, vmf, folio, entry);
  yield* kernel.faultDirtySharedPage(cpu, folio);
  if (fault !== 0) yield* kernel.folioPut(cpu, folio);
  return fault === VM_FAULT_OOM ? fault : 0;
}

/** What finishFault returns when another thread was faster (Linux: VM_FAULT_NOPAGE): the caller keeps its reference. */
const NOPAGE = -1;

/**
 * Linux: finish_fault() and set_pte_range(): sets the entry if it is still none; then it keeps the caller's reference.
 * 0, NOPAGE or VM_FAULT_OOM. `entry` maps `page`, a folio of the page cache or a private copy.
 */
export function* finishFault(cpu: Cpu, vmf: VmFault, page: Pfn, entry: PteLo): Path<number> {
  const { kernel, geometry } = cpu;
  if (!(yield* kernel.pteAlloc(cpu, vmf.mm, vmf.pmd, pmdLevel(geometry), vmf.vpn))) return VM_FAULT_OOM;
  const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
  if (pte === NO_PAGE) return NOPAGE;
  const index = leafIndex(geometry, vmf.vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(FILE_RECHECK, word)) yield;
  const now = pteLoad(cpu, pte, index);
  const changed = !pteNone(now);
  if (changed) yield* kernel.updateMmuTlb(cpu, vmf, now);
  else {
    if (vmf.write && (vmf.vmFlags & VM_SHARED) === 0) yield* kernel.folioAddNewAnonRmap(cpu, page, vmf, RMAP_EXCLUSIVE);
    else yield* kernel.folioAddFileRmapPte(cpu, page, FILE_COUNTS);
    if (cpu.at(FILE_SETS, word)) yield;
    pteStore(cpu, pte, index, entry, protHi(vmf.vmFlags));
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return changed ? NOPAGE : 0;
}

/**
 * Linux: do_page_mkwrite() with a file system that marks the folio dirty: true with the folio locked; false, unlocked, if it
 * left the page cache meanwhile: the access is tried again. Caller holds a reference.
 */
export function* doPageMkwrite(cpu: Cpu, vmf: VmFault, folio: Pfn): Path<boolean> {
  const { kernel } = cpu;
  yield* kernel.folioLock(cpu, folio);
  if (cpu.folio.mapping.load(folio) === vmf.file) {
    yield* kernel.folioMarkDirty(cpu, folio);
    yield* kernel.folioWaitWriteback(cpu, folio);
    return true;
  }
  yield* kernel.folioUnlock(cpu, folio);
  return false;
}

/** Linux: fault_dirty_shared_page(). The folio is locked; unlocks it. */
export function* faultDirtySharedPage(cpu: Cpu, folio: Pfn): Path<void> {
  yield* cpu.kernel.folioMarkDirty(cpu, folio);
  yield* cpu.kernel.folioUnlock(cpu, folio);
}

/**
 * Linux: wp_page_shared(): a store to a read-only entry of a shared mapping. A memory file has no page_mkwrite: its entry becomes
 * writable at once (wp_page_reuse()), the folio dirty behind that. Caller holds the PTL, which is dropped.
 */
export function* wpPageShared(cpu: Cpu, vmf: VmFault, pte: Pfn, folio: Pfn): Path<number> {
  const { kernel } = cpu;
  yield* kernel.folioGet(cpu, folio);
  let writable = true;
  if (isMemoryFile(cpu, vmf.file)) {
    yield* kernel.ptepSetAccessFlags(cpu, vmf, pte, vmf.origPte, asWritten(vmf.origPte));
    yield* kernel.pteUnmapUnlock(cpu, pte);
    yield* kernel.folioLock(cpu, folio);
  } else {
    yield* kernel.pteUnmapUnlock(cpu, pte);
    writable = yield* kernel.doPageMkwrite(cpu, vmf, folio);
    if (writable) yield* kernel.finishMkwriteFault(cpu, vmf);
  }
  if (writable) yield* kernel.faultDirtySharedPage(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  return 0;
}

/** Linux: pte_mkyoung(), pte_mkdirty(), pte_mkwrite(). */
function asWritten(entry: PteLo): PteLo {
  return (entry | PTE_A | PTE_DIRTIED | PTE_RW) as PteLo;
}

/** Linux: finish_mkwrite_fault(): the entry becomes writable if it is what it was. */
export function* finishMkwriteFault(cpu: Cpu, vmf: VmFault): Path<void> {
  const { kernel } = cpu;
  const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
  if (pte === NO_PAGE) return;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  if (cpu.at(MKWRITE_RECHECK, pteWord(cpu, pte, index))) yield;
  const now = pteLoad(cpu, pte, index);
  if (now === vmf.origPte) yield* kernel.ptepSetAccessFlags(cpu, vmf, pte, now, asWritten(now));
  else yield* kernel.updateMmuTlb(cpu, vmf, now);
  yield* kernel.pteUnmapUnlock(cpu, pte);
}
