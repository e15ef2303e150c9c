/**
 * Linux 6.18 as it is, found with this model: fs/proc/task_mmu.c clear_soft_dirty() clears the mark of a migration entry and leaves the
 * entry writable; mm/migrate.c remove_migration_pte() then makes a writable entry without the mark. No fault marks later stores.
 */
import type { PteLo } from '../hardware/types.ts';
import { PTE_SOFT_DIRTY } from '../kernel/mm/pte-tracking.ts';
import { definePatch } from './patch.ts';

export const sdMigration = definePatch({
  name: 'sd-migration',
  says: 'a clear of the soft-dirty marks leaves pages writable that are on the move',
  source: 'Linux 6.18, fs/proc/task_mmu.c clear_soft_dirty() and mm/migrate.c remove_migration_pte()',

  *pteSwpClearSoftDirty(_cpu, entry) {
    return (entry & ~PTE_SOFT_DIRTY) as PteLo;
  },
});
