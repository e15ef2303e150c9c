/** Kinds of operations, as hunts tell them apart. */
import type { Op } from './program.ts';

/** What it does; of madvise the advice, too. */
export type OpKind = string;

export function opKind(op: Op): OpKind {
  return op.do === 'madvise' ? `madvise ${op.advice}` : op.do;
}
