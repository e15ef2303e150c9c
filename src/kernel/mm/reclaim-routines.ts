/** The routines of `mm/` that find frames: nodes and their order, the daemons, reclaim. */
import { demoteFolioList } from './demotion.ts';
import { shrinkNode, tryToFreePages } from './direct-reclaim.ts';
import { dropReferenced, folioReferenced, folioReferencedOne } from './folio-referenced.ts';
import { isolateLruFolios } from './isolate-lru.ts';
import { balancePgdat, kswapd, nrFreePages, pgdatBalanced, wakeupKswapd, zoneWatermarkOk } from './kswapd.ts';
import { allocPage, allocPagesNode, allocPagesSlowpath, getPageFromFreelist, wakeAllKswapds } from './zonelist.ts';

export const reclaimRoutines = {
  allocPage,
  allocPagesNode,
  allocPagesSlowpath,
  getPageFromFreelist,
  wakeAllKswapds,
  wakeupKswapd,
  kswapd,
  balancePgdat,
  nrFreePages,
  pgdatBalanced,
  zoneWatermarkOk,
  isolateLruFolios,
  dropReferenced,
  folioReferenced,
  folioReferencedOne,
  demoteFolioList,
  shrinkNode,
  tryToFreePages,
};
