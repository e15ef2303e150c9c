/** The routines of `mm/` that merge pages of equal content. */
import {
  breakCow,
  cmpAndMergePage,
  getMergeablePage,
  mergeItems,
  tryToMergeOnePage,
  tryToMergeTwoPages,
  tryToMergeWithKsmPage,
} from './ksm.ts';
import { ksmNeedsFlush, replacePage, writeProtectPage } from './ksm-replace.ts';
import { pagesIdentical } from './pages-identical.ts';

export const ksmRoutines = {
  breakCow,
  cmpAndMergePage,
  getMergeablePage,
  mergeItems,
  tryToMergeOnePage,
  tryToMergeTwoPages,
  tryToMergeWithKsmPage,
  ksmNeedsFlush,
  replacePage,
  writeProtectPage,
  pagesIdentical,
};
