/**
 * A conviction as data for the page: who did what at each step, which interrupts went where, and after each step what
 * every TLB holds of each page beside what its page table says.
 */
import { ADVERSARY, type Choice, choiceCpu, choiceKind, DRAIN } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import type { StepWatcher } from '../engine/step-watcher.ts';
import { Stepper } from '../engine/stepper.ts';
import { execute } from '../hunt/execute.ts';
import { ExactReplay } from '../hunt/schedule.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Finding } from '../program/finding.ts';
import { printLitmus } from '../program/litmus.ts';
import type { Event } from './happening.ts';
import { type FrameLife, framesOf } from './html-frames.ts';
import { type PageRow, PageStates } from './html-states.ts';
import { Names } from './names.ts';
import { type Retold, retell } from './narrative.ts';
import { tell } from './narrative-words.ts';

/** In what a CPU was when it took a step: user mode, kernel, interrupt handler, or hardware acting on its own. */
export type StepKind = 'user' | 'kernel' | 'interrupt' | 'hardware';

export interface StepView {
  readonly cpu: number;
  readonly task: string;
  readonly kind: StepKind;
  /** The point at which the CPU stood, and the word it was about to touch. */
  readonly point: string;
  readonly word: string;
  readonly happens: readonly string[];
}

export interface Arrow {
  readonly from: number;
  readonly fromCpu: number;
  readonly to: number;
  readonly toCpu: number;
}

export interface RaceView {
  readonly title: string;
  readonly harm: string;
  readonly says: string;
  readonly owed: string;
  readonly grade: string;
  /** The command that runs it again. */
  readonly command: string;
  readonly columns: string;
  /** As litmus text. */
  readonly program: string;
  readonly heads: readonly string[];
  /** Number of the first step shown. */
  readonly first: number;
  readonly steps: readonly StepView[];
  readonly arrows: readonly Arrow[];
  /** Per step shown, one more before the first: the rows after it, or null where nothing has changed. */
  readonly states: readonly (readonly PageRow[] | null)[];
  readonly frames: readonly FrameLife[];
}

/** Steps before the violation that the page shows. */
const WINDOW = 500;

/** Runs the finding once more and describes it. @param plan the machine of the finding, with its policy loaded. */
export function raceView(plan: MachinePlan, finding: Finding, command: string): RaceView {
  const told = retell(plan, finding.choices);
  const watch = watchStates(plan, finding.choices);
  const names = new Names(plan.program, plan.program.machine.cpus, plan.policy.threads);
  const first = Math.max(0, watch.kinds.length - WINDOW);
  const { narrative, recording } = told;
  return {
    title: narrative.title,
    harm: finding.harm,
    says: finding.invariant,
    owed: finding.owed,
    grade: finding.grade,
    command,
    columns: finding.columns,
    program: printLitmus(plan.program),
    heads: narrative.heads,
    first,
    steps: watch.kinds.slice(first).map((kind, i) => {
      const { cpu, task, label, word } = recording.places[first + i];
      return { cpu, task: names.task(task), kind, point: label, word, happens: happenings(told, names, first + i) };
    }),
    arrows: arrowsOf(recording.events).filter((a) => a.from >= first),
    states: watch.states.slice(first),
    frames: framesOf(recording.events, told.culprit.pfn, first),
  };
}

function happenings({ recording, culprit }: Retold, names: Names, step: number): string[] {
  return recording.events
    .filter((e) => e.concurrent && e.step === step)
    .map((e) => {
      const text = tell(e, names, culprit, undefined);
      return e === culprit.losing ? `${text}: ${culprit.label}` : text;
    })
    .filter((text) => text !== '');
}

/** Each send with the delivery that took it; one that merged with an earlier message arrives with that one. */
function arrowsOf(events: readonly Event[]): Arrow[] {
  const arrows: Arrow[] = [];
  for (const [i, send] of events.entries()) {
    if (send.is !== 'send' || !send.concurrent) continue;
    const taken = events.slice(i + 1).find((e) => e.is === 'deliver' && e.cpu === send.to);
    if (taken) arrows.push({ from: send.step, fromCpu: send.cpu, to: taken.step, toCpu: taken.cpu });
  }
  return arrows;
}

interface Watched {
  readonly kinds: StepKind[];
  readonly states: (PageRow[] | null)[];
}

function watchStates(plan: MachinePlan, choices: readonly number[]): Watched {
  const stepper = new Stepper(plan);
  const pages = new PageStates(stepper);
  const kinds: StepKind[] = [];
  const states: (PageRow[] | null)[] = [pages.rows()];
  let last = JSON.stringify(states[0]);
  const watcher: StepWatcher = {
    before: (s, c, cpu) => kinds.push(kindOf(s, c, cpu)),
    after: () => {
      const rows = pages.rows();
      const text = JSON.stringify(rows);
      states.push(text === last ? null : rows);
      last = text;
    },
  };
  stepper.watcher = watcher;
  execute(stepper, new ExactReplay(choices).choose);
  return { kinds, states: filled(states, kinds.length - Math.max(0, kinds.length - WINDOW)) };
}

/** The first state that is shown must be there, whether or not that step changed it. */
function filled(states: (PageRow[] | null)[], shown: number): (PageRow[] | null)[] {
  const at = states.length - 1 - shown;
  if (at > 0 && states[at] === null) states[at] = states.slice(0, at).findLast((s) => s !== null) ?? [];
  return states;
}

function kindOf(stepper: Stepper, c: Choice, cpu: Cpu): StepKind {
  if (choiceKind(c) === ADVERSARY || choiceKind(c) === DRAIN) return 'hardware';
  if (choiceKind(c) !== 0 || stepper.machine.columns.regs.irqDepth.peek(choiceCpu(c)) > 0) return 'interrupt';
  return cpu.kernelDepth > 0 || cpu.current < stepper.machine.geometry.cpus ? 'kernel' : 'user';
}
