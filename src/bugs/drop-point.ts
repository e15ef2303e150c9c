/** Ablation: a flush point of a policy taken away, so that the kernel does there what mainline does. */
import { MAINLINE } from '../kernel/kernel.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import { definePatch } from './patch.ts';

/** @throws RangeError naming the flush points that the policy has. */
export function dropPoint(policy: Policy, name: string): Patch {
  const dropped = policy.flushPoints.find((p) => p.name === name);
  if (!dropped) throw new RangeError(`flush point "${name}": expected ${pointsOf(policy)}`);
  const kebab = name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
  return definePatch({
    name: `drop-${kebab}`,
    says: `${policy.name} without its flush point ${name}: ${dropped.says}`,
    source: 'ablation',
    ...Object.fromEntries(dropped.routines.map((routine) => [routine, MAINLINE[routine as keyof typeof MAINLINE]])),
  });
}

/** What may be dropped, in words. */
export function pointsOf(policy: Policy): string {
  const names = policy.flushPoints.map((p) => p.name);
  return names.length > 0 ? `one of ${names.join(', ')}` : `another policy: ${policy.name} has no flush points`;
}
