/** The routines of `mm/` by which the kernel gets at pages of an address space: get_user_pages(), and who uses it. */
import { faultinPage, followPageMask, getUserPages, getUserPagesFast, getUserPagesUnlocked } from './gup.ts';
import { gupFast, gupFastPgdRange, gupFastPte, gupFastPteRange } from './gup-fast.ts';
import { gupTestIoctl, setPageDirtyLock } from './gup-test.ts';

export const gupRoutines = {
  getUserPages,
  getUserPagesFast,
  getUserPagesUnlocked,
  followPageMask,
  faultinPage,
  gupFast,
  gupFastPgdRange,
  gupFastPteRange,
  gupFastPte,
  gupTestIoctl,
  setPageDirtyLock,
};
