/** The words of anonymous memory: from its folios back to the VMAs, and the swap device with its cache. */
import type { Geometry } from '../../hardware/geometry.ts';
import { table } from '../../memory/table.ts';
import type { AnonVmaId, SwapSlot } from '../types.ts';

/**
 * Linux: struct anon_vma, one per family of address spaces: see anon-vma.ts. The rwsem is followed by its owner, see
 * locking/rwsem.ts.
 */
export const ANON_VMA = table<AnonVmaId, Geometry>()('anonVma', (g) => g.mms + 1, {
  rwsem: 'shared',
  rwsemOwner: { guardedBy: 'rwsem' },
  /** rb_root: private mappings of the family. */
  nrVmas: { guardedBy: 'rwsem' },
  vmas: { owner: { guardedBy: 'rwsem' }, width: (g: Geometry) => (g.swapSlots > 0 ? g.vmas : 1) },
});

/** Linux: struct swap_info_struct, one, of one cluster. */
export const SWAP = table<number, Geometry>()('swap', () => 1, {
  /** Lock of the cluster. */
  lock: 'shared',
  /** swap_map, by slot: how many entries lead there, and SWAP_HAS_CACHE. */
  map: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.swapSlots + 1 },
  /** The swap cache, by slot: the frame of the folio, or 0. Changes under the lock; look-ups go without. */
  cache: { owner: 'shared', width: (g: Geometry) => g.swapSlots + 1 },
});

/** The swap device: the words of each slot. They stay when the slot is given up. */
export const SWAP_DISK = table<SwapSlot, Geometry>()('swapDisk', (g) => g.swapSlots + 1, {
  /** Never touched: held while the device writes the slot. */
  busy: 'shared',
  words: { owner: { guardedBy: 'busy' }, width: (g: Geometry) => g.wordsPerPage },
});
