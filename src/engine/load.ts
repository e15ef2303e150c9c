/**
 * Policies, patches and workloads by built-in name or by the path of a plug-in file. Main thread and workers load the same
 * file, each for itself, because functions do not cross between threads.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dropPoint, pointsOf } from '../bugs/drop-point.ts';
import { BUGS } from '../bugs/index.ts';
import { FIXES } from '../fixes/index.ts';
import { POLICIES } from '../policy/index.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import { BadInput, quoted } from '../program/bad-input.ts';
import { requireWorkload, type Workload } from '../program/workload.ts';

/** Bundled things of one kind: their names, and how to get one. */
export interface Bundled<T> {
  readonly names: readonly string[];
  get(name: string): T | Promise<T>;
}

/** @throws BadInput for a name that is none, or a file that exports no policy */
export function loadPolicy(nameOrPath: string): Promise<Policy> {
  const bundled = { names: Object.keys(POLICIES), get: (name: string) => POLICIES[name] };
  return load('policy', nameOrPath, bundled, (value, where) =>
    requireMade<Policy>(value, where, 'definePolicy', 'gates'),
  );
}

/** Bundled patches: bugs, and fixes of policies. */
export const PATCHES: Readonly<Record<string, Patch>> = { ...BUGS, ...FIXES };

/** Is there a bundled patch of that name? Bugs go by their id in any case: `T1-01` is `t1-01`. */
export function isPatch(name: string): boolean {
  return Object.hasOwn(PATCHES, name.toLowerCase());
}

/** @throws BadInput for a name that is none, or a file that exports no patch */
export function loadPatch(nameOrPath: string): Promise<Patch> {
  const bundled = { names: Object.keys(PATCHES), get: (name: string) => PATCHES[name] };
  const name = isPatch(nameOrPath) ? nameOrPath.toLowerCase() : nameOrPath;
  return load('patch', name, bundled, (value, where) => requireMade<Patch>(value, where, 'definePatch', 'source'));
}

/** What a dropped flush point is called among patches: `drop:fileWrite`. Its meaning depends on the policy. */
export const DROP = 'drop:';

/** The patches of a run of `policy`. @throws BadInput as `loadPatch`, and for a flush point that the policy does not have */
export async function loadPatches(names: readonly string[], policy: Policy): Promise<Patch[]> {
  return Promise.all(
    names.map((name) => (name.startsWith(DROP) ? requireDrop(name.slice(DROP.length), policy) : loadPatch(name))),
  );
}

/** Of `luf-v11+v11-atomic+drop:allocate`: the policy, and the names of what is patched. */
export function partsOf(name: string): { readonly policy: string; readonly patches: readonly string[] } {
  // a path may have a plus of its own
  if (isPluginPath(name) && existsSync(name)) return { policy: name, patches: [] };
  const [policy, ...patches] = name.split('+');
  return { policy, patches };
}

/** A policy with patches, as one name. @throws BadInput as `loadPolicy` and `loadPatches` */
export async function loadPatched(name: string): Promise<{ name: string; policy: Policy; patches: Patch[] }> {
  const parts = partsOf(name);
  const policy = await loadPolicy(parts.policy);
  return { name, policy, patches: await loadPatches(parts.patches, policy) };
}

/** The patch that takes a flush point away. @throws BadInput naming those that the policy has */
export function requireDrop(name: string, policy: Policy): Patch {
  if (policy.flushPoints.some((p) => p.name === name)) return dropPoint(policy, name);
  const where = `flush point ${quoted(name)}`;
  throw new BadInput({ where, what: 'no such name', expected: pointsOf(policy) });
}

/** @throws BadInput for a name that is not in `bundled`, or a file that exports no workload */
export function loadWorkload(nameOrPath: string, bundled: Bundled<Workload>): Promise<Workload> {
  return load('workload', nameOrPath, bundled, requireWorkload);
}

/** Is this the path of a plug-in file rather than a built-in name? */
export function isPluginPath(nameOrPath: string): boolean {
  return !nameOrPath.startsWith(DROP) && /[\\/]|\.[cm]?[jt]s$/.test(nameOrPath);
}

async function load<T>(
  kind: string,
  nameOrPath: string,
  bundled: Bundled<T>,
  require: (value: unknown, where: string) => T,
): Promise<T> {
  if (!isPluginPath(nameOrPath)) {
    if (bundled.names.includes(nameOrPath)) return bundled.get(nameOrPath);
    const names = bundled.names.length > 0 ? `one of ${bundled.names.join(', ')}, or ` : '';
    const expected = `${names}the path of a plug-in file`;
    throw new BadInput({ where: `${kind} ${quoted(nameOrPath)}`, what: 'no such name', expected });
  }
  const path = resolve(nameOrPath);
  const expected = `a module whose default export is a ${kind}`;
  if (!existsSync(path)) throw new BadInput({ where: nameOrPath, what: 'no such file', expected });
  const module = await import(pathToFileURL(path).href).catch((error: unknown) => {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new BadInput({ where: nameOrPath, what: `the import failed: ${why}`, expected });
  });
  if (module.default === undefined) throw new BadInput({ where: nameOrPath, what: 'no default export', expected });
  return require(module.default, nameOrPath);
}

/** What `definePolicy` and `definePatch` return has its routines sorted out, and the field that tells the two apart. */
function requireMade<T>(value: unknown, where: string, maker: string, own: string): T {
  const v = value as Partial<Record<string, unknown>> | null;
  const made = v !== null && typeof v === 'object' && typeof v.routines === 'object' && typeof v.hooks === 'object';
  if (made && typeof v.name === 'string' && Array.isArray(v.tables) && own in v) return value as T;
  throw new BadInput({
    where: `${where}: default export`,
    what: `not made with ${maker}`,
    expected: `${maker}({ … })`,
  });
}
