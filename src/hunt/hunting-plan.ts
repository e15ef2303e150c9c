/** The machines that programs are hunted on. */
import type { MachinePlan } from '../engine/machine-plan.ts';
import type { OracleOptions } from '../oracle/oracle.ts';
import type { Program } from '../program/program.ts';
import type { HuntOptions } from './hunt.ts';
import type { AdversaryBudget } from './strategies/strategy.ts';

/** The cost profile of every hunt: cycles are words of the image, and a finding must find the same ones when it replays. */
export const HUNTING_COSTS = 'bare-metal';

/** What hardware may do on its own in a run, where nobody says otherwise. */
export const HUNTING_BUDGET: AdversaryBudget = { actions: 3, ticks: 2 };

/** The plan of a machine for hunting. */
export function huntingPlan(
  program: Program,
  of: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'memory' | 'costs' | 'lufDebug'>,
): MachinePlan {
  const oracle: OracleOptions = { strict: of.strict, threads: false };
  return {
    program,
    policy: of.policy,
    patches: of.patches,
    oracle,
    memory: of.memory,
    costs: of.costs,
    lufDebug: of.lufDebug,
    audit: of.lufDebug,
  };
}

/** The same machine, keeping a record of what each step touches. */
export function recording(plan: MachinePlan): MachinePlan {
  return { ...plan, checks: { access: true, hash: true, record: true } };
}

/** The same, going back to any step of a run. */
export function rewinding(plan: MachinePlan): MachinePlan {
  return { ...plan, checks: { access: true, hash: true, record: true, log: true } };
}
