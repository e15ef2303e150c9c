/** What the last CPU that comes to rest does, alone in the machine, between two rounds. */
import type { CpuId } from '../../hardware/types.ts';
import type { TaskId } from '../../kernel/types.ts';
import type { Running } from '../../oracle/probe.ts';
import type { RunLimits, SharedImage, ThreadMachine } from './worker-machine.ts';
import { type ControlColumns, GO_ON, STOP_AT_REST } from './worker-tables.ts';

/**
 * The machine at rest is judged; what is over ends, or starts again; the concurrent part opens once the history is done; and the image
 * is copied from which the next round starts. False: the machine is convicted, and no round follows; image and log stay those of the round
 * that led to it.
 */
export function endRound(
  machine: ThreadMachine,
  { run }: ControlColumns,
  { restart }: RunLimits,
  shared: SharedImage,
  image: Int32Array,
): boolean {
  const { turn } = machine.columns.program;
  const { length } = machine.program.history;
  machine.audit?.lookAtRest();
  machine.oracle?.probe(usersAtRest(machine));
  if (run.stop.load(0) === GO_ON && turn.peek(0) === length) turn.store(0, length + 1);
  else if (run.stop.load(0) !== GO_ON || machine.allDone()) {
    machine.oracle?.readBack();
    machine.oracle?.leaks();
    if (!restart) run.stop.store(0, STOP_AT_REST);
    if (run.stop.load(0) === GO_ON && !machine.oracle?.violation) {
      machine.startOver(shared);
      run.restarts.add(0, 1);
    }
  }
  if (machine.oracle?.violation) {
    run.stop.store(0, STOP_AT_REST);
    return false;
  }
  if (shared.roundStart) new Int32Array(shared.roundStart).set(image);
  return true;
}

/** The CPUs that run user code: at rest all of them stand between two instructions of it. */
function usersAtRest({ columns: { rq, tasks }, geometry }: ThreadMachine): Running[] {
  const all = Array.from({ length: geometry.cpus }, (_, id) => ({
    id: id as CpuId,
    current: rq.curr.peek(id as CpuId) as TaskId,
  }));
  return all.filter(({ current }) => current >= geometry.cpus && tasks.mm.peek(current) !== 0);
}
