/**
 * How the stepper calls kernel routines: every routine of the record runs at once, and one that comes to a point leaves
 * its frame to the driver instead of to `yield*`, so that a step costs the same at any depth of calls.
 */
import type { Cpu } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Path } from '../memory/point.ts';
import { isObject, type StepRecord } from '../memory/step-record.ts';

type Routine = (...args: unknown[]) => Path<unknown>;

/** The record with the call mechanism around each routine, the one without, and that mechanism. */
export interface Framed {
  readonly kernel: Kernel;
  readonly unframed: Kernel;
  readonly call: Call;
}

const known = new WeakMap<Kernel, Framed>();

/**
 * Machines with the same record have the same: between two steps the mechanism holds nothing. Where steps are recorded each has its own.
 */
export function framed(kernel: Kernel, steps: StepRecord | undefined): Framed {
  if (steps) return around(kernel, steps);
  const frames = known.get(kernel) ?? around(kernel, undefined);
  known.set(kernel, frames);
  return frames;
}

/** Plain functions stay as they are. */
function around(kernel: Kernel, steps: StepRecord | undefined): Framed {
  const call = new Call();
  const record: Record<string, unknown> = {};
  for (const [name, routine] of Object.entries(kernel) as [string, Routine][]) {
    record[name] =
      Object.getPrototypeOf(routine) !== GENERATOR_FUNCTION
        ? routine
        : steps
          ? recorded(routine, call, steps)
          : (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown) =>
              call.of(routine(a, b, c, d, e, f, g, h));
  }
  // found by way of a prototype, routines are constants to V8, as the methods of a class are
  return { kernel: Object.create(record) as Kernel, unframed: kernel, call };
}

/** The same, telling the record of steps when a routine begins, and when it has ended without coming to a point. */
function recorded(routine: Routine, call: Call, steps: StepRecord) {
  return (cpu: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown): Call => {
    // of what lies in the handle of the CPU the caller learns anyway
    const shares =
      isObject(b) || isObject(c) || isObject(d) || isObject(e) || isObject(f) || isObject(g) || isObject(h);
    steps.enters(shares);
    call.of(routine(cpu, b, c, d, e, f, g, h));
    if (call.hasReturned) steps.leaves(call.result, cpu as Cpu);
    return call;
  };
}

/** What all generator functions inherit from. */
const GENERATOR_FUNCTION: unknown = Object.getPrototypeOf(function* () {});

/** The one `next` that all generators share: each generator function has a shape of its own, so a look-up is slow. */
const generatorNext = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())).next as (
  this: Path<unknown>,
  value: unknown,
) => IteratorResult<undefined, unknown>;

/** Resumes a path; `value` is what the frame it waits for returned. */
export function next(path: Path<unknown>, value: unknown): IteratorResult<undefined, unknown> {
  return generatorNext.call(path, value);
}

/**
 * What a framed routine returns to `yield*`. The routine has run already: to its end, then the first turn passes its
 * value on; or to a point, then the first turn suspends the caller too, and a later one, when the driver has run that
 * frame to its end, passes its value on. One object serves all calls, because the first turn follows at once: a call of
 * the record must stand directly behind `yield*`.
 */
export class Call implements Iterator<undefined, unknown, unknown> {
  /** Frames that suspended since the driver last looked, the innermost first. */
  private readonly suspended: Path<unknown>[] = [];
  private returned = false;
  private value: unknown = undefined;
  private starting = false;
  private readonly waits: IteratorYieldResult<undefined> = { done: false, value: undefined };
  private readonly ends: IteratorReturnResult<unknown> = { done: true, value: undefined };

  of(path: Path<unknown>): this {
    const result = next(path, undefined);
    this.starting = true;
    this.returned = result.done === true;
    if (result.done) this.value = result.value;
    else this.suspended.push(path);
    return this;
  }

  /** The routine called last has run to its end, with that value. */
  get hasReturned(): boolean {
    return this.returned;
  }
  get result(): unknown {
    return this.value;
  }

  /** Forgets what suspended: the run was given up. */
  clear(): void {
    while (this.suspended.length > 0) this.suspended.pop();
  }

  /** Moves the frames that suspended onto a stack, the outermost lowest. */
  takeOnto(frames: Path<unknown>[]): void {
    const { suspended } = this;
    while (suspended.length > 0) frames.push(suspended.pop() as Path<unknown>);
  }

  [Symbol.iterator](): this {
    return this;
  }
  next(value?: unknown): IteratorResult<undefined, unknown> {
    if (this.starting) {
      this.starting = false;
      if (!this.returned) return this.waits;
      this.ends.value = this.value;
      return this.ends;
    }
    this.ends.value = value;
    return this.ends;
  }
}
