/** The routines of mm/userfaultfd.c, and what write faults owe to it. */
import {
  flushUffdWpPending,
  mwriteprotectRange,
  uffdWpRange,
  userfaultfdRegister,
  userfaultfdRegisterRange,
  userfaultfdWpAsync,
} from './userfaultfd.ts';

export const userfaultfdRoutines = {
  userfaultfdRegister,
  userfaultfdRegisterRange,
  mwriteprotectRange,
  uffdWpRange,
  userfaultfdWpAsync,
  flushUffdWpPending,
};
