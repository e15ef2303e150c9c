/** The words of uprobes: what Linux keeps in uprobes_tree. */
import type { Geometry } from '../../hardware/geometry.ts';
import { table } from '../../memory/table.ts';

/** Probes that there can be at a time. */
export const UPROBES = 4;

const probes = { owner: { guardedBy: 'registerRwsem' }, width: () => UPROBES } as const;

/** Linux: struct uprobe. One row; a column for each probe. The rwsem is followed by its owner, see locking/rwsem.ts. */
export const UPROBE = table<number, Geometry>()('uprobe', () => 1, {
  /** register_rwsem. Linux has one for each probe: there, another probe need not wait. */
  registerRwsem: 'shared',
  registerRwsemOwner: { guardedBy: 'registerRwsem' },
  /** 0: no probe here. */
  file: probes,
  index: probes,
  word: probes,
  /** The breakpoint: a value of this probe's own, so that a load shows whose it is. */
  swbp: probes,
  /** arch.insn: what the file held when the probe came. */
  insn: probes,
});
