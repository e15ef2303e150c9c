/** Patches that tell when their routines, or paths of their hooks, are begun and have ended; and the routines in their place without them, that tell it too. */
import type { Stepper } from '../../engine/stepper.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import { MAINLINE } from '../../kernel/kernel.ts';
import type { Path } from '../../memory/point.ts';
import type { Patch, Policy } from '../../policy/policy.ts';

/** Told of a routine by its name, of a path of a hook by its point. One that is given up does not end. */
export interface Listener {
  enters(name: string, cpu: Cpu): void;
  leaves(name: string, cpu: Cpu, result: unknown): void;
}

type Routines = Readonly<Record<string, unknown>>;

const NOBODY: Listener = { enters: () => {}, leaves: () => {} };

/**
 * The patches of a hunt, telling, and what the kernel does where they do otherwise, telling it too: as patches, which change nothing. All
 * programs of the hunt have the same ones, one program after another, so that V8 learns once where their routines are.
 */
export class ToldPatches {
  readonly patches: readonly Patch[];
  readonly originals: readonly Patch[];
  /** Who hears of the machine with the patches, and of the one without. */
  onPatches = NOBODY;
  onOriginals = NOBODY;
  /** Machines, by their steppers, that came by the patches in the history. */
  readonly early = new WeakSet<Stepper>();

  constructor(policy: Policy, patches: readonly Patch[]) {
    this.patches = patches.map((patch) =>
      told(patch, {
        enters: (name, cpu) => this.onPatches.enters(name, cpu),
        leaves: (name, cpu, result) => this.onPatches.leaves(name, cpu, result),
      }),
    );
    this.originals = patches.map((patch) =>
      toldOriginals(patch, policy, {
        enters: (name, cpu) => this.onOriginals.enters(name, cpu),
        leaves: (name, cpu, result) => this.onOriginals.leaves(name, cpu, result),
      }),
    );
  }

  /** Nobody hears of what is done meanwhile. */
  silently(act: () => void): void {
    const { onPatches } = this;
    this.onPatches = NOBODY;
    try {
      act();
    } finally {
      this.onPatches = onPatches;
    }
  }
}

function told(patch: Patch, listener: Listener): Patch {
  const hooks = Object.entries(patch.hooks).map(([label, hook]) => [
    label,
    Object.fromEntries(Object.entries(hook).map(([when, path]) => [when, telling(label, path, listener)])),
  ]);
  return { ...patch, routines: toldRoutines(patch.routines, listener), hooks: Object.fromEntries(hooks) };
}

function toldOriginals(patch: Patch, policy: Policy, listener: Listener): Patch {
  const kernel: Routines = { ...MAINLINE, ...policy.routines };
  const originals = Object.keys(patch.routines).flatMap((name) => (kernel[name] ? [[name, kernel[name]]] : []));
  return { ...patch, routines: toldRoutines(Object.fromEntries(originals), listener), hooks: {} };
}

function toldRoutines(routines: Routines, listener: Listener): Patch['routines'] {
  const all = Object.entries(routines).map(([name, routine]) => [name, telling(name, routine, listener)]);
  return Object.fromEntries(all);
}

function telling(name: string, routine: unknown, listener: Listener): unknown {
  return function* (this: unknown, ...args: unknown[]) {
    listener.enters(name, args[0] as Cpu);
    const result: unknown = yield* (routine as (...args: unknown[]) => Path<unknown>).apply(this, args);
    listener.leaves(name, args[0] as Cpu, result);
    return result;
  };
}
