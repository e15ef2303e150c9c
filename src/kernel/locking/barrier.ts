/** Linux: arch/x86/include/asm/barrier.h. */
import type { Cpu } from '../cpu.ts';

/**
 * Linux smp_mb(): what this CPU stored is visible before it loads again. On x86 the one order that needs it; stores are seen
 * in their order, and so are loads. A locked read-modify-write is one, too. Its cycles
 * are part of what it stands in.
 */
export function smpMb(cpu: Cpu): void {
  cpu.mem.fence();
}
