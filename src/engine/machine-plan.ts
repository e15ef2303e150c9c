/** What a machine is, as data. */
import type { MemoryChecks } from '../memory/stepped-memory.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import type { OracleOptions } from '../oracle/oracle.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Op, Program } from '../program/program.ts';

/** Operations of which tasks do so many more, each the choice of the schedule. */
export interface Menu {
  readonly ops: readonly Op[];
  /** How many more, by the position of the task. */
  readonly more: readonly number[];
}

/** Everything that decides what a machine is; two machines of one plan are the same, in any isolate. */
export interface MachinePlan {
  readonly program: Program;
  readonly policy: Policy;
  readonly patches: readonly Patch[];
  /** undefined: no oracle. */
  readonly oracle: OracleOptions | undefined;
  /** The debug mode of LUF's reviewers watches, too; needs the oracle. */
  readonly lufDebug?: boolean;
  /** The audit of the policy, if it has one, looks at every quiet point. */
  readonly audit?: boolean;
  /** Name of a cost profile. */
  readonly costs: string;
  /** Of the stepper: `sc` when left out. Behind store buffers the one-access rule is checked always. */
  readonly memory?: MemoryModel;
  /** Behind those of the program, operations that are left to choice. Of the stepper; needs a machine that `pauses`. */
  readonly menu?: Menu;
  /** What the stepper's memory checks; everything when left out. */
  readonly checks?: MemoryChecks;
}
