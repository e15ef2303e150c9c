/** The routines of `net/` that go into the kernel record. */
import { eiInterrupt, netifRx, processBacklog } from './receive.ts';

export const netRoutines = { eiInterrupt, netifRx, processBacklog };
