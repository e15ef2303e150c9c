/** What the kernel allocates for itself in generated programs: pages that it gets and frees, and devices whose handlers do. */
import type { AllocContext, Op } from '../program/program.ts';
import type { Draw } from './generator-draw.ts';

/** Pages that an operation allocates or frees at most: the programs' machines are small. */
const PAGES = 3;

/** Allocates, in one context or another, or frees. */
export function drawKernelPages(draw: Draw): Op {
  const pages = draw.chance(0.7) ? 1 : draw.between(2, PAGES);
  const many = pages > 1 ? { pages } : {};
  if (draw.chance(0.35)) return { do: 'kfree', ...many };
  const context = draw.weighted<AllocContext>({ task: 4, irqoff: 4, locked: 2 })!;
  return { do: 'kalloc', ...many, ...(context === 'task' ? {} : { context }) };
}

/** A device interrupts one of the CPUs, whatever that does. */
export function drawDevice(draw: Draw, cpus: number): Op {
  return { do: 'device', cpu: draw.below(cpus) };
}
