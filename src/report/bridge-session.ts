/** From the round in which a parallel run convicted to a finding that replays. */
import type { KeptRound } from '../engine/threads/view.ts';
import { bridge } from '../hunt/bridge/bridge.ts';
import { HUNTING_COSTS } from '../hunt/hunting-plan.ts';
import type { Harm } from '../oracle/oracle.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import { buildFinding, type FindingBudget, type FindingOrigin } from './build-finding.ts';

export interface BridgeSession {
  readonly policy: Policy;
  readonly patches: readonly Patch[];
  readonly program: Program;
  readonly round: KeptRound;
  /** What the threads were convicted of. */
  readonly harm: Harm;
  readonly origin: FindingOrigin;
  /** Asked now and then; true ends the search. */
  outOfTime(): boolean;
  /** Asked while the finding is made small; true ends that early. */
  abandoned(): boolean;
}

/** What comes over the bridge is thinned out already, and somebody waits for it. */
const BRIDGE_BUDGET: FindingBudget = { candidates: 400, schedules: 20 };

export interface BridgeOutcome {
  /** Runs of the stepper that followed the round's log; the number of the first that convicted. */
  readonly followed: number;
  readonly convictedIn: number | undefined;
  readonly finding: Finding | undefined;
}

/** @throws PathError when a plug-in breaks the rules of paths. */
export function bridgeSession(session: BridgeSession): BridgeOutcome {
  const { policy, patches, program, round, harm, origin } = session;
  const settings = { policy, patches, strict: false, costs: HUNTING_COSTS };
  const { followed, convictedIn, found } = bridge({
    hunt: settings,
    // the image has the layout, and the ghosts, of the run that it comes from
    plan: { program, policy, patches, oracle: { strict: false, threads: true }, costs: HUNTING_COSTS },
    round,
    harm,
    seed: origin.seed,
    outOfTime: () => session.outOfTime(),
  });
  const finding = found && buildFinding(found, origin, BRIDGE_BUDGET, () => session.abandoned());
  return { followed, convictedIn, finding };
}
