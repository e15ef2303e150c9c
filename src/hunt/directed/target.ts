/** What a directed hunt wants to come by. */
import type { OpKind } from '../../program/op-kind.ts';

/**
 * Something of the patches that can be begun: a routine of theirs, or a point with their hook, in an operation of some kind, or with another
 * answer than without them; each of these while a TLB is stale; or two of them in one program. A patch may do harm in one operation, or
 * together with another, only.
 */
export type Target = string;

const STALE = ', a TLB being stale';

/** What is begun of the patches, or happens in it, in an operation of that kind. */
export function targetIn(what: string, kind: OpKind): Target {
  return `${what} in ${kind}`;
}

/** The same while some TLB holds an entry older than the page tables: behind most pasts none does. */
export function whileStale(target: Target): Target {
  return `${target}${STALE}`;
}

/** Two of the patches' in one program. */
export function bothOf(name: string, other: string): Target {
  return [name, other].sort().join(' and ');
}

/** The kind of operation in which the target is come by; undefined: it takes two. */
export function kindIn(target: Target): OpKind | undefined {
  const plain = target.endsWith(STALE) ? target.slice(0, -STALE.length) : target;
  const at = plain.lastIndexOf(' in ');
  return at < 0 ? undefined : plain.slice(at + ' in '.length);
}
