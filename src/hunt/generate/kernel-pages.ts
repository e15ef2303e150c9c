/** What the kernel allocates for itself in generated programs: pages that it gets and frees, and devices whose handlers do. */
import type { AllocContext, Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';

/** Pages that an operation allocates or frees at most: the programs' machines are small. */
const PAGES = 3;

/** Allocates or frees. */
export function drawKernelPages(draw: Draw): Op {
  return draw.chance(0.35) ? { do: 'kfree', ...drawMany(draw) } : drawAllocation(draw);
}

function drawMany(draw: Draw): { pages?: number } {
  const pages = draw.chance(0.7) ? 1 : draw.between(2, PAGES);
  return pages > 1 ? { pages } : {};
}

/** Allocates, in one context or another. */
export function drawAllocation(draw: Draw): Op {
  const many = drawMany(draw);
  const context = draw.weighted<AllocContext>({ task: 4, irqoff: 4, locked: 2 })!;
  return { do: 'kalloc', ...many, ...(context === 'task' ? {} : { context }) };
}

/** A device interrupts one of the CPUs, whatever that does. */
export function drawDevice(draw: Draw, cpus: number): Op {
  return { do: 'device', cpu: draw.below(cpus) };
}
