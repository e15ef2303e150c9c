/**
 * Sleeping and waking of CPUs that are threads. Each CPU sleeps on its own wake word, whatever it waits for, so that an
 * interrupt and the store it waits for can both wake it. Costs: 0.5 us between running CPUs, some 50 us if one sleeps.
 */
import type { CpuId } from '../../hardware/types.ts';
import { NOWHERE, type SharedSide, type Word } from '../../memory/memory.ts';
import { ANY_WAKE, type ControlColumns } from './worker-tables.ts';

export class WakeBoard implements SharedSide {
  readonly words: Int32Array;
  readonly sleepersAt: number;
  /** Told of each lock that a path of this thread takes. */
  locks: { acquired(): void } | undefined = undefined;

  constructor(
    private readonly control: ControlColumns,
    private readonly cpus: number,
  ) {
    this.words = control.run.sleepers.mem.words;
    this.sleepersAt = control.run.sleepers.at(0);
  }

  changed(word: Word): void {
    const { waitingOn } = this.control.board;
    for (let id = 0 as CpuId; id < this.cpus; id++) {
      if (waitingOn.peek(id) === word + 1) this.wake(id);
    }
  }

  acquired(): void {
    this.locks?.acquired();
  }

  /** An interrupt was sent to `target`: its request register is set already, so a sleeper that rechecks sees it. */
  kicked(target: CpuId): void {
    if (this.control.board.waitingOn.load(target) !== 0) this.wake(target);
  }

  /** The word on which CPU `id` sleeps. */
  wakeWord(id: CpuId): Word {
    return this.control.board.wake.at(id);
  }

  wake(id: CpuId): void {
    const { wake } = this.control.board;
    wake.add(id, 1);
    Atomics.notify(this.words, wake.at(id));
  }

  wakeAll(): void {
    for (let id = 0 as CpuId; id < this.cpus; id++) this.wake(id);
  }

  /**
   * Publishes that CPU `id` is about to sleep on `word` (NOWHERE: only for a wake-up). Whoever calls this rechecks what
   * it waits for, then calls `doze` if it must, and `arise` in any case. Returns what `doze` wants.
   */
  prepare(id: CpuId, word: Word): number {
    const { board, run } = this.control;
    const before = board.wake.load(id);
    board.waitingOn.store(id, word === NOWHERE ? ANY_WAKE : word + 1);
    if (word !== NOWHERE) run.sleepers.add(0, 1);
    return before;
  }
  /** Sleeps until woken, at most `ms` milliseconds: not guaranteed that anything has happened. */
  doze(id: CpuId, before: number, ms: number): 'ok' | 'not-equal' | 'timed-out' {
    return Atomics.wait(this.words, this.control.board.wake.at(id), before, ms);
  }
  arise(id: CpuId, word: Word): void {
    const { board, run } = this.control;
    if (word !== NOWHERE) run.sleepers.add(0, -1);
    board.waitingOn.store(id, 0);
  }
}
