/** Historical bugs that ship, by id in lower case: tiers and numbers as in the catalogue, other mistakes by a name. */
import type { Patch } from '../policy/policy.ts';
import { callOffline } from './call-offline.ts';
import { earlyAck } from './early-ack.ts';
import { gupNoRecheck } from './gup-no-recheck.ts';
import { keptEarly } from './kept-early.ts';
import { lazyOffline } from './lazy-offline.ts';
import { noFlushDirty } from './no-flush-dirty.ts';
import { offlineUnstopped } from './offline-unstopped.ts';
import { partialFlush } from './partial-flush.ts';
import { pfnmapUnlinked } from './pfnmap-unlinked.ts';
import { ph3 } from './ph-3.ts';
import { ph4 } from './ph-4.ts';
import { replugTlbstate } from './replug-tlbstate.ts';
import { swapinExclusive } from './swapin-exclusive.ts';
import { t101 } from './t1-01.ts';
import { t102Madvise } from './t1-02-madvise.ts';
import { t102Mprotect } from './t1-02-mprotect.ts';
import { t102Mremap } from './t1-02-mremap.ts';
import { t102Munmap } from './t1-02-munmap.ts';
import { t103 } from './t1-03.ts';
import { t104 } from './t1-04.ts';
import { t105 } from './t1-05.ts';
import { t105Early } from './t1-05-early.ts';
import { t106 } from './t1-06.ts';
import { t107 } from './t1-07.ts';
import { t108 } from './t1-08.ts';
import { t108Shared } from './t1-08-shared.ts';
import { t109 } from './t1-09.ts';
import { t110 } from './t1-10.ts';
import { t111 } from './t1-11.ts';
import { t112 } from './t1-12.ts';
import { t113 } from './t1-13.ts';
import { t114 } from './t1-14.ts';
import { t114None } from './t1-14-none.ts';
import { t115 } from './t1-15.ts';
import { t116 } from './t1-16.ts';
import { t116Invalid } from './t1-16-invalid.ts';
import { t201 } from './t2-01.ts';
import { t203 } from './t2-03.ts';
import { t204 } from './t2-04.ts';
import { t204OneUser } from './t2-04-one-user.ts';
import { t205 } from './t2-05.ts';
import { t206 } from './t2-06.ts';
import { t209 } from './t2-09.ts';
import { t212 } from './t2-12.ts';
import { t215 } from './t2-15.ts';
import { t216 } from './t2-16.ts';
import { t222 } from './t2-22.ts';
import { t224 } from './t2-24.ts';

const ALL: readonly Patch[] = [
  ...[t101, t104, t109, t110, t112, t113, t114, t114None, t115, t116, t116Invalid],
  ...[t201, t203, t204, t204OneUser, t205, t209, t215, t216, t222, t224],
  ...[partialFlush, earlyAck, keptEarly, gupNoRecheck, noFlushDirty, swapinExclusive, pfnmapUnlinked, ph3, ph4],
  ...[t107, t108, t108Shared],
  ...[t102Mprotect, t102Munmap, t102Madvise, t102Mremap, t103, t105, t105Early, t106],
  ...[t206, t212, t111],
  ...[callOffline, offlineUnstopped, replugTlbstate, lazyOffline],
];

export const BUGS: Readonly<Record<string, Patch>> = Object.fromEntries(ALL.map((patch) => [patch.name, patch]));
