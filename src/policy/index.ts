/** Every policy that ships, by name. */
import { eager } from './eager.ts';
import { lufCoordinated } from './luf-coordinated.ts';
import { lufV11 } from './luf-v11.ts';
import { lufV12 } from './luf-v12.ts';
import { lufV12Flag } from './luf-v12-flag.ts';
import { mainline } from './mainline.ts';
import { never } from './never.ts';
import type { Policy } from './policy.ts';
import { xenClock } from './xen-clock.ts';

export const POLICIES: Readonly<Record<string, Policy>> = {
  never,
  eager,
  mainline,
  'xen-clock': xenClock,
  'luf-v11': lufV11,
  'luf-coordinated': lufCoordinated,
  'luf-v12': lufV12,
  'luf-v12-flag': lufV12Flag,
};

/** @throws RangeError naming those that exist. */
export function policyNamed(name: string): Policy {
  if (!Object.hasOwn(POLICIES, name)) {
    throw new RangeError(`policy "${name}": expected one of ${Object.keys(POLICIES).join(', ')}`);
  }
  return POLICIES[name];
}
