/** What the audit of a policy finds over many executions, held against the oracle. */
import type { AuditReport } from '../engine/ledger-audit.ts';

export interface InconsistencyTally {
  readonly kind: string;
  /** Executions in which it was found: those that the oracle convicts, and those that it calls legal. */
  readonly convicted: number;
  readonly legal: number;
  /** What was said of it first. */
  readonly says: string;
}

export interface AuditTally {
  readonly checks: number;
  /** Of what was found only, in the order of names. */
  readonly inconsistencies: readonly InconsistencyTally[];
}

/** The tally with one more execution. */
export function tallied(so: AuditTally, { checks, found }: AuditReport, convicted: boolean): AuditTally {
  const kinds = new Map(so.inconsistencies.map((known) => [known.kind, known]));
  for (const [kind, says] of Object.entries(found)) {
    const known = kinds.get(kind) ?? { kind, convicted: 0, legal: 0, says };
    const verdict = convicted ? 'convicted' : 'legal';
    kinds.set(kind, { ...known, [verdict]: known[verdict] + 1 });
  }
  const inconsistencies = [...kinds.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1));
  return { checks: so.checks + checks, inconsistencies };
}
