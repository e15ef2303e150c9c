/** One event in words, short enough for a column. */
import { PTE_D, PTE_RW, ptePfn, ptePresent, pteWrite } from '../hardware/pte.ts';
import { LOAD, type PteLo, STORE } from '../hardware/types.ts';
import { pteProtnone, swapSlotOf } from '../kernel/mm/pte-prot.ts';
import { OWNER_KERNEL, OWNER_TABLE, OWNER_USER } from '../kernel/observer.ts';
import { NO_SLOT } from '../kernel/types.ts';
import { opName } from '../oracle/oracle.ts';
import type { Event } from './happening.ts';
import type { Names } from './names.ts';
import type { Culprit } from './narrative-culprit.ts';

const VECTORS = ['flush IPI', 'reschedule IPI', 'timer interrupt', 'device interrupt'];
const SIGNALS: Record<number, string> = { 7: 'SIGBUS', 11: 'SIGSEGV' };

/** The text of the event; empty if another line tells it. `before` is the event told before it. */
export function tell(e: Event, names: Names, culprit: Culprit, before: Event | undefined): string {
  switch (e.is) {
    case 'op':
      return names.op(e.op);
    case 'access': {
      const filled = before?.is === 'fill' && before.cpu === e.cpu && before.vpn === e.vpn;
      const through = ` (tlb${filled ? ' filled' : ''}: pfn ${e.pfn}${fileShown(e, names, culprit)})`;
      const word = names.word(e.vpn, e.word);
      if (e.kind === STORE) return `store ${word} = ${names.value(e.value)}${through}`;
      return `${e.kind === LOAD ? 'load' : 'fetch'} ${word} -> ${names.value(e.value)}${through}`;
    }
    case 'held': {
      const word = names.word(e.vpn, e.word);
      const does = e.kind === STORE ? `writes ${word} = ` : `reads ${word} -> `;
      return `gup ${does}${names.value(e.value)} (held: pfn ${e.pfn})`;
    }
    case 'probe':
      return `probe writes ${names.word(e.vpn, e.word)} = ${names.value(e.value)}`;
    case 'pte':
      return pteText(e, names, e === culprit.ended ? culprit.cpu : -1);
    case 'table':
      return e.linked
        ? `pfn ${e.pfn} becomes a page table`
        : `page table pfn ${e.pfn} unhooked${e === culprit.ended ? `, CPU${culprit.cpu} not flushed` : ''}`;
    case 'walk':
      return `walk reads table pfn ${e.table}`;
    case 'handed-out':
      return `pfn ${e.pfn} handed out to ${ownerOf(e.owner, names, e.task)}`;
    case 'freed':
      return `pfn ${e.pfn} freed`;
    case 'swap':
      return e.way === 'out'
        ? `pfn ${e.pfn} is written to swap slot ${e.slot}`
        : `swap slot ${e.slot} is read into pfn ${e.pfn}`;
    case 'slot':
      return slotText(e, names);
    case 'file-store':
      return `write ${names.fileWord(e.file, e.index, e.word)} = ${names.value(e.value)}`;
    case 'server-store':
      return `${names.holder(e.file)}: ${names.fileWord(e.file, e.index, e.word)} = ${names.value(e.value)}`;
    case 'file-load':
      return `read ${names.fileWord(e.file, e.index, e.word)} -> ${names.value(e.value)}`;
    case 'send':
      return `${VECTORS[e.vector] ?? 'IPI'} sent to CPU${e.to}${e.merged ? ' (merged with one pending)' : ''}`;
    case 'deliver':
      return `${VECTORS[e.vector]} taken`;
    case 'drop':
      return `tlb entry of ${names.page(e.vpn)} (pfn ${e.pfn}) dropped`;
    case 'hardware':
      // what it filled is the next line
      return e.says.includes('walk') ? '' : e.says.replace(/page (\d+)/, (_, page) => names.page(Number(page)));
    case 'tick':
      return 'timer fires';
    case 'switch':
      return `switch from ${names.task(e.from)} to ${names.task(e.to)}`;
    case 'pagemap':
      return `pagemap: ${names.page(e.vpn)} is ${e.softDirty ? '' : 'not '}soft-dirty${e.written ? '' : ', still write-protected'}`;
    case 'signal':
      return `${SIGNALS[e.signal] ?? `signal ${e.signal}`} at ${names.page(e.vpn)}`;
    case 'returns':
      if (e === culprit.shown && culprit.shownBy) return `${names.op(culprit.shownBy.op)} returned`;
      return `${culprit.endedBy?.is === 'op' ? names.op(culprit.endedBy.op) : opName(e.kind)} returned`;
    case 'fill':
      return `${before?.is === 'hardware' ? 'speculative ' : ''}walk fills the tlb: ${names.page(e.vpn)} -> pfn ${e.pfn}`;
  }
}

function pteText(e: Event & { is: 'pte' }, names: Names, owedTo: number): string {
  const page = names.page(e.vpn);
  const owes = owedTo >= 0 ? `, flush owed to CPU${owedTo}` : '';
  const was = ptePfn(e.oldLo as never);
  const now = ptePfn(e.newLo as never);
  const rights = pteWrite(e.newLo) ? 'rw' : 'r';
  const slot = swapSlotOf(e.newLo as PteLo);
  if (!ptePresent(e.oldLo)) {
    if (slot !== NO_SLOT) return `pte of ${page} leads to swap slot ${slot}`;
    if (ptePresent(e.newLo)) return `pte of ${page} set: pfn ${now} ${rights}`;
    return pteProtnone(e.newLo as PteLo) ? `pte of ${page} set without rights: pfn ${now}` : '';
  }
  if (!ptePresent(e.newLo)) return `pte of ${page} cleared (pfn ${was})${owes}`;
  if (was !== now) return `pte of ${page}: pfn ${was} becomes ${now}${owes}`;
  if ((e.oldLo & ~e.newLo & PTE_RW) !== 0) return `pte of ${page} write-protected${owes}`;
  if ((~e.oldLo & e.newLo & PTE_RW) !== 0) return `pte of ${page} made writable`;
  if ((e.oldLo & ~e.newLo & PTE_D) !== 0) return `pte of ${page} made clean${owes}`;
  return owes === '' ? '' : `pte of ${page} narrowed${owes}`;
}

/** `, f[0]` for a store to the page of the file that loses, through another mapping of it: the same name may mean both. */
function fileShown(e: Event & { is: 'access' }, names: Names, { filePage, vpn, mm }: Culprit): string {
  if (!filePage?.isStore(e) || (e.vpn === vpn && e.mm === mm)) return '';
  return `, ${names.fileWord(filePage.file, filePage.index)}`;
}

function slotText(e: Event & { is: 'slot' }, names: Names): string {
  const page = names.fileWord(e.file, e.index);
  if (e.now <= 0) return `${page} leaves the page cache (pfn ${e.was})`;
  if (e.was <= 0) return `${page} cached in pfn ${e.now}`;
  return `${page}: pfn ${e.was} -> ${e.now} in the page cache${names.tiers(e.was, e.now)}`;
}

function ownerOf(owner: number, names: Names, task: number): string {
  if (owner === OWNER_USER) return names.task(task);
  if (owner === OWNER_TABLE) return 'a page table';
  return owner === OWNER_KERNEL ? 'the kernel' : 'nobody';
}
