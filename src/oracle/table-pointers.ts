/**
 * What hardware keeps that leads to page tables: the root that each CPU has loaded, and the entries of its paging-structure cache for
 * that address space. It may follow them at any time, for pages that nobody asks for (B-8): a table to which one of them
 * leads must not go back to the allocator.
 */
import type { CpuId, Pfn, Vpn } from '../hardware/types.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';

interface TablePointer {
  readonly cpu: CpuId;
  /** The first page of those that are found by it. */
  readonly vpn: Vpn;
}

/** A table is about to be free: what would a walk do that begins when it is? Not in `threads`, where other CPUs run on. */
export function probeTable(ghost: Ghost, table: Pfn): void {
  if (!ghost.checks.probe || ghost.options.threads) return;
  const { epoch } = ghost.g.frame;
  const found = somePointer(ghost, (to, then) => to === table && then === epoch.peek(table));
  if (!found) return;
  ghost.convict({
    ...NO_ACCESS,
    harm: 'table-reuse',
    says: `a walk of CPU${found.cpu} for page ${found.vpn} would read the page table in frame ${table}, which is free`,
    cpu: found.cpu,
    vpn: found.vpn,
    stale: true,
    probe: true,
  });
}

/** Does hardware keep a pointer to a table that is in no page table any more? The moments at which a flush is due, or missed. */
export function keepsUnhooked(ghost: Ghost): boolean {
  const { epoch, tableMm } = ghost.g.frame;
  return somePointer(ghost, (to, then) => tableMm.peek(to) === 0 || epoch.peek(to) !== then) !== undefined;
}

/** One of the pointers of which it is so. */
function somePointer(ghost: Ghost, is: (table: Pfn, epoch: number) => boolean): TablePointer | undefined {
  const { g, machine, geometry } = ghost;
  const { regs, psc } = machine;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    const root = regs.cr3Pgd.peek(id) as Pfn;
    if (root === 0) continue;
    if (is(root, g.cpu.rootEpoch.peek(id))) return { cpu: id, vpn: 0 as Vpn };
    const pcid = regs.cr3Pcid.peek(id);
    for (let slot = 0; slot < geometry.pscEntries; slot++) {
      const depth = psc.level.peek(id, slot);
      if (depth === 0 || psc.pcid.peek(id, slot) !== pcid) continue;
      if (!is(psc.pfn.peek(id, slot) as Pfn, g.cpu.pscEpoch.peek(id, slot))) continue;
      return { cpu: id, vpn: (psc.tag.peek(id, slot) << geometry.levelShift[depth - 2]) as Vpn };
    }
  }
  return undefined;
}
