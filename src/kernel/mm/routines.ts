/** The routines of `mm/` that go into the kernel record. */
export const mmRoutines = {};
