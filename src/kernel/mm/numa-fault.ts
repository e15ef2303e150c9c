/**
 * Linux: mm/memory.c do_numa_page() and mm/migrate.c migrate_misplaced_folio(): the use of a page whose entry is a hint. In memory
 * tiering mode a page of the slow node moves to the fast one if there is room. What is left out: how recently the scan came by,
 * and the limit on promotions per second.
 */
import { nodeOf } from '../../hardware/geometry.ts';
import { PTE_A, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { FAST_NODE, GFP_THISNODE, MIGRATE_ASYNC, type NodeId, VM_EXEC, VM_WRITE } from '../types.ts';
import type { VmFault } from './memory.ts';
import { isDirtyFilePage } from './numa-scan.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { protHi, pteModify, vmNormalPage } from './pte-prot.ts';

export const HINT_RECHECK = point('doNumaPage: PTL taken, pte to be rechecked');
export const STAYED_RECHECK = point('doNumaPage: folio not moved, PTL taken again, pte to be rechecked');
export const HINT_ENDS = point('numaRebuildSingleMapping: rights to be given back');
export const SHARED_TEXT = point('migrateMisplacedFolioPrepare: executable, is it mapped elsewhere?');
export const DIRTY_CHECK = point('migrateMisplacedFolioPrepare: is the folio dirty?');

/**
 * Linux: do_numa_page(). Called between pteOffsetMap and pteUnmap of `pte`, with `vmf.origPte` the hint. The entry stays a hint
 * while the folio moves: whoever else uses it comes here too.
 */
export function* doNumaPage(cpu: Cpu, vmf: VmFault, pte: Pfn): Path<number> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  const word = pteWord(cpu, pte, index);
  yield* kernel.spinLock(cpu, cpu.folio.ptl.at(pte));
  if (cpu.at(HINT_RECHECK, word)) yield;
  if (pteLoad(cpu, pte, index) !== vmf.origPte) {
    yield* kernel.pteUnmapUnlock(cpu, pte);
    return 0;
  }
  cpu.count(cpu.kcount.hintFaults);
  const folio = vmNormalPage(vmf.origPte);
  if (folio === NO_PAGE || !(yield* kernel.migrateMisplacedFolioPrepare(cpu, vmf, folio))) {
    yield* kernel.numaRebuildSingleMapping(cpu, vmf, pte);
    yield* kernel.pteUnmapUnlock(cpu, pte);
    return 0;
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  if (yield* kernel.migrateMisplacedFolio(cpu, folio, FAST_NODE)) return 0;
  return yield* kernel.numaStays(cpu, vmf);
}

/** Linux: out_map of do_numa_page(), after a migration that failed: the entry is looked at again. */
export function* numaStays(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
  if (pte === NO_PAGE) return 0;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  if (cpu.at(STAYED_RECHECK, pteWord(cpu, pte, index))) yield;
  if (pteLoad(cpu, pte, index) === vmf.origPte) yield* kernel.numaRebuildSingleMapping(cpu, vmf, pte);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return 0;
}

/** Linux: numa_rebuild_single_mapping(). Caller holds the PTL. The entry is not present, so hardware leaves it alone. */
export function* numaRebuildSingleMapping(cpu: Cpu, vmf: VmFault, pte: Pfn): Path<void> {
  const { vmFlags, origPte } = vmf;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  let entry = pteModify(origPte, vmFlags);
  if ((vmFlags & VM_WRITE) !== 0) entry = yield* cpu.kernel.canChangePteWritable(cpu, origPte, entry, vmFlags);
  if (cpu.at(HINT_ENDS, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, (entry | PTE_A) as typeof entry, protHi(vmFlags));
}

/**
 * Linux: migrate_misplaced_folio_prepare(), and numa_migrate_check() before it: true with the folio isolated. If the fast node has
 * no room above its high watermark, its daemon makes some, and the folio stays for now. Caller holds the PTL.
 */
export function* migrateMisplacedFolioPrepare(cpu: Cpu, { vmFlags }: VmFault, folio: Pfn): Path<boolean> {
  const { kernel, geometry } = cpu;
  const { mapcount, flags } = cpu.folio;
  if (nodeOf(geometry, folio) === FAST_NODE) return false;
  if ((vmFlags & VM_EXEC) !== 0) {
    if (cpu.at(SHARED_TEXT, mapcount.at(folio))) yield;
    if (mapcount.load(folio) > 1) return false;
  }
  if (cpu.at(DIRTY_CHECK, flags.at(folio))) yield;
  if (isDirtyFilePage(flags.load(folio))) return false;
  if (!(yield* kernel.zoneWatermarkOk(cpu, FAST_NODE, geometry.watermarkHigh + 1))) {
    yield* kernel.wakeupKswapd(cpu, FAST_NODE);
    return false;
  }
  yield* kernel.folioGet(cpu, folio);
  if (yield* kernel.folioIsolateLru(cpu, folio)) return true;
  yield* kernel.folioPut(cpu, folio);
  return false;
}

/** Linux: migrate_misplaced_folio(): true if the folio moved. Its isolation ends, either way. Caller isolated it. */
export function* migrateMisplacedFolio(cpu: Cpu, folio: Pfn, node: NodeId): Path<boolean> {
  const { kernel } = cpu;
  const how = { mode: MIGRATE_ASYNC, node, gfp: GFP_THISNODE } as const;
  const left = yield* kernel.migratePagesBatch(cpu, [folio], how);
  if (left.length === 0) cpu.count(cpu.kcount.promoted);
  else yield* kernel.folioPutbackLru(cpu, folio);
  return left.length === 0;
}
