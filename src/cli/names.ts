/** Names that a person gives and that must exist: checked before any work begins. */
import { existsSync } from 'node:fs';
import { DROP, isPatch, isPluginPath, PATCHES, partsOf, requireDrop } from '../engine/load.ts';
import { COST_PROFILES } from '../hardware/costs.ts';
import { POLICIES } from '../policy/index.ts';
import { BadInput } from '../program/bad-input.ts';
import { unknown } from './options.ts';

/**
 * A built-in policy, or a file that exists. What is in the file is checked where it is loaded, in a worker: a plug-in that
 * never ends must not hold up the command line.
 * @throws BadInput for an unknown name, those closest to it first.
 */
export function requirePolicyName(name: string): void {
  if (isPluginPath(name)) requireFile(name, 'a policy plug-in');
  else if (!Object.hasOwn(POLICIES, name)) {
    const names = Object.keys(POLICIES);
    throw unknown('policy', name, names, ', or a plug-in file');
  }
}

/** Bundled patches, bugs by their id in any case, or files that exist. @throws BadInput for any other name. */
export function requirePatchNames(names: readonly string[]): void {
  for (const name of names) {
    if (isPluginPath(name)) requireFile(name, 'a patch plug-in');
    else if (!isPatch(name)) throw unknown('patch', name, Object.keys(PATCHES), ', or a plug-in file');
  }
}

/** A policy with the patches that go with it, as one name: `luf-v11+v11-atomic+drop:allocate`. @throws BadInput for an unknown part */
export function requirePatchedName(name: string): void {
  const { policy, patches } = partsOf(name);
  requirePolicyName(policy);
  for (const patch of patches) {
    if (patch.startsWith(DROP)) dropsOf([patch.slice(DROP.length)], policy);
    else requirePatchNames([patch]);
  }
}

/** The names of patches for flush points to be dropped. @throws BadInput for one that a built-in policy does not have. */
export function dropsOf(points: readonly string[], policy: string): string[] {
  // which ones a plug-in has is known where it is loaded
  if (!isPluginPath(policy)) for (const point of points) requireDrop(point, POLICIES[policy]);
  return points.map((point) => `${DROP}${point}`);
}

/** @throws BadInput for an unknown cost profile. */
export function requireCosts(name: string): void {
  if (!Object.hasOwn(COST_PROFILES, name)) throw unknown('cost profile', name, Object.keys(COST_PROFILES));
}

function requireFile(path: string, expected: string): void {
  if (!existsSync(path)) throw new BadInput({ what: 'no such file', where: path, expected });
}
