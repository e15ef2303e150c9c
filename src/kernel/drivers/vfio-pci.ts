/**
 * A driver that lets programs map the frames of its device: Linux' drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_mmap(),
 * vfio_pci_mmap_page_fault(), vfio_pci_zap_and_down_write_memory_lock(). Entries are raw: no folio, no references, no reverse map but
 * the list of the file's mappings. Here the memory is ordinary frames, as that of dma_alloc_coherent(): they come with the first
 * mmap, and go back to the allocator when the driver takes them away.
 */
import { PTE_RW, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { iSizeRead } from '../fs/inode.ts';
import { VM_FAULT_OOM, VM_FAULT_SIGBUS } from '../mm/fault.ts';
import type { VmFault } from '../mm/memory.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { leafIndex, pmdLevel } from '../mm/pgtable.ts';
import { PTE_SPECIAL, protHi, protLo, pteNone } from '../mm/pte-prot.ts';
import { OWNER_KERNEL } from '../observer.ts';
import { EBADF, EINVAL, ENODEV, ENOMEM, type FileId, VM_SHARED, VM_WRITE } from '../types.ts';

export const REGION_SIZE = point('vfioPciMmap: how many pages has the device?');
export const RAW_RECHECK = point('insertPfn: PTL taken, pte to be rechecked');
export const RAW_SETS = point('insertPfn: pte still none, to be set');

/** Does the file stand for a device? */
export function isDevice(cpu: Cpu, file: FileId): boolean {
  return cpu.deviceMemory.isDevice.load(file) !== 0;
}

/** Linux: vfio_pci_core_mmap(): 0, or a negative errno. Only shared mappings. Caller holds mmap_lock for writing. */
export function* vfioPciMmap(cpu: Cpu, file: FileId, vmFlags: number): Path<number> {
  const { kernel, deviceMemory, geometry } = cpu;
  if ((vmFlags & VM_SHARED) === 0) return EINVAL;
  const pages = yield* iSizeRead(cpu, file, REGION_SIZE);
  yield* kernel.downWrite(cpu, deviceMemory.memoryLock.at(file));
  let error = deviceMemory.revoked.load(file) !== 0 ? ENODEV : 0;
  for (let index = 0; error === 0 && index < pages; index++) {
    if (deviceMemory.frame.load(file, index) !== NO_PAGE) continue;
    const pfn = yield* kernel.allocPage(cpu, OWNER_KERNEL);
    if (pfn === NO_PAGE) error = ENOMEM;
    else {
      yield* kernel.clearPage(cpu, pfn, geometry.wordsPerPage);
      deviceMemory.frame.store(file, pfn, index);
    }
  }
  yield* kernel.upWrite(cpu, deviceMemory.memoryLock.at(file));
  return error;
}

/**
 * Linux: vfio_pci_mmap_page_fault(): 0 or a VM_FAULT_ code. What is inserted under memory_lock, whoever takes the memory away
 * will find.
 */
export function* vfioPciMmapPageFault(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel, deviceMemory } = cpu;
  const lock = deviceMemory.memoryLock.at(vmf.file);
  yield* kernel.downRead(cpu, lock);
  const pfn = deviceMemory.frame.load(vmf.file, vmf.pgoff) as Pfn;
  const fault = pfn === NO_PAGE ? VM_FAULT_SIGBUS : yield* kernel.vmfInsertPfn(cpu, vmf, pfn);
  yield* kernel.upRead(cpu, lock);
  return fault;
}

/**
 * Linux: mm/memory.c vmf_insert_pfn(), insert_pfn(): a special entry, writable at once where the mapping is: nobody waits for the first
 * store. 0 or VM_FAULT_OOM.
 */
export function* vmfInsertPfn(cpu: Cpu, { mm, pmd, vpn, vmFlags }: VmFault, pfn: Pfn): Path<number> {
  const { kernel, geometry } = cpu;
  if (!(yield* kernel.pteAlloc(cpu, mm, pmd, pmdLevel(geometry), vpn))) return VM_FAULT_OOM;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return 0;
  const index = leafIndex(geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(RAW_RECHECK, word)) yield;
  if (pteNone(pteLoad(cpu, pte, index))) {
    const writable = (vmFlags & VM_WRITE) !== 0 ? PTE_RW : 0;
    if (cpu.at(RAW_SETS, word)) yield;
    pteStore(cpu, pte, index, ((pfn << 12) | protLo(vmFlags) | PTE_SPECIAL | writable) as PteLo, protHi(vmFlags));
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return 0;
}

/**
 * Linux: vfio_pci_zap_and_down_write_memory_lock(), and what a driver does behind it: every mapping loses its entries, flushed, then
 * the memory is somebody else's. -EBADF of a file that is no device's.
 */
export function* vfioPciRevoke(cpu: Cpu, file: FileId): Path<number> {
  const { kernel, deviceMemory, geometry } = cpu;
  if (!isDevice(cpu, file)) return EBADF;
  const lock = deviceMemory.memoryLock.at(file);
  yield* kernel.downWrite(cpu, lock);
  deviceMemory.revoked.store(file, 1);
  yield* kernel.unmapMappingRange(cpu, file, 0, geometry.filePages);
  for (let index = 0; index < geometry.filePages; index++) {
    const pfn = deviceMemory.frame.load(file, index) as Pfn;
    if (pfn === NO_PAGE) continue;
    deviceMemory.frame.store(file, NO_PAGE, index);
    yield* kernel.freePage(cpu, pfn);
  }
  yield* kernel.upWrite(cpu, lock);
  return 0;
}
