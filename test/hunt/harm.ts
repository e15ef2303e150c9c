/** What a hunt in one program convicts of: what most tests of policies, bugs and fixes ask. */
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { definePatch, type Patch } from '#tlblab/bugs/patch.js';
import { type HuntOptions, hunt } from '#tlblab/hunt/hunt.js';
import type { Policy } from '#tlblab/policy/policy.js';
import type { Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';

/** Schedules in which what a test expects to be convicted is convicted: most of it in some hundreds. */
export const ENOUGH = 20_000;
/** Schedules that an innocent is given at most. */
const ACQUITTED = 1500;

/** Routines of the kernel that a test breaks. */
export type Routines = Omit<Parameters<typeof definePatch>[0], 'name' | 'says' | 'source'>;

export interface Look {
  readonly schedules: number;
  readonly seed?: number;
  readonly memory?: HuntOptions['memory'];
  readonly strategies?: HuntOptions['strategies'];
  /** A schedule that is followed, with a free tail. */
  readonly recorded?: readonly number[];
  readonly patches?: readonly Patch[];
  /** A flush point of the policy that is left out. */
  readonly drop?: string;
  readonly routines?: Routines;
}

/** What a hunt came to: undefined if nothing was convicted. */
export interface Outcome {
  readonly harm: string | undefined;
  readonly schedules: number;
}

/** @param source a program, or the name of a scenario */
export function huntIn(
  policy: Policy,
  source: Program | string,
  { schedules, seed = 7, memory, strategies, recorded, patches = [], drop, routines }: Look,
): Outcome {
  const result = hunt({
    policy,
    patches: [
      ...patches,
      ...(drop === undefined ? [] : [dropPoint(policy, drop)]),
      ...(routines ? [definePatch({ name: 'changed', says: 'changes it', source: 'this test', ...routines })] : []),
    ],
    source: typeof source === 'string' ? loadScenario(source) : source,
    seed,
    memory,
    ...(recorded ? { recorded, strategies: ['replay'] } : { strategies }),
    schedules,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
  return { harm: result.found?.conviction.harm, schedules: result.schedules };
}

/** @returns the harm, undefined if nothing was convicted */
export function harmOf(policy: Policy, source: Program | string, look: Look): string | undefined {
  return huntIn(policy, source, look).harm;
}

/** What an innocent twin of a convict comes to: nothing, in six times the schedules that the convict needed, 300 at least. */
export function acquittal(convict: Outcome): Outcome {
  return { harm: undefined, schedules: Math.min(ACQUITTED, Math.max(300, 6 * convict.schedules)) };
}
