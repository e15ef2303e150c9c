/**
 * Repairs of published policies and of mainline, one for each cause found: `hunt luf-v11 --patch v11-kept v11-fault …` hunts
 * what is left.
 */
import type { Patch } from '../policy/policy.ts';
import { mainlineDropAgain } from './mainline-drop-again.ts';
import { mainlineMergeTracked } from './mainline-merge-tracked.ts';
import { mainlineMergedKept } from './mainline-merged-kept.ts';
import { mainlineMovingTracked } from './mainline-moving-tracked.ts';
import { mainlineSwapRecheck } from './mainline-swap-recheck.ts';
import { v11AtOnce } from './v11-at-once.ts';
import { v11Atomic } from './v11-atomic.ts';
import { v11Bulk } from './v11-bulk.ts';
import { v11Fault } from './v11-fault.ts';
import { v11FaultBefore } from './v11-fault-before.ts';
import { v11Fork } from './v11-fork.ts';
import { v11Fuse } from './v11-fuse.ts';
import { v11Held } from './v11-held.ts';
import { v11Invalidated } from './v11-invalidated.ts';
import { v11Kept } from './v11-kept.ts';
import { v11Lazyfree } from './v11-lazyfree.ts';
import { v11Network } from './v11-network.ts';
import { v11Protected } from './v11-protected.ts';
import { v11Published } from './v11-published.ts';
import { v11WriteBefore } from './v11-write-before.ts';
import { v12AtOnce } from './v12-at-once.ts';
import { v12FaultBefore } from './v12-fault-before.ts';
import { v12Fork } from './v12-fork.ts';
import { v12Fuse } from './v12-fuse.ts';
import { v12Held } from './v12-held.ts';
import { v12Iomap } from './v12-iomap.ts';
import { v12Lazyfree } from './v12-lazyfree.ts';
import { v12Nested } from './v12-nested.ts';
import { v12Network } from './v12-network.ts';
import { v12Paid } from './v12-paid.ts';
import { v12Protected } from './v12-protected.ts';
import { v12Takeoff } from './v12-takeoff.ts';

export const FIXES: Readonly<Record<string, Patch>> = Object.fromEntries(
  [
    v11Kept,
    v11Fault,
    v11FaultBefore,
    v11Protected,
    v11Published,
    v11Held,
    v11WriteBefore,
    v11Atomic,
    v11Bulk,
    v11Network,
    v11AtOnce,
    v11Invalidated,
    v11Fuse,
    v11Fork,
    v11Lazyfree,
    v12AtOnce,
    v12FaultBefore,
    v12Held,
    v12Iomap,
    v12Lazyfree,
    v12Nested,
    v12Fuse,
    v12Fork,
    v12Network,
    v12Paid,
    v12Protected,
    v12Takeoff,
    mainlineSwapRecheck,
    mainlineMovingTracked,
    mainlineMergeTracked,
    mainlineMergedKept,
    mainlineDropAgain,
  ].map((patch) => [patch.name, patch]),
);
