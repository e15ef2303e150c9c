/** From a run that convicted to a finding: the access made real, the program shrunk, the run recorded, told and graded. */

import type { StepWatcher } from '../engine/step-watcher.ts';
import { Stepper } from '../engine/stepper.ts';
import { execute } from '../hunt/execute.ts';
import { gradeOf, type InOrder } from '../hunt/grade.ts';
import type { HuntOptions, RawFinding } from '../hunt/hunt.ts';
import { recordingPlan, withProbedAccess } from '../hunt/probed-access.ts';
import { ExactReplay, Recorder } from '../hunt/schedule.ts';
import { shrink } from '../hunt/shrink.ts';
import type { Harm } from '../oracle/oracle.ts';
import { canonicalProgram } from '../program/canonical.ts';
import { FINDING_SCHEMA, type Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import { printColumns } from './columns.ts';
import { findingId } from './finding-file.ts';
import { modelHash } from './model-hash.ts';
import { Names } from './names.ts';
import { type Retold, retell } from './narrative.ts';

/** What a finding carries besides the run. Policy and patches as the person named them: built-in names or paths. */
export interface FindingOrigin {
  readonly tool: string;
  readonly policy: string;
  readonly patches: readonly string[];
  readonly seed: number;
  /** Plug-in files whose text is part of the model. */
  readonly plugins: readonly string[];
  /** Columns as for mail. */
  readonly mail: boolean;
}

/** Work that shrinking and grading may do. Counted, not timed, so that one seed gives one finding. */
export interface FindingBudget {
  /** Smaller programs tried at most. */
  readonly candidates: number;
  /** Schedules tried for each, and for the grade. */
  readonly schedules: number;
}

/** Full work: a few seconds. */
export const FULL_BUDGET: FindingBudget = { candidates: 400, schedules: 60 };
/** Harms of which the read-back of a machine at rest convicts. */
const READ_BACK: readonly Harm[] = ['lost-write', 'isolation'];

/** No shrinking, no grade: what can be said at once. */
export const NO_BUDGET: FindingBudget = { candidates: 0, schedules: 0 };

/** @param stopped polled now and then; true ends shrinking early (the result is then the best so far). */
export function buildFinding(
  raw: RawFinding,
  origin: FindingOrigin,
  budget: FindingBudget,
  stopped: () => boolean = () => false,
): Finding {
  const real = withProbedAccess(raw);
  let candidates = budget.candidates;
  const outOfTime = (): boolean => candidates-- <= 0 || stopped();
  const small =
    budget.candidates > 0 ? withProbedAccess(shrink(real, { schedules: budget.schedules, outOfTime, stopped })) : real;
  const plan = recordingPlan({ ...small.plan, program: canonicalProgram(small.plan.program) }, small.choices);
  const recorder = record(plan, small.choices);
  const told = retell(plan, small.choices);
  const { program } = plan;
  const { policy, patches, seed, tool, plugins, mail } = origin;
  const { harm, says } = small.conviction;
  return {
    schema: FINDING_SCHEMA,
    tool,
    model: modelHash(plugins),
    id: findingId({ policy, patches: [...patches], program, choices: recorder.choices, harm }),
    policy,
    patches: [...patches],
    seed,
    strategy: raw.strategy,
    strict: plan.oracle?.strict ?? false,
    ...(plan.memory === 'tso' && { memory: plan.memory }),
    harm,
    invariant: says,
    owed: told.culprit.owed(new Names(program, program.machine.cpus, plan.policy.threads)),
    grade: grade({ ...small, plan }, told, {
      schedules: stopped() ? 0 : budget.schedules * 5,
      seed,
      outOfTime: stopped,
    }),
    cpus: program.machine.cpus,
    steps: told.recording.places.length,
    shrunkFrom: sizeOf(raw),
    program,
    choices: recorder.choices,
    switches: recorder.switches,
    hashes: recorder.hashes,
    columns: printColumns(told.narrative, { mail }),
  };
}

function sizeOf({ plan, choices }: RawFinding): Finding['shrunkFrom'] {
  const { program } = plan;
  let steps = 0;
  const counter: StepWatcher = {
    before: () => {
      steps++;
    },
  };
  const stepper = new Stepper({ ...plan, checks: { access: false, hash: false } }, counter);
  if (!stepper.historyViolation && !stepper.historyFailure) {
    steps = 0;
    execute(stepper, new ExactReplay(choices).choose);
  }
  return { cpus: program.machine.cpus, steps, operations: operations(program) };
}

/** Runs exact choices and records them. */
function record(plan: RawFinding['plan'], choices: readonly number[]): Recorder {
  const stepper = new Stepper(plan);
  const recorder = new Recorder();
  stepper.watcher = recorder;
  execute(stepper, new ExactReplay(choices).choose);
  return recorder.finish(stepper);
}

export function operations(program: Program): number {
  return program.history.length + program.tasks.reduce((sum, task) => sum + task.ops.length, 0);
}

function grade(
  small: RawFinding,
  { culprit, recording }: Retold,
  search: Pick<HuntOptions, 'schedules' | 'seed' | 'outOfTime'>,
): Finding['grade'] {
  const { violation } = small.conviction;
  if (violation?.weak) return 'weak';
  // a load that awaits the end of all tasks would return it
  if (violation && violation.cpu < 0 && READ_BACK.includes(violation.harm)) return 'causal';
  const { endedBy, losing, writer, shownBy } = culprit;
  const lost = losing && recording.events.findLast((e) => e.is === 'op' && e.task === losing.task);
  if (endedBy?.is !== 'op' || lost?.is !== 'op' || search.schedules === 0) return 'real-time';
  const { cpus } = small.plan.program.machine;
  const place = (e: typeof endedBy) => ({ task: e.task - cpus, index: e.index, inHistory: e.inHistory });
  const pairs: InOrder[] = [endedBy, shownBy ?? writer].flatMap((e) => (e ? [[place(e), place(lost)]] : []));
  if (shownBy && writer) pairs.push([place(writer), place(shownBy)]);
  return gradeOf(small, pairs, search);
}
