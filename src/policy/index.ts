/** Every policy that ships, by name. */
import { eager } from './eager.ts';
import { mainline } from './mainline.ts';
import { never } from './never.ts';
import type { Policy } from './policy.ts';

export const POLICIES: readonly Policy[] = [never, eager, mainline];

/** @throws RangeError naming those that exist. */
export function policyNamed(name: string): Policy {
  const found = POLICIES.find((p) => p.name === name);
  if (!found) throw new RangeError(`policy "${name}": expected ${POLICIES.map((p) => p.name).join(', ')}`);
  return found;
}
