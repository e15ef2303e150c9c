/** The routines of `tlb/` that go into the kernel record. */
export const tlbRoutines = {};
