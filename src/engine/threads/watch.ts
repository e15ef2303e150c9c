/**
 * Watches a parallel run from outside, by looking at its control words now and then: is anything still happening, and if
 * not, why? Looks are plain and may be out of date; a judgement takes many of them, over seconds.
 */
import type { CpuId } from '../../hardware/types.ts';
import type { ControlColumns } from './worker-tables.ts';

/**
 * Why a run goes no further. `deadlock`: every CPU waits for another one. `hang`: a CPU runs and reaches no point.
 * `livelock`: CPUs pass points, but no operation ends.
 */
export type Stall = { readonly kind: 'deadlock' | 'livelock' } | { readonly kind: 'hang'; readonly cpu: CpuId };

export class Watch {
  private ended = -1;
  private looks = 0;
  private readonly waited: Int32Array;
  private readonly moved: Int32Array;
  private readonly points: Int32Array;

  /** @param patience looks without an operation ended, after which the run counts as stalled */
  constructor(
    private readonly control: ControlColumns,
    private readonly cpus: number,
    private readonly patience: number,
  ) {
    this.waited = new Int32Array(cpus);
    this.moved = new Int32Array(cpus);
    this.points = new Int32Array(cpus);
  }

  /** Operations of programs done by all CPUs. */
  operations(): number {
    let sum = 0;
    for (let id = 0 as CpuId; id < this.cpus; id++) sum += this.control.board.operations.peek(id) >>> 0;
    return sum;
  }

  /** One look, to be taken at regular intervals; tells when the run is stalled. */
  look(): Stall | undefined {
    const { board, run } = this.control;
    const ended = this.operations() + run.rounds.peek(0) + run.restarts.peek(0);
    if (ended !== this.ended) {
      this.ended = ended;
      this.looks = 0;
      this.waited.fill(0);
      this.moved.fill(0);
    }
    for (let id = 0 as CpuId; id < this.cpus; id++) {
      if (board.waitingOn.peek(id) !== 0 || board.waits.peek(id) !== 0) this.waited[id]++;
      const points = board.points.peek(id);
      if (points !== this.points[id]) this.moved[id]++;
      this.points[id] = points;
    }
    if (++this.looks < this.patience) return undefined;
    for (let id = 0 as CpuId; id < this.cpus; id++) {
      if (this.moved[id] <= 1 && this.waited[id] === 0) return { kind: 'hang', cpu: id };
    }
    // a CPU that waits wakes now and then, to look and to take a tick
    return { kind: this.waited.every((n) => n > this.looks / 2) ? 'deadlock' : 'livelock' };
  }
}
