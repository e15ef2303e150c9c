/** A finding run again: exactly if the model is the same, else by its switch list; and made smaller. */
import { isPluginPath, loadPatches, loadPolicy } from '../engine/load.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { type Execution, execute } from '../hunt/execute.ts';
import { HUNTING_COSTS, huntingPlan } from '../hunt/hunting-plan.ts';
import { recordingPlan } from '../hunt/probed-access.ts';
import { type Divergence, ExactReplay, HASH_EVERY, Recorder, SwitchReplay } from '../hunt/schedule.ts';
import { BadInput } from '../program/bad-input.ts';
import type { Finding } from '../program/finding.ts';
import { buildFinding, FULL_BUDGET } from './build-finding.ts';
import { printColumns } from './columns.ts';
import { modelHash } from './model-hash.ts';
import { retell } from './narrative.ts';

/** What became of a finding when it ran again. */
export interface Replayed {
  readonly reproduced: boolean;
  readonly verdict: 'violation' | 'clean' | 'inconclusive';
  /** `exact`: byte for byte, twice. `switches`: the model has changed since, the switch list was followed. */
  readonly by: 'exact' | 'switches';
  readonly harm: string | undefined;
  readonly diverged: Divergence | undefined;
  readonly columns: string;
}

/** A smaller finding, and the two steps whose order decides. */
export interface Shrunk {
  readonly finding: Finding;
  readonly decidingPair: { readonly first: string; readonly second: string } | undefined;
}

/** The model did not do twice what it did once. A fault of the tool. */
export class NotDeterministic extends Error {}

/** Twice the work that a hunt spends on a finding. */
const BUDGET = { candidates: FULL_BUDGET.candidates * 2, schedules: FULL_BUDGET.schedules * 2 };

/**
 * @throws BadInput if policy or patches cannot be loaded.
 * @throws NotDeterministic if the same model does not do the same.
 */
export async function replayFinding(finding: Finding, mail: boolean): Promise<Replayed> {
  const plan = await planOf(finding);
  return modelHash(pluginsOf(finding)) === finding.model
    ? exactly(finding, plan, mail)
    : bySwitches(finding, plan, mail);
}

/** @throws BadInput if the finding does not convict any more. */
export async function shrinkFinding(finding: Finding, tool: string, mail: boolean): Promise<Shrunk> {
  const plan = await planOf(finding);
  const { run, recorder } = recorded(plan, new ExactReplay(finding.choices).choose);
  const { convicted } = run;
  if (convicted?.harm !== finding.harm) {
    const what = convicted ? `convicts with ${convicted.harm}` : 'no longer convicts';
    const expected = `one that this version reproduces (${finding.harm})`;
    throw new BadInput({ what, where: `finding ${finding.id}`, expected });
  }
  const { strategy, policy, patches, seed, shrunkFrom } = finding;
  const small = buildFinding(
    { plan, choices: recorder.choices, strategy, steps: run.steps, conviction: convicted },
    { tool, policy, patches, seed, plugins: pluginsOf(finding), mail },
    BUDGET,
  );
  const { culprit, recording } = retell({ ...plan, program: small.program }, small.choices);
  const { ended, losing } = culprit;
  const say = ({ step, cpu }: { step: number; cpu: number }): string =>
    `step ${step} on CPU${cpu} ("${recording.places[step]?.label ?? ''}")`;
  const decidingPair = ended?.concurrent && losing ? { first: say(ended), second: say(losing) } : undefined;
  return { finding: { ...small, shrunkFrom }, decidingPair };
}

function pluginsOf({ policy, patches }: Finding): string[] {
  return [policy, ...patches].filter(isPluginPath);
}

/** The machine of a finding, with its policy and patches loaded. */
export async function planOf({ policy, patches, program, strict, memory, choices }: Finding): Promise<MachinePlan> {
  const loaded = await loadPolicy(policy);
  const plan = huntingPlan(program, {
    policy: loaded,
    patches: await loadPatches(patches, loaded),
    strict,
    memory,
    costs: HUNTING_COSTS,
  });
  return recordingPlan(plan, choices);
}

function exactly(finding: Finding, plan: MachinePlan, mail: boolean): Replayed {
  for (const turn of ['first', 'second']) {
    const replay = new ExactReplay(finding.choices);
    const { run, recorder } = recorded(plan, replay.choose);
    const at = replay.diverged ? replay.diverged.step : firstDifference(finding.hashes, recorder.hashes);
    if (at < 0 && run.convicted?.harm === finding.harm) continue;
    const where = at >= 0 ? `step ${at}` : `the end (${run.convicted?.harm ?? 'no violation'})`;
    throw new NotDeterministic(
      `the ${turn} exact replay left the recorded run at ${where} although the model is the same`,
    );
  }
  const columns = printColumns(retell(plan, finding.choices).narrative, { mail });
  return { reproduced: true, verdict: 'violation', by: 'exact', harm: finding.harm, diverged: undefined, columns };
}

function bySwitches(finding: Finding, plan: MachinePlan, mail: boolean): Replayed {
  const replay = new SwitchReplay(finding.switches);
  const { run, recorder } = recorded(plan, replay.choose);
  const at = firstDifference(finding.hashes, recorder.hashes);
  const byImage = at < 0 ? undefined : { step: at, says: `the image differs from the recorded one by step ${at}` };
  const harm = run.convicted?.harm;
  const reproduced = harm === finding.harm;
  const columns = printColumns(retell(plan, recorder.choices).narrative, { mail });
  const otherwise = harm !== undefined ? 'violation' : replay.diverged ? 'inconclusive' : 'clean';
  const verdict = reproduced ? 'violation' : otherwise;
  return { reproduced, verdict, by: 'switches', harm, diverged: replay.diverged ?? byImage, columns };
}

function recorded(plan: MachinePlan, choose: (s: Stepper) => number): { run: Execution; recorder: Recorder } {
  const stepper = new Stepper(plan);
  const recorder = new Recorder();
  stepper.watcher = recorder;
  const run = execute(stepper, choose);
  return { run, recorder: recorder.finish(stepper) };
}

/** The step by which two runs had different images; -1 if they never had. */
function firstDifference(a: readonly string[], b: readonly string[]): number {
  const i = a.findIndex((hash, k) => hash !== b[k]);
  if (i >= 0) return (i + 1) * HASH_EVERY;
  return a.length === b.length ? -1 : a.length * HASH_EVERY;
}
