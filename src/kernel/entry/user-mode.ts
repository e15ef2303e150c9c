/** Linux: kernel/entry/common.c exit_to_user_mode_loop(), arch/x86/mm/fault.c exc_page_fault(). */
import type { Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

const LEAVES_KERNEL = point('exitToUserMode: work done, need_resched not read');

/** On the way back to user mode: gives the CPU away as often as asked, then is quiescent for RCU. */
export function* exitToUserMode(cpu: Cpu): Path<void> {
  const { rq, kernel } = cpu;
  for (;;) {
    const word = rq.needResched.at(cpu.id);
    if (cpu.at(LEAVES_KERNEL, word)) yield;
    if (cpu.mem.load(word) === 0) break;
    yield* kernel.schedule(cpu);
  }
  yield* kernel.rcuAdvance(cpu);
}

/** A page fault of user code at `vpn` with x86 error code `errorCode`. 0: handled, retry; otherwise the signal. */
export function* excPageFault(cpu: Cpu, vpn: Vpn, errorCode: number): Path<number> {
  return yield* cpu.kernel.doUserAddrFault(cpu, vpn, errorCode);
}
