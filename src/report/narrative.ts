/**
 * The story of a conviction: which events of a recording belong to it, and how each is told. Chosen is what concerns the
 * losing page, the frame or table behind it, the operation that ended the translation, and the flush it owed; everything
 * else of the run is left out.
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { type Conviction, execute } from '../hunt/execute.ts';
import { ExactReplay } from '../hunt/schedule.ts';
import { findCulprit } from './find-culprit.ts';
import { Names } from './names.ts';
import type { Culprit } from './narrative-culprit.ts';
import { tell } from './narrative-words.ts';
import { Recording } from './recording.ts';

export interface Line {
  readonly step: number;
  readonly cpu: number;
  readonly text: string;
  /** The access (or assertion) that convicts. */
  readonly loses: boolean;
}

export interface Narrative {
  readonly cpus: number;
  readonly title: string;
  /** The history, and what it left in the TLB that loses. */
  readonly before: readonly string[];
  /** One head per column. */
  readonly heads: readonly string[];
  readonly lines: readonly Line[];
  /** What was seen and what was expected. */
  readonly verdict: string;
  /** The flush that was owed, in words; empty where none was. */
  readonly owed: string;
}

/** A run told again: the events of it, why it convicts, and the story. */
export interface Retold {
  readonly recording: Recording;
  readonly conviction: Conviction | undefined;
  readonly culprit: Culprit;
  readonly narrative: Narrative;
  /** Steps of the concurrent part. */
  readonly steps: number;
}

/** Runs `choices` once more, watched. */
export function retell(plan: MachinePlan, choices: readonly number[]): Retold {
  const recording = new Recording();
  const stepper = new Stepper(plan, recording);
  if (stepper.historyViolation || stepper.historyFailure) recording.sequential = true;
  else recording.startConcurrent();
  const run = execute(stepper, new ExactReplay(choices).choose);
  const names = new Names(plan.program, stepper.machine.geometry.cpus, plan.policy.threads);
  const culprit = findCulprit(recording, run.convicted);
  const narrative = narrate(plan, stepper, recording, run.convicted, culprit, names);
  return { recording, conviction: run.convicted, culprit, narrative, steps: run.steps };
}

function narrate(
  plan: MachinePlan,
  stepper: Stepper,
  recording: Recording,
  conviction: Conviction | undefined,
  culprit: Culprit,
  names: Names,
): Narrative {
  const { cpus } = stepper.machine.geometry;
  const { program } = plan;
  const heads = Array.from({ length: cpus }, (_, cpu) => {
    const here = program.tasks.filter((t) => t.cpu === cpu && t.forkedBy === undefined).map((t) => t.name);
    return `CPU${cpu}${here.length > 0 ? ` (${here.join(', ')})` : ''}`;
  });
  const alone = recording.sequential ? ': one operation after another, no race needed' : '';
  const patches = plan.patches.map((p) => `, patch ${p.name}`).join('');
  return {
    cpus,
    title: `${program.name}, policy ${plan.policy.name}${patches}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}${alone}`,
    before: recording.sequential ? [] : before(plan, culprit, names),
    heads,
    lines: linesOf(recording, conviction, culprit, names),
    verdict: conviction ? `${conviction.harm}: ${conviction.says}${since(conviction, culprit, names)}` : 'no violation',
    owed: culprit.owed(names),
  };
}

/** Why a read of a file's page is stale, where that is a store to the file. */
function since({ harm, violation }: Conviction, { filePage }: Culprit, names: Names): string {
  const text = harm === 'stale-read' && violation ? filePage?.since(violation.word, names) : undefined;
  return text ? `; ${text}` : '';
}

function before(plan: MachinePlan, culprit: Culprit, names: Names): string[] {
  const { history } = plan.program;
  const texts: string[] = [];
  let last = '';
  for (const { task, op } of history) {
    texts.push(`${task === last ? '' : `${task}: `}${names.op(op)}`);
    last = task;
  }
  const told = texts.length > 0 ? [`before: ${texts.join('; ')}`] : [];
  const { fill, cpu } = culprit;
  if (fill && !fill.concurrent && fill.is === 'fill') {
    told.push(`then:   CPU${cpu}'s TLB holds ${names.page(fill.vpn)} -> pfn ${fill.pfn}`);
  }
  return told;
}

/** By access kind. */
const ACCESSES = ['a load', 'a store', 'a fetch'];
/** More lines than a person reads; the first ones go. */
const MOST_LINES = 60;

function linesOf(recording: Recording, conviction: Conviction | undefined, culprit: Culprit, names: Names): Line[] {
  const shown = recording.events.filter((e) => (e.concurrent || recording.sequential) && culprit.concerns(e));
  const lines: Line[] = [];
  for (const [i, event] of shown.entries()) {
    const loses = event === culprit.losing;
    const next = shown[i + 1];
    // a walk's fill and the access it served are one line, unless something came between them
    if (event.is === 'fill' && next?.is === 'access' && next.cpu === event.cpu && next.vpn === event.vpn) continue;
    const text = tell(event, names, culprit, shown[i - 1]);
    if (text === '') continue;
    const who = names.isAlone(event.task, event.cpu) ? '' : `${names.task(event.task)}: `;
    lines.push({ step: event.step, cpu: event.cpu, text: `${who}${text}${loses ? `   ${culprit.label}` : ''}`, loses });
    if (loses) break;
  }
  if (!culprit.losing && conviction) {
    const { violation } = conviction;
    if (!violation) {
      for (const { step, place } of culprit.lastPlaces(recording)) {
        lines.push({ step, cpu: place.cpu, text: place.label, loses: false });
      }
      lines.sort((a, b) => a.step - b.step);
    }
    const access = violation && ACCESSES[violation.kind];
    const now = access ? `${access} of ${names.word(violation.vpn, violation.word)} now: ` : 'at rest: ';
    lines.push({
      step: recording.places.length,
      cpu: culprit.cpu,
      text: `${violation ? now : ''}${culprit.label}`,
      loses: true,
    });
  }
  return lines.slice(-MOST_LINES);
}
