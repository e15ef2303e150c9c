/**
 * Which CPUs stand at a user instruction boundary: there the probe may ask what an access would do. While a record is kept,
 * whether a CPU does is a word of its own, behind those of the image, so that the order of arrival and look counts.
 */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Word } from '../memory/memory.ts';
import type { Machine } from './machine.ts';
import type { TaskStack } from './task-stack.ts';

export class UserBoundary {
  private readonly there: Cpu[] = [];
  private was = false;

  constructor(
    private readonly machine: Machine,
    /** By CPU. */
    private readonly running: readonly TaskStack[],
  ) {}

  /** Handles of the CPUs that stand there now. */
  cpus(): readonly Cpu[] {
    const { there, running, machine } = this;
    there.length = 0;
    for (let id = 0; id < running.length; id++) {
      machine.mem.record?.notes(this.word(id), false, 0, -1);
      if (this.isThere(id)) there.push(running[id].cpu);
    }
    return there;
  }

  beforeStep(id: CpuId): void {
    if (this.machine.mem.record) this.was = this.isThere(id);
  }
  afterStep(id: CpuId): void {
    const { record } = this.machine.mem;
    if (!record) return;
    if (this.isThere(id) !== this.was) record.notes(this.word(id), true, 0, -1);
    record.endStep();
  }

  /** A kernel thread never does: its mm is borrowed. */
  private isThere(id: number): boolean {
    const { id: task, cpu } = this.running[id];
    const { mem, columns } = this.machine;
    // not by `peek`: this is the engine's look, no path learns from it
    return cpu.kernelDepth === 0 && mem.words[columns.tasks.mm.at(task)] !== 0;
  }
  private word(id: number): Word {
    return (this.machine.mem.words.length + id) as Word;
  }
}
