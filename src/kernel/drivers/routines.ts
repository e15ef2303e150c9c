/** The routines of `drivers/`. */
import { vfioPciMmap, vfioPciMmapPageFault, vfioPciRevoke, vmfInsertPfn } from './vfio-pci.ts';

export const driverRoutines = { vfioPciMmap, vfioPciMmapPageFault, vfioPciRevoke, vmfInsertPfn };
