/** A verification from its journal, if there is one, to its verdict; a conviction becomes a finding as in a hunt. */
import type { Menu } from '../engine/machine-plan.ts';
import { HUNTING_COSTS, huntingPlan } from '../hunt/hunting-plan.ts';
import { HASH_BITS } from '../hunt/verify/state-hash.ts';
import { Verifier, type VerifyState } from '../hunt/verify/verify.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import { buildFinding, type FindingOrigin, FULL_BUDGET, NO_BUDGET } from './build-finding.ts';
import { hunterHash, modelHash } from './model-hash.ts';
import { VerifyJournal } from './verify-journal.ts';

export interface VerifySession {
  readonly policy: Policy;
  readonly patches: readonly Patch[];
  readonly program: Program;
  /** What its tasks do behind it. */
  readonly menu?: Menu;
  readonly strict: boolean;
  readonly memory?: MemoryModel;
  /** Actions of hardware on its own, at most, in each run. */
  readonly adversary: number;
  readonly origin: FindingOrigin;
  /** Runs at most. */
  readonly runs: number;
  /** Directory of the journal. */
  readonly out: string;
  /** Asked between runs; true ends the verification, to be gone on with later. */
  outOfTime(): boolean;
  /** Asked between runs: is it time to save? */
  savesNow(): boolean;
  /** Polled while a finding is worked on; true ends that early. */
  abandoned(): boolean;
  progress(at: VerifyState): void;
  /** As in a hunt: first as found, then shrunk. */
  found(finding: Finding, final: boolean): void;
}

export interface VerifyOutcome extends VerifyState {
  readonly verdict: 'clean' | 'violation' | 'inconclusive' | 'diverged';
  readonly complete: boolean;
  /** Steps of the longest run. */
  readonly depth: number;
  readonly hashBits: number;
  /** Runs that were made before, by a process that did not come to the end. */
  readonly resumedRuns: number;
  /** Journals that are of no more use when the outcome has been told. */
  readonly done: readonly string[];
  /** Of a verification of all programs: how many are done. */
  readonly programs?: { readonly done: number; readonly of: number };
}

/** @throws PathError when a plug-in breaks the rules of paths. */
export function verifySession(session: VerifySession): VerifyOutcome {
  const { origin, program, menu, strict, memory, policy, patches } = session;
  const plan = { ...huntingPlan(program, { policy, patches, strict, memory, costs: HUNTING_COSTS }), menu };
  const what = {
    model: modelHash(origin.plugins),
    hunter: hunterHash(),
    policy: origin.policy,
    patches: origin.patches,
    strict,
    memory,
    adversary: session.adversary,
    program,
    menu,
  };
  const journal = new VerifyJournal(session.out, JSON.stringify(what));
  const from = journal.load();
  const verifier = new Verifier(plan, session.adversary, from);
  const result = verifier.run(() => {
    const at = verifier.state();
    session.progress(at);
    const stops = at.runs >= session.runs || session.outOfTime();
    if (stops || (at.runs > 0 && session.savesNow())) journal.save(verifier.place(), verifier.takeNewStates());
    return stops;
  });
  const { found, complete, diverged, depth, states, runs, steps, progress } = result;
  const figures = { complete, depth, states, runs, steps, progress, hashBits: HASH_BITS };
  const resumedRuns = from?.place.runs ?? 0;
  if (diverged) return { verdict: 'diverged', ...figures, resumedRuns, done: [] };
  if (found) {
    session.found(buildFinding(found, origin, NO_BUDGET), false);
    session.found(
      buildFinding(found, origin, FULL_BUDGET, () => session.abandoned()),
      true,
    );
  }
  // a process killed before it has told the result is to find it here
  if (complete) journal.save(verifier.place(), verifier.takeNewStates());
  const verdict = found ? 'violation' : complete ? 'clean' : 'inconclusive';
  return { verdict, ...figures, resumedRuns, done: found || complete ? [journal.dir] : [] };
}
