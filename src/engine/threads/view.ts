/** A parallel run seen from outside: its counters while it goes on, and what is kept of it. Looks are plain, and may be late. */
import type { CpuId } from '../../hardware/types.ts';
import type { Column } from '../../memory/table.ts';
import { definePolicy, type Policy } from '../../policy/policy.ts';
import type { MachineColumns } from '../machine.ts';
import type { MachinePlan } from '../machine-plan.ts';
import { MachineShape } from '../machine-shape.ts';
import { bindControl, type RunLimits, type SharedImage, STANDING, ThreadMachine } from './worker-machine.ts';
import type { ControlColumns } from './worker-tables.ts';
import type { WakeBoard } from './worker-wake.ts';

export interface RunView {
  readonly shape: MachineShape;
  readonly columns: MachineColumns;
  readonly control: ControlColumns;
  readonly wakes: WakeBoard;
}

/** Counters by the names of their fields, summed over CPUs. */
export type StressCounters = Readonly<Record<string, number>>;

/** The round in which a run was convicted, or at whose end; or the rest at which it ended clean. */
export interface KeptRound {
  /** The image at its start. */
  readonly image: Int32Array;
  /** Each CPU's log, see rounds-log.ts, as far as it was kept. */
  readonly logs: readonly Int32Array[];
  /** Labels of the points by the numbers that the logs have. */
  readonly labels: readonly string[];
  /** Tasks repeat their operations for ever. */
  readonly repeats: boolean;
}

/**
 * A look into a run from outside: its columns, without policy, patches and oracle, whose words lie behind those of
 * hardware, kernel and engine. So no code of a plug-in runs in the thread that looks. Of the policy's threads it knows how many.
 */
export function viewRun(
  description: Omit<MachinePlan, 'policy' | 'patches'>,
  limits: RunLimits,
  shared: SharedImage,
): RunView {
  const plan = { ...description, policy: standIn(shared.threads), patches: [], oracle: undefined };
  const shape = new MachineShape(plan);
  const { control, wakes } = bindControl(shape, limits, shared);
  const { columns } = new ThreadMachine(shape, shared, limits, STANDING, () => false, wakes);
  return { shape, columns, control, wakes };
}

export function countersOf(view: RunView): StressCounters {
  const { count, kcount } = view.columns;
  return Object.fromEntries(
    [...Object.entries(count), ...Object.entries(kcount)].map(([name, column]) => [name, sumOver(view, column)]),
  );
}

export function sumOver({ shape }: RunView, column: Column<CpuId>): number {
  let sum = 0;
  for (let id = 0 as CpuId; id < shape.geometry.cpus; id++) sum += column.peek(id) >>> 0;
  return sum;
}

/** Copies what the workers kept of the last round; undefined if they were not asked to. */
export function keptRound(
  { control, shape }: RunView,
  { roundStart }: SharedImage,
  labels: readonly string[],
  { repeat: repeats }: RunLimits,
): KeptRound | undefined {
  if (!roundStart) return undefined;
  const { board, log } = control;
  const logs = Array.from({ length: log.entry ? shape.geometry.cpus : 0 }, (_, id) => {
    const { mem, width } = log.entry;
    const at = log.entry.at(id as CpuId);
    return mem.words.slice(at, at + Math.min(board.logged.peek(id as CpuId), width));
  });
  return { image: new Int32Array(roundStart).slice(), logs, labels, repeats };
}

function standIn(threads: number): Policy {
  return definePolicy({
    name: 'none',
    says: 'stands for a policy whose words are not looked at',
    base: 'none',
    threads: Object.fromEntries(Array.from({ length: threads }, (_, n) => [`thread${n}`, STANDING_THREAD])),
  });
}
const STANDING_THREAD = { says: 'nothing', *run() {} };
