/** Steps that no path takes: hardware evicts or walks on its own, a timer fires, a store leaves its buffer. */
import { type AdversaryAction, adversaryPerform, adversaryWord } from '../hardware/adversary.ts';
import { VECTOR_TIMER } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { TsoMemory } from '../memory/tso-memory.ts';
import { ADVERSARY, type Choice, choiceArgument, choiceKind, DRAIN, TICK } from './choice.ts';
import type { Machine } from './machine.ts';

/** No path learns from what hardware does. */
const NO_TASK = -1;

/** @param cpu the handle of the task that runs on the CPU whose hardware it is */
export function hardwareActs({ mem }: Machine, buffers: TsoMemory | undefined, cpu: Cpu, c: Choice): void {
  const { id } = cpu;
  switch (choiceKind(c)) {
    case ADVERSARY: {
      const action = choiceArgument(c) as AdversaryAction;
      const { pteHi } = cpu;
      mem.beginStep(id, NO_TASK, adversaryWord(cpu, action));
      adversaryPerform(cpu, action);
      // a walk has used the handle; to the task nothing happened
      cpu.pteHi = pteHi;
      return;
    }
    case TICK: {
      const { irr } = cpu.hw.apic;
      mem.beginStep(id, NO_TASK, irr.at(id));
      irr.or(id, 1 << VECTOR_TIMER);
      return;
    }
    case DRAIN:
      buffers?.drainStep(id, NO_TASK);
  }
}
