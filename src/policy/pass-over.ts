/** Allocation by whoever cannot tell other CPUs to flush: interrupts are off, and two that wait for each other wait for ever. */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import type { Path } from '../memory/point.ts';

/**
 * The first frame that `take` gives and that owes no flush; those passed over go back as they were. NO_PAGE if there is none. Not
 * guaranteed: that others find the frames passed over meanwhile.
 */
export function* passOverOwing(
  cpu: Cpu,
  take: () => Path<Pfn>,
  owesNothing: (cpu: Cpu, pfn: Pfn) => Path<boolean>,
): Path<Pfn> {
  const owing: Pfn[] = [];
  let pfn = yield* take();
  while (pfn !== NO_PAGE && !(yield* owesNothing(cpu, pfn))) {
    owing.push(pfn);
    pfn = yield* take();
  }
  for (const frame of owing) yield* cpu.kernel.freeUnrefPageCommit(cpu, frame);
  return pfn;
}
