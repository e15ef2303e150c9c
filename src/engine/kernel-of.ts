/**
 * The routines of a machine: mainline's, with those of policy and patches in their place. Machines with the same plug-ins have the
 * same record, so that V8 learns once which routine a call leads to, however many machines there are.
 */
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';

/** Records by the plug-ins' routines, one after another. */
interface Composed {
  readonly kernel: Kernel;
  readonly further: WeakMap<object, Composed>;
}

const UNCHANGED: Composed = { kernel: MAINLINE, further: new WeakMap() };

/** @param routines of the policy, then of each patch: where two replace the same one, the later counts */
export function kernelOf(routines: readonly Partial<Kernel>[]): Kernel {
  let composed = UNCHANGED;
  for (const own of routines) {
    let next = composed.further.get(own);
    if (next === undefined) {
      next = { kernel: { ...composed.kernel, ...own }, further: new WeakMap() };
      composed.further.set(own, next);
    }
    composed = next;
  }
  return composed.kernel;
}
