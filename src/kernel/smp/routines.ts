/** The routines of `smp/` that go into the kernel record. */
export const smpRoutines = {};
