/**
 * A probe asks what an access would do now, or a walk; nobody has done it yet. Here the access joins the program of the task that
 * would suffer, and the walk the schedule, so that the finding replays as an ordinary program. Probes are off from then on: they changed nothing, and
 * the real access convicts in their place, at once or when the machine is at rest, perhaps of a harm more exact.
 */
import { ADVERSARY, type Choice, choice, choiceKind, RUN } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { adversaryActions } from '../hardware/adversary.ts';
import type { CpuId } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import { execute } from './execute.ts';
import type { RawFinding } from './hunt.ts';
import { accessOp, placeOf, withOps } from './joined-op.ts';
import { ExactReplay } from './schedule.ts';

/** Acts of hardware that make what a probe asked for come true, at most. */
const MOST_ACTS = 2;

/** The finding with its probed access performed; unchanged if it was no probe, or if the access does not convict. */
export function withProbedAccess(found: RawFinding): RawFinding {
  const { violation } = found.conviction;
  if (!violation?.probe) return found;
  if (violation.kind === -1) return withWalk(found, violation.cpu);
  const before = new Stepper(found.plan);
  execute(before, new ExactReplay(found.choices).choose);
  const at = placeOf(found.plan.program, before, violation.task);
  const access = accessOp(violation.kind, violation.vpn, violation.word);
  const inHistory = before.historyViolation !== undefined;
  const program = withOps(found.plan.program, violation.task, [access], at, inHistory);
  if (!program) return found;
  const plan = withoutProbes({ ...found.plan, program });
  const stepper = new Stepper(plan);
  const choices: number[] = [];
  const { cpu, task } = violation;
  const own = choice(RUN, cpu);
  let next = 0;
  const run = execute(stepper, (s) => {
    // from the new access on, its CPU stands still until the recorded schedule is over
    const waits = s.machine.columns.user.pc.peek(task as TaskId) > at;
    while (waits && found.choices[next] === own) next++;
    const c = found.choices[next++] ?? (s.choices.includes(own) ? own : s.choices[0]);
    if (choiceKind(c as Choice) < ADVERSARY && !s.choices.includes(c as Choice)) return -1;
    choices.push(c);
    return c;
  });
  const { convicted } = run;
  if (!convicted) return found;
  return { ...found, plan, choices, conviction: convicted, steps: run.steps };
}

/**
 * A table was freed that a walk would still read: hardware begins one, or goes on with the one that it has begun. If it has all
 * translations cached that are found by that table, it evicts one first.
 */
function withWalk(found: RawFinding, id: CpuId): RawFinding {
  const plan = withoutProbes(found.plan);
  const stepper = new Stepper(plan);
  let sequences: number[][] = [[]];
  for (let acts = 0; acts <= MOST_ACTS; acts++) {
    const longer: number[][] = [];
    for (const sequence of sequences) {
      const choices = [...found.choices, ...sequence];
      stepper.reset();
      const { convicted, steps } = execute(stepper, new ExactReplay(choices).choose);
      if (convicted?.harm === found.conviction.harm) return { ...found, plan, choices, conviction: convicted, steps };
      const actions: number[] = [];
      const n = adversaryActions(stepper.cpuAt(id), stepper.machine.pages, actions);
      for (const action of actions.slice(0, n)) longer.push([...sequence, choice(ADVERSARY, id, action)]);
    }
    sequences = longer;
  }
  return found;
}

/**
 * The plan under which a finding is recorded and replayed: without probes, whose marks are words of the image, if the
 * schedule convicts without them too.
 */
export function recordingPlan(plan: MachinePlan, choices: readonly number[]): MachinePlan {
  const quiet = withoutProbes(plan);
  return execute(new Stepper(quiet), new ExactReplay(choices).choose).convicted ? quiet : plan;
}

function withoutProbes(plan: MachinePlan): MachinePlan {
  const { oracle } = plan;
  return { ...plan, oracle: oracle && { ...oracle, checks: { ...oracle.checks, probe: false } } };
}
