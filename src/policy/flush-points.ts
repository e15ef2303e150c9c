/**
 * Flush points: the places where a policy pays what it put off, each with the kernel routines it adds there. A point that is
 * dropped gives those routines back to mainline, and the hunter shows what it was there for.
 */
import type { Kernel } from '../kernel/kernel.ts';
import { DefinitionError, type Replacement, routinesOf } from './replacement.ts';

export type FlushPointSpec = {
  /** One sentence: when it is reached and what is flushed then. */
  says: string;
} & Partial<Kernel>;

export interface FlushPoint {
  /** In camelCase: `fileWrite`. */
  readonly name: string;
  readonly says: string;
  /** Names of the kernel routines that make it up; no other point of the policy has them. */
  readonly routines: readonly string[];
}

/**
 * The policy with only those of its flush points; the others do there what mainline does.
 * @throws DefinitionError for a point that it does not have
 */
export function withPoints<P extends Replacement & { readonly flushPoints: readonly FlushPoint[] }>(
  policy: P,
  points: readonly string[],
  as: { readonly name: string; readonly says: string },
): P {
  const { flushPoints } = policy;
  const unknown = points.find((name) => !flushPoints.some((p) => p.name === name));
  if (unknown !== undefined) {
    const names = flushPoints.map((p) => p.name).join(', ');
    throw new DefinitionError(`policy "${policy.name}": flush point "${unknown}": expected one of ${names || 'none'}`);
  }
  const lost = new Set(flushPoints.flatMap((p) => (points.includes(p.name) ? [] : p.routines)));
  const routines = Object.fromEntries(Object.entries(policy.routines).filter(([routine]) => !lost.has(routine)));
  return { ...policy, ...as, routines, flushPoints: flushPoints.filter((p) => points.includes(p.name)) };
}

/**
 * The points of a policy and all their routines; `of` is the policy so far.
 * @throws DefinitionError for a name that is none, a routine that is none, and two claims on one routine.
 */
export function flushPointsOf(
  of: Pick<Replacement, 'name' | 'routines'>,
  specs: Record<string, FlushPointSpec> = {},
): { flushPoints: FlushPoint[]; routines: Partial<Kernel> } {
  const where = `policy "${of.name}": flushPoints`;
  if (typeof specs !== 'object' || specs === null) throw new DefinitionError(`${where}: expected an object`);
  const claims = new Map(Object.keys(of.routines).map((routine) => [routine, 'the policy itself']));
  const flushPoints: FlushPoint[] = [];
  const routines = {};
  for (const [name, spec] of Object.entries(specs)) {
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
      throw new DefinitionError(`${where}: ${JSON.stringify(name)}: expected a name in camelCase`);
    }
    if (typeof spec?.says !== 'string' || spec.says === '') {
      throw new DefinitionError(`${where}.${name}: says: expected a sentence`);
    }
    const own = routinesOf(`${where}.${name}`, spec, ['says']);
    for (const routine of Object.keys(own)) {
      const claim = claims.get(routine);
      if (claim !== undefined) throw new DefinitionError(`${where}.${name}: ${routine}: belongs to ${claim} already`);
      claims.set(routine, `flush point ${name}`);
    }
    if (Object.keys(own).length === 0) throw new DefinitionError(`${where}.${name}: expected a kernel routine`);
    Object.assign(routines, own);
    flushPoints.push({ name, says: spec.says, routines: Object.keys(own) });
  }
  return { flushPoints, routines };
}
