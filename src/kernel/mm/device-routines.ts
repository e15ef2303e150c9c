/** The routines of `mm/` that move pages to the memory of a device. */
import {
  dmirrorDevmemAllocPage,
  dmirrorMigrateAllocAndCopy,
  dmirrorMigrateToDevice,
  migrateVmaFinalize,
  migrateVmaPages,
} from './migrate-device.ts';
import {
  migrateDeviceUnmap,
  migrateVmaCheckPage,
  migrateVmaCollect,
  migrateVmaCollectPmd,
  migrateVmaCollectPte,
  migrateVmaSetup,
} from './migrate-vma.ts';

export const deviceRoutines = {
  dmirrorMigrateToDevice,
  dmirrorMigrateAllocAndCopy,
  dmirrorDevmemAllocPage,
  migrateVmaSetup,
  migrateVmaCollect,
  migrateVmaCollectPmd,
  migrateVmaCollectPte,
  migrateDeviceUnmap,
  migrateVmaCheckPage,
  migrateVmaPages,
  migrateVmaFinalize,
};
