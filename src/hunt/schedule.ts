/**
 * Schedules as data: the exact choices (byte replay on the same model) and the edit-proof switch list (which CPU acts
 * until it stands at which point for the n-th time), which survives changes of the model.
 */
import {
  ADVERSARY,
  type Choice,
  type ChoiceKind,
  choice,
  choiceArgument,
  choiceCpu,
  choiceKind,
  RUN,
} from '../engine/choice.ts';
import type { StepWatcher } from '../engine/step-watcher.ts';
import type { Stepper } from '../engine/stepper.ts';
import { pointLabel } from '../memory/point.ts';
import type { ScheduleSwitch } from '../program/finding.ts';
import { type Conviction, execute } from './execute.ts';

/** By kind of choice. A recorded program has its operations: what was a choice of one is a step of its path. */
const DOES = ['run', 'deliver', 'adversary', 'tick', 'drain', 'run'] as const;

/** Steps between two image hashes of a recording. */
export const HASH_EVERY = 64;

/** Records a run: choices, switch list, hashes. Attach as the stepper's watcher from the start of a run. */
export class Recorder implements StepWatcher {
  readonly choices: Choice[] = [];
  readonly switches: ScheduleSwitch[] = [];
  readonly hashes: string[] = [];
  private readonly visits = new Visits();

  /** A step that an assertion of the kernel ends belongs to the run, too, and has no `after`. */
  before(_stepper: Stepper, c: Choice): void {
    this.choices.push(c);
  }

  after(stepper: Stepper, c: Choice): void {
    const until = this.visits.count(stepper, c);
    const does = DOES[choiceKind(c)];
    const last = this.switches[this.switches.length - 1];
    const goesOn = last && does === 'run' && last.does === 'run' && last.cpu === choiceCpu(c);
    if (goesOn) last.until = until;
    else this.switches.push({ cpu: choiceCpu(c), does, argument: choiceArgument(c), until });
    if (this.choices.length % HASH_EVERY === 0) this.hashes.push(stepper.machine.mem.hash());
  }

  /** Call when the run is over. */
  finish(stepper: Stepper): this {
    this.hashes.push(stepper.machine.mem.hash());
    return this;
  }
}

/** Counts how often each CPU has stood at each point. */
class Visits {
  private readonly seen = new Map<string, number>();

  count(stepper: Stepper, c: Choice): { point: string; visit: number } {
    const id = choiceCpu(c);
    const point = pointLabel(stepper.cpuAt(id).point);
    const key = `${id} ${point}`;
    const visit = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, visit);
    return { point, visit };
  }
}

/** Where a replay stopped following its schedule. */
export interface Divergence {
  readonly step: number;
  readonly says: string;
}

/** A chooser that follows exact choices and then stops; `diverged` says where they were not possible. */
export class ExactReplay {
  diverged: Divergence | undefined = undefined;
  private at = 0;

  constructor(private readonly choices: readonly number[]) {}

  choose = (stepper: Stepper): number => {
    const c = this.choices[this.at];
    if (c === undefined) return -1;
    const kind = choiceKind(c as Choice);
    if (kind < 2 && !stepper.choices.includes(c as Choice)) {
      this.diverged = { step: this.at, says: `CPU${choiceCpu(c as Choice)} cannot ${DOES[kind]} here` };
      return -1;
    }
    this.at++;
    return c;
  };
}

/** A chooser that follows a switch list; behind its end it runs whoever ran last, then the lowest CPU. */
export class SwitchReplay {
  diverged: Divergence | undefined = undefined;
  private at = 0;
  private readonly visits = new Visits();
  private last: Choice | undefined = undefined;

  constructor(private readonly switches: readonly ScheduleSwitch[]) {}

  choose = (stepper: Stepper): number => {
    if (this.last !== undefined) this.advance(stepper, this.last);
    const next = this.next(stepper);
    this.last = next as Choice;
    return next;
  };

  private advance(stepper: Stepper, done: Choice): void {
    const reached = this.visits.count(stepper, done);
    const current = this.switches[this.at];
    if (!current) return;
    const arrived = reached.point === current.until.point && reached.visit >= current.until.visit;
    if (current.does !== 'run' || arrived) this.at++;
  }

  private next(stepper: Stepper): number {
    const { choices } = stepper;
    while (this.at < this.switches.length) {
      const s = this.switches[this.at];
      const c = choice(DOES.indexOf(s.does) as ChoiceKind, s.cpu, s.argument);
      if (s.does === 'adversary' || s.does === 'tick' || choices.includes(c)) return c;
      this.diverged ??= { step: stepper.steps, says: `CPU${s.cpu} cannot ${s.does} until "${s.until.point}"` };
      this.at++;
    }
    const same = this.last !== undefined && choices.includes(this.last) ? this.last : choices[0];
    return same;
  }
}

/** A chooser that follows choices as far as they go: what is not possible is left out; at their end whoever ran last goes on. */
export class LooseReplay {
  /** Choices that were followed, or left out. */
  at = 0;
  private last = -1;

  /** @param isLeftOut whether to pass over a choice that would be possible */
  constructor(
    private readonly wanted: readonly number[],
    private readonly isLeftOut: (c: Choice) => boolean = () => false,
  ) {}

  choose = (stepper: Stepper): number => {
    this.skip(stepper);
    const { choices } = stepper;
    const isOver = this.at === this.wanted.length;
    const c = isOver
      ? (choices.find((c) => choiceCpu(c) === this.last && choiceKind(c) === RUN) ?? choices[0])
      : this.wanted[this.at++];
    this.last = choiceCpu(c as Choice);
    return c;
  };

  /** Goes to the next choice that can be followed now. */
  private skip(stepper: Stepper): void {
    for (let c = this.due(); c !== undefined && !isPossible(stepper, c); c = this.due()) this.at++;
  }

  /** Has it come to that choice, but for what cannot be followed now? */
  hasReached(at: number, stepper: Stepper): boolean {
    this.skip(stepper);
    return this.at >= at;
  }

  /** Is it the turn of a CPU that has to wait for another one? */
  isHeldUp(stepper: Stepper): boolean {
    const c = this.due();
    return c !== undefined && choiceKind(c) === RUN && !isPossible(stepper, c);
  }

  /** The next choice that is not to be passed over. */
  private due(): Choice | undefined {
    while (this.at < this.wanted.length && this.isLeftOut(this.wanted[this.at] as Choice)) this.at++;
    return this.wanted[this.at] as Choice | undefined;
  }
}

function isPossible({ choices, machine }: Stepper, c: Choice): boolean {
  return choices.includes(c) || (choiceKind(c) >= ADVERSARY && choiceCpu(c) < machine.geometry.cpus);
}

/** A run that follows choices as far as they go. */
export function follow(
  stepper: Stepper,
  wanted: readonly number[],
): { choices: number[]; conviction: Conviction | undefined; steps: number } {
  const choices: number[] = [];
  const replay = new LooseReplay(wanted);
  stepper.reset();
  const run = execute(stepper, (s) => {
    choices.push(replay.choose(s));
    return choices[choices.length - 1];
  });
  return { choices, conviction: run.convicted, steps: run.steps };
}
