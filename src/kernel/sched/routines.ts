/** The routines of `sched/` that go into the kernel record. */
export const schedRoutines = {};
