/** What a parallel run says about a policy: from what its workers reported, or failed to report, to a verdict. */
import type { Harm, Violation, WindowSummary } from '../../oracle/oracle.ts';
import type { AuditReport } from '../ledger-audit.ts';
import type { Stall } from './watch.ts';
import type { WorkerReport } from './worker-actor.ts';

/** What convicts. `violation` holds the details if it was an access, a walk, the read-back or a leak. */
export interface StressFinding {
  readonly harm: Harm;
  readonly says: string;
  readonly cpu: number;
  readonly violation: Violation | undefined;
}

export interface StressVerdict {
  /** `deadlock`: every CPU waited for another. `error`: a thread crashed, a path threw, or a CPU got nowhere. */
  readonly verdict: 'clean' | 'violation' | 'deadlock' | 'error';
  /** One sentence; empty if clean. */
  readonly says: string;
  readonly findings: readonly StressFinding[];
  readonly windows: readonly WindowSummary[];
  readonly benignStale: number;
  /** What the policy's audit found between rounds; undefined without audit. */
  readonly audit: AuditReport | undefined;
}

/** What the worker of a CPU said at the end, or why it said nothing. */
export type Outcome = { readonly report: WorkerReport } | { readonly lost: string };

/** How a run went, as the controller knows it. */
export interface Ending {
  /** By CPU. */
  readonly outcomes: readonly Outcome[];
  readonly stall: Stall | undefined;
  /** Labels of the points at which the CPUs were seen last, if the run stalled. */
  readonly stuckAt: readonly string[];
  readonly interrupted: boolean;
  /** Seconds after which a run counts as stalled. */
  readonly patience: number;
}

export function verdictOf(ending: Ending): StressVerdict {
  const reports = ending.outcomes.flatMap((o) => ('report' in o ? [o.report] : []));
  const convicted = ending.outcomes.flatMap((o, cpu) => ('report' in o ? findingsOf(o.report, cpu) : []));
  const { verdict, says } = judge(ending, convicted);
  const stuck: StressFinding = { harm: 'deadlock', says, cpu: 0, violation: undefined };
  return {
    verdict,
    says,
    findings: verdict === 'deadlock' ? [stuck] : convicted,
    windows: mergeWindows(reports.flatMap((r) => r.windows)),
    benignStale: reports.reduce((sum, r) => sum + r.benignStale, 0),
    audit: reports.map((r) => r.audit).reduce(mergeAudits, undefined),
  };
}

/** A conviction outweighs everything; of the rest, what a plug-in did outweighs what followed from it. */
function judge(ending: Ending, findings: readonly StressFinding[]): Pick<StressVerdict, 'verdict' | 'says'> {
  const { outcomes, stall, stuckAt, interrupted, patience } = ending;
  if (findings.length > 0) return { verdict: 'violation', says: findings[0].says };
  for (const [cpu, o] of outcomes.entries()) {
    const { fault } = 'report' in o ? o.report : {};
    if (fault) return { verdict: 'error', says: `CPU${cpu}: ${fault.message}` };
  }
  const stands = outcomes.map((o) => ('report' in o ? o.report.stands : o.lost)).join('; ');
  const still = `no operation ended for ${patience} s`;
  if (stall?.kind === 'deadlock') return { verdict: 'deadlock', says: stands };
  if (stall?.kind === 'livelock') return { verdict: 'error', says: `livelock: ${still}; ${stands}` };
  if (stall?.kind === 'hang') {
    const where = `it was last seen at "${stuckAt[stall.cpu]}"`;
    return { verdict: 'error', says: `hang: ${still}, and CPU${stall.cpu} reaches no point; ${where}` };
  }
  // threads that were ended because an interrupted run did not stop have done nothing wrong
  if (!interrupted && outcomes.some((o) => 'lost' in o)) return { verdict: 'error', says: stands };
  return { verdict: 'clean', says: '' };
}

function findingsOf({ violation, fault }: WorkerReport, cpu: number): StressFinding[] {
  if (violation) return [{ harm: violation.harm, says: violation.says, cpu, violation }];
  if (fault?.kind !== 'bug') return [];
  return [{ harm: 'kernel-assert', says: `CPU${cpu}: ${fault.message}`, cpu, violation: undefined }];
}

function mergeAudits(all: AuditReport | undefined, one: AuditReport | undefined): AuditReport | undefined {
  if (!all || !one) return all ?? one;
  return { checks: all.checks + one.checks, found: { ...one.found, ...all.found } };
}

function mergeWindows(all: readonly WindowSummary[]): WindowSummary[] {
  const byPath = new Map<string, WindowSummary>();
  for (const { path, count, longestSteps } of all) {
    const known = byPath.get(path) ?? { path, count: 0, longestSteps: 0 };
    const longest = Math.max(known.longestSteps, longestSteps);
    byPath.set(path, { path, count: known.count + count, longestSteps: longest });
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
