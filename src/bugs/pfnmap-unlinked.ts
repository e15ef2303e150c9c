/**
 * Until 2022 (5.19, commit b67fbebd4cf9) munmap took a mapping of raw frames off the list of its file before it had flushed.
 * unmap_mapping_range() did not find it there any more, and came back while TLBs still led to the frames that a driver took away.
 */
import { definePatch } from './patch.ts';

export const pfnmapUnlinked = definePatch({
  name: 'pfnmap-unlinked',
  says: 'munmap takes a mapping of raw frames off the list of its file before it flushes, so that a revocation does not wait for that',
  year: 2022,
  source:
    'https://git.kernel.org/torvalds/c/b67fbebd4cf9; found in this model by hunting mainline, which did not have tlb_free_vmas()',

  *tlbFreeVmas() {},
});
