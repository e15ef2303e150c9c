/** What a hunt in one program convicts of: what most tests of policies, bugs and fixes ask. */
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { definePatch, type Patch } from '#tlblab/bugs/patch.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import type { Policy } from '#tlblab/policy/policy.js';
import type { Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';

/** Routines of the kernel that a test breaks. */
export type Routines = Omit<Parameters<typeof definePatch>[0], 'name' | 'says' | 'source'>;

export interface Look {
  readonly schedules: number;
  readonly seed?: number;
  readonly patches?: readonly Patch[];
  /** A flush point of the policy that is left out. */
  readonly drop?: string;
  readonly routines?: Routines;
}

/** @param source a program, or the name of a scenario @returns the harm, undefined if nothing was convicted */
export function harmOf(
  policy: Policy,
  source: Program | string,
  { schedules, seed = 7, patches = [], drop, routines }: Look,
): string | undefined {
  return hunt({
    policy,
    patches: [
      ...patches,
      ...(drop === undefined ? [] : [dropPoint(policy, drop)]),
      ...(routines ? [definePatch({ name: 'changed', says: 'changes it', source: 'this test', ...routines })] : []),
    ],
    source: typeof source === 'string' ? loadScenario(source) : source,
    seed,
    schedules,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  }).found?.conviction.harm;
}
