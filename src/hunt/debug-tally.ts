/**
 * What the debug mode sees, held against the oracle: over many executions, how often does each mechanism, under each reading,
 * see a rule broken where the oracle convicts, and how often where it does not?
 */
import type { Stepper } from '../engine/stepper.ts';
import { DebuggedOracle } from '../oracle/debugged-oracle.ts';
import { MECHANISMS, type Mechanism, READINGS, type Reading } from '../oracle/luf-debug.ts';
import { type AuditTally, tallied } from './audit-tally.ts';
import type { Execution } from './execute.ts';
import { type HuntOptions, hunt } from './hunt.ts';

export interface MechanismTally {
  readonly mechanism: Mechanism;
  readonly reading: Reading;
  /** Executions that the oracle convicts, and in which a rule was seen broken. */
  caught: number;
  /** Executions that the oracle calls legal, and in which one was. */
  falseAlarms: number;
  /** Times that rule 0, 1, 2 was seen broken where the oracle convicts, and where it does not. */
  readonly convicted: [number, number, number];
  readonly legal: [number, number, number];
  /** CPUs that would have been interrupted, had each break been answered with the flush. */
  interrupts: number;
}

export interface DebugTally {
  readonly schedules: number;
  readonly steps: number;
  /** Executions that the oracle convicts. */
  readonly violations: number;
  /** Harms of those, with counts. */
  readonly harms: Readonly<Record<string, number>>;
  /** Accesses that the marks would cost, all mechanisms together. */
  readonly touched: number;
  readonly mechanisms: readonly MechanismTally[];
  /** What the policy's own audit found; null if it has none. */
  readonly audit: AuditTally | null;
}

/** Runs a hunt that no conviction ends. @throws PathError when a plug-in breaks the rules of paths. */
export function tallyDebug(options: Omit<HuntOptions, 'lufDebug' | 'judged'>): DebugTally {
  const mechanisms = MECHANISMS.flatMap((mechanism) => READINGS.map((reading) => none(mechanism, reading)));
  const harms: Record<string, number> = {};
  let violations = 0;
  let touched = 0;
  let audit: AuditTally | null = options.policy.audit ? { checks: 0, inconsistencies: [] } : null;
  const judged = (stepper: Stepper, { convicted }: Execution): void => {
    const { oracle } = stepper.machine;
    if (!(oracle instanceof DebuggedOracle)) return;
    touched += oracle.debug.touched;
    if (audit && stepper.machine.audit) audit = tallied(audit, stepper.machine.audit.report(), convicted !== undefined);
    if (convicted) {
      violations++;
      harms[convicted.harm] = (harms[convicted.harm] ?? 0) + 1;
    }
    for (const tally of mechanisms) {
      const seen = oracle.debug.sightings.filter((s) => s.mechanism === tally.mechanism && s.reading === tally.reading);
      for (const { rule, cpus } of seen) {
        tally[convicted ? 'convicted' : 'legal'][rule]++;
        tally.interrupts += cpus;
      }
      if (seen.length > 0) tally[convicted ? 'caught' : 'falseAlarms']++;
    }
  };
  const { schedules, steps } = hunt({ ...options, lufDebug: true, judged });
  return { schedules, steps, violations, harms, touched, mechanisms, audit };
}

function none(mechanism: Mechanism, reading: Reading): MechanismTally {
  return { mechanism, reading, caught: 0, falseAlarms: 0, convicted: [0, 0, 0], legal: [0, 0, 0], interrupts: 0 };
}
