/** The store buffers of a stepped machine: what its observer hears of them, and which word is next. */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { NOWHERE, type Word } from '../memory/memory.ts';
import { TsoMemory } from '../memory/tso-memory.ts';
import type { Machine } from './machine.ts';

/**
 * The memory of the machine if it has store buffers. The observer hears of a page-table entry when its store becomes visible:
 * a walk before that reads the old entry, and is to be taken for one.
 */
export function storeBuffers({ mem, shape }: Machine, cpuAt: (id: number) => Cpu): TsoMemory | undefined {
  if (!(mem instanceof TsoMemory)) return undefined;
  const { from } = shape.pairs();
  mem.pairChanges = (id, word, low, high) => {
    const cpu = cpuAt(id);
    const { frameAt, frameStride } = cpu;
    const table = Math.floor((word - from) / frameStride) as Pfn;
    const index = (word - frameAt - table * frameStride) >> 1;
    cpu.observer?.pteChanges(cpu, table, index, mem.words[word], low, mem.words[word + 1], high);
  };
  return mem;
}

/** The word that the next drain of the CPU touches, or NOWHERE. */
export function drainWord({ mem }: Machine, id: number): Word {
  return mem instanceof TsoMemory ? mem.drainWord(id) : NOWHERE;
}
