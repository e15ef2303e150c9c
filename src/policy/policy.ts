/** A flush policy: when a shootdown happens. It replaces kernel routines, hooks points, and may own words. */
import type { Kernel } from '../kernel/kernel.ts';
import type { Audit } from './audit.ts';
import { type FlushPoint, type FlushPointSpec, flushPointsOf } from './flush-points.ts';
import {
  asksRcuOf,
  DefinitionError,
  isReplacement,
  type Replacement,
  type ReplacementSpec,
  replacement,
} from './replacement.ts';
import { type PolicyThread, type PolicyThreadSpec, threadsOf } from './threads.ts';

/**
 * What must have been flushed before each event, in the policy's own words: a summary for its reader. A gate left out
 * behaves eagerly.
 */
export interface Gates {
  /** A frame is handed to its next owner. */
  readonly frameReuse?: string;
  /** A virtual address is mapped to something else. */
  readonly vaReuse?: string;
  /** A page table is freed. */
  readonly tableFree?: string;
  /** Rights are taken away. */
  readonly narrowing?: string;
  /** The content of a mapped file changes. */
  readonly content?: string;
  /** An allocation outside task context. */
  readonly atomicAlloc?: string;
}

const GATES: readonly string[] = ['frameReuse', 'vaReuse', 'tableFree', 'narrowing', 'content', 'atomicAlloc'];

export interface Policy extends Replacement {
  /** The kernel it is a change of. */
  readonly base: string;
  readonly gates: Gates;
  /** Where it pays what it put off, in the order of definition. */
  readonly flushPoints: readonly FlushPoint[];
  /** Kernel threads that it brings, by number. */
  readonly threads: readonly PolicyThread[];
  /** Holds its own bookkeeping against the machine; undefined if it has none that could be wrong. */
  readonly audit: Audit | undefined;
}

/** The routines of flush points stand with their point; those that belong to none stand beside the other fields. */
export type PolicySpec = ReplacementSpec & {
  base: string;
  gates?: Gates;
  flushPoints?: Record<string, FlushPointSpec>;
  /**
   * Kernel threads: `{ flusher: { says, *run(cpu) { … } } }`, woken by `yield* cpu.kernel.wakeUpKthread(cpu, 0)`; see
   * threads.ts.
   */
  threads?: Record<string, PolicyThreadSpec>;
  /** See audit.ts. */
  audit?: Audit;
};

/** A bug or an ablation: a change of the kernel that the hunter must find; see `src/bugs/patch.ts`. */
export interface Patch extends Replacement {
  /** When the mistake was in some kernel; undefined for ablations. */
  readonly year: number | undefined;
  /** Where it is told: commit, message, paper. */
  readonly source: string;
}

/**
 * Defines a policy: `definePolicy({ name, says, base, gates, *flushTlbMmRange(cpu, mm) { … } })`.
 * @throws DefinitionError, one clear line.
 */
export function definePolicy(spec: PolicySpec): Policy {
  const common = replacement('policy', spec, ['base', 'gates', 'flushPoints', 'threads', 'audit']);
  const { base, gates = {}, audit } = spec;
  if (typeof base !== 'string' || base === '') {
    throw new DefinitionError(
      `policy "${common.name}": base: expected the kernel that it changes, like "mainline 6.18"`,
    );
  }
  for (const [gate, says] of Object.entries(gates)) {
    if (GATES.includes(gate) && typeof says === 'string') continue;
    throw new DefinitionError(
      `policy "${common.name}": gates.${gate}: expected a sentence under one of ${GATES.join(', ')}`,
    );
  }
  if (audit !== undefined && typeof audit !== 'function') {
    throw new DefinitionError(`policy "${common.name}": audit: expected a function of the machine at a quiet point`);
  }
  const points = flushPointsOf(common, spec.flushPoints);
  const routines = { ...common.routines, ...points.routines } as Partial<Kernel>;
  const asksRcu = asksRcuOf(`policy "${common.name}"`, spec.asksRcu, routines);
  const threads = threadsOf(common, spec.threads);
  return { ...common, routines, asksRcu, base, gates, flushPoints: points.flushPoints, threads, audit };
}

/**
 * The policy that a plug-in file exports; `where` names the file. An object that was not passed through `definePolicy` is.
 * @throws DefinitionError if it is none
 */
export function requirePolicy(value: unknown, where: string): Policy {
  if (isReplacement(value)) {
    if (typeof (value as Policy).base === 'string') return value as Policy;
    throw new DefinitionError(`${where}: expected a policy made with definePolicy, not a patch`);
  }
  return definePolicy(value as PolicySpec);
}
