/**
 * T1-12, 2006, commit 4ce072f1faf2: the copy of a COW page is mapped in place of the old page in one go and flushed
 * afterwards, so that for a while one CPU uses the old page and another the new one.
 */
import { pteLoad, pteStore, pteWord } from '../hardware/pte.ts';
import { VM_FAULT_OOM } from '../kernel/mm/fault.ts';
import { mkNewPte } from '../kernel/mm/memory.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { protHi } from '../kernel/mm/pte-prot.ts';
import { RMAP_EXCLUSIVE } from '../kernel/mm/rmap.ts';
import { NEW_PTE } from '../kernel/mm/wp-page.ts';
import { OWNER_USER } from '../kernel/observer.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const COPIED = point('t1-12: copied, PTL taken, pte to be rechecked');
const OLD_UNMAPS = point('t1-12: new pte set and flushed, mapping of the old page to be uncounted');

export const t112 = definePatch({
  name: 't1-12',
  says: 'a COW fault installs the new page over the old one and flushes then: two CPUs use both pages',
  year: 2006,
  source: 'https://lore.kernel.org/r/20060927151507.A12423@unix-os.sc.intel.com',

  *wpPageCopy(cpu, vmf, old) {
    const { kernel, geometry } = cpu;
    const page = yield* kernel.allocPage(cpu, OWNER_USER);
    if (page === NO_PAGE) {
      if (old !== NO_PAGE) yield* kernel.folioPut(cpu, old);
      return VM_FAULT_OOM;
    }
    if (old === NO_PAGE) yield* kernel.clearPage(cpu, page, geometry.wordsPerPage);
    else yield* kernel.copyPage(cpu, old, page);
    let unused = page;
    const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
    if (pte !== NO_PAGE) {
      const index = leafIndex(geometry, vmf.vpn);
      const word = pteWord(cpu, pte, index);
      if (cpu.at(COPIED, word)) yield;
      if (pteLoad(cpu, pte, index) === vmf.origPte) {
        yield* kernel.folioAddNewAnonRmap(cpu, page, vmf, RMAP_EXCLUSIVE);
        if (cpu.at(NEW_PTE, word)) yield;
        pteStore(cpu, pte, index, mkNewPte(page, vmf.vmFlags), protHi(vmf.vmFlags));
        yield* kernel.flushTlbPage(cpu, vmf.mm, vmf.vpn);
        if (old !== NO_PAGE) yield* kernel.folioRemoveRmapPte(cpu, old, OLD_UNMAPS);
        unused = old;
      }
      yield* kernel.pteUnmapUnlock(cpu, pte);
    }
    if (unused !== NO_PAGE) yield* kernel.folioPut(cpu, unused);
    if (old !== NO_PAGE) yield* kernel.folioPut(cpu, old);
    return 0;
  },
});
