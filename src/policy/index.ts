/** Every policy that ships. */
import { eager } from './eager.ts';
import { mainline } from './mainline.ts';
import { never } from './never.ts';
import type { Policy } from './policy.ts';

export const POLICIES: readonly Policy[] = [never, eager, mainline];

/** @throws RangeError naming those that exist. */
export function policyNamed(name: string): Policy {
  const found = POLICIES.find((policy) => policy.name === name);
  if (!found) throw new RangeError(`policy "${name}": expected one of ${POLICIES.map((p) => p.name).join(', ')}`);
  return found;
}
