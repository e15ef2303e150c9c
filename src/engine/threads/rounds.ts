/**
 * Rounds of a parallel run: every few hundred operations all CPUs come to rest between two operations. While they rest, the
 * image is one that the stepper could start from; the last to arrive may copy it. A CPU that rests goes on taking
 * interrupts, because the others still wait for its acknowledgements; an idle one is woken if a task is put on it, because the
 * others may wait for what that does.
 */
import type { CpuId } from '../../hardware/types.ts';
import type { Word } from '../../memory/memory.ts';
import { type ControlColumns, GO_ON, STOP_NOW } from './worker-tables.ts';
import type { WakeBoard } from './worker-wake.ts';

/** How a rest ended. `called`: there is an interrupt to take or a task to run, and the CPU has to come to rest again. */
export type RestEnd = 'called' | 'over' | 'stopped' | 'restarted';

/** What the CPU that rests brings along. */
export interface Resting {
  /** Is an interrupt pending that it may take, or does its idle task see that there is something to run? */
  called(): boolean;
  /** The word that its idle task watches; NOWHERE if it rests in another task. */
  watched(): Word;
  /** Nothing happened for a while. */
  nothingHappened(): void;
  /**
   * All CPUs are at rest, and this one was the last: alone in the machine, it does what is to be done between rounds. False: no
   * round follows.
   */
  betweenRounds(): boolean;
}

/** `run.arrived` holds the number of CPUs at rest, and above it the low bits of the number of the round. */
const COUNT_BITS = 8;
const COUNT = (1 << COUNT_BITS) - 1;

const POLLS = 50;
const SLEEP_MS = 5;

export class Rounds {
  constructor(
    private readonly control: ControlColumns,
    private readonly wakes: WakeBoard,
    private readonly id: CpuId,
    private readonly cpus: number,
  ) {}

  /** Are the CPUs to come to rest? */
  asked(): boolean {
    const { run } = this.control;
    return run.asked.peek(0) !== run.rounds.peek(0);
  }

  /** Asks all CPUs to come to rest. */
  ask(): void {
    const { run } = this.control;
    const rounds = run.rounds.load(0);
    if (run.asked.cas(0, rounds, rounds + 1) === rounds) this.wakes.wakeAll();
  }

  /** Rests until all CPUs do, or until it is called. */
  rest(cpu: Resting): RestEnd {
    const { run } = this.control;
    const round = run.rounds.load(0);
    const restarts = run.restarts.load(0);
    if (((run.arrived.add(0, 1) + 1) & COUNT) === this.cpus) {
      if (cpu.betweenRounds()) {
        run.ticket.store(0, 0);
        // a CPU may never come to enter anything in the new round
        for (let id = 0 as CpuId; id < this.cpus; id++) this.control.board.logged.store(id, 0);
      }
      run.arrived.store(0, (round + 1) << COUNT_BITS);
      run.rounds.store(0, round + 1);
      this.wakes.wakeAll();
    } else if (!this.untilOver(cpu, round)) return 'called';
    if (run.stop.load(0) !== GO_ON) return 'stopped';
    return run.restarts.load(0) === restarts ? 'over' : 'restarted';
  }

  /** False: this CPU is called, and no longer counts as resting. */
  private untilOver(cpu: Resting, round: number): boolean {
    const { run } = this.control;
    const word = cpu.watched();
    for (let polls = 0; run.rounds.load(0) === round && run.stop.load(0) !== STOP_NOW; polls++) {
      if (cpu.called() && this.leave(round)) return false;
      if (polls < POLLS) continue;
      const before = this.wakes.prepare(this.id, word);
      const idle = run.rounds.load(0) === round && run.stop.load(0) !== STOP_NOW && !cpu.called();
      const woken = idle ? this.wakes.doze(this.id, before, SLEEP_MS) : 'ok';
      this.wakes.arise(this.id, word);
      if (woken === 'timed-out') cpu.nothingHappened();
    }
    return true;
  }

  /** Takes this CPU out of those at rest in this round; impossible once all are, for then the round is over. */
  private leave(round: number): boolean {
    const { arrived } = this.control.run;
    for (;;) {
      const now = arrived.load(0);
      if (now >> COUNT_BITS !== (round << COUNT_BITS) >> COUNT_BITS || (now & COUNT) === this.cpus) return false;
      if (arrived.cas(0, now, now - 1) === now) return true;
    }
  }
}
