/** Linux: arch/x86/mm/fault.c: a page fault of user code, from the error code to handled or signal. */
import type { Vpn } from '../../hardware/types.ts';
import { FAULT_PRESENT, FAULT_WRITE } from '../../hardware/walker.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { FAULT_HANDLED, INIT_MM, type MmId, SIGBUS, SIGKILL, SIGSEGV, VM_EXEC, VM_READ, VM_WRITE } from '../types.ts';
import { NO_VMA, vmaFlags, vmaLookup } from './vma-tree.ts';

/** Results of handleMmFault (Linux: vm_fault_t): 0 is handled, or nothing to do: the access is tried again. */
export const VM_FAULT_OOM = 1;
/** The access leads behind the end of a file. */
export const VM_FAULT_SIGBUS = 2;

/**
 * Linux: do_user_addr_fault(). FAULT_HANDLED, or the signal that the task gets: SIGSEGV, SIGBUS behind the end of a file, or
 * SIGKILL when no frame can be had. Interrupts on, no lock held. Tries the per-VMA lock before mmap_lock.
 */
export function* doUserAddrFault(cpu: Cpu, vpn: Vpn, errorCode: number): Path<number> {
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  if (mm === INIT_MM) return SIGSEGV;
  if (cpu.switches.perVmaLocks) {
    const vma = yield* cpu.kernel.lockVmaUnderRcu(cpu, mm, vpn);
    if (vma !== NO_VMA) {
      const flags = vmaFlags(cpu, vma);
      const bad = accessError(errorCode, flags);
      const fault = bad ? 0 : yield* cpu.kernel.handleMmFault(cpu, mm, vma, vpn, (errorCode & FAULT_WRITE) !== 0);
      yield* cpu.kernel.vmaEndRead(cpu, vma);
      return bad ? SIGSEGV : signalOf(fault);
    }
  }
  yield* cpu.kernel.mmapReadLock(cpu, mm);
  const vma = vmaLookup(cpu, mm, vpn);
  const bad = vma === NO_VMA || accessError(errorCode, vmaFlags(cpu, vma));
  const fault = bad ? 0 : yield* cpu.kernel.handleMmFault(cpu, mm, vma, vpn, (errorCode & FAULT_WRITE) !== 0);
  yield* cpu.kernel.mmapReadUnlock(cpu, mm);
  return bad ? SIGSEGV : signalOf(fault);
}

/** Linux: access_error(): does the mapping forbid the access, whatever the page tables say? */
function accessError(errorCode: number, vmFlags: number): boolean {
  if ((errorCode & FAULT_WRITE) !== 0) return (vmFlags & VM_WRITE) === 0;
  // a load or fetch that found a present entry: the entry forbids it, and no fault can change that
  if ((errorCode & FAULT_PRESENT) !== 0) return true;
  return (vmFlags & (VM_READ | VM_WRITE | VM_EXEC)) === 0;
}

function signalOf(fault: number): number {
  if (fault === VM_FAULT_SIGBUS) return SIGBUS;
  return fault === VM_FAULT_OOM ? SIGKILL : FAULT_HANDLED;
}
