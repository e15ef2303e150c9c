/** The words of a device whose memory programs map, by the file that stands for it. */
import type { Geometry } from '../../hardware/geometry.ts';
import { table } from '../../memory/table.ts';
import type { FileId } from '../types.ts';

/** Linux: struct vfio_pci_core_device, reduced. The rwsem is followed by its owner, see locking/rwsem.ts. */
export const DEVICE_MEMORY = table<FileId, Geometry>()('deviceMemory', (g) => g.files + 1, {
  /** 1: the file is a device's, and has no page cache. */
  isDevice: 'once',
  /** memory_lock: faults share it; who takes the memory away has it alone. */
  memoryLock: 'shared',
  memoryLockOwner: { guardedBy: 'memoryLock' },
  /** 1: the memory is gone for good. */
  revoked: { guardedBy: 'memoryLock' },
  /** Frame of each page; 0: not there yet, or gone. */
  frame: { owner: { guardedBy: 'memoryLock' }, width: (g: Geometry) => (g.files > 0 ? g.filePages : 1) },
});
