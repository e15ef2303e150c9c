/** What the last CPU that comes to rest does, alone in the machine, between two rounds. */
import type { RunLimits, SharedImage, ThreadMachine } from './worker-machine.ts';
import { type ControlColumns, GO_ON, STOP_AT_REST } from './worker-tables.ts';

/**
 * The machine at rest is judged; what is over ends, or starts again; the concurrent part opens once the history is done; and the image
 * is copied from which the next round starts.
 */
export function endRound(
  machine: ThreadMachine,
  { run }: ControlColumns,
  { restart }: RunLimits,
  shared: SharedImage,
  image: Int32Array,
): void {
  const { turn } = machine.columns.program;
  const { length } = machine.program.history;
  machine.audit?.lookAtRest();
  if (run.stop.load(0) === GO_ON && turn.peek(0) === length) turn.store(0, length + 1);
  else if (run.stop.load(0) !== GO_ON || machine.allDone()) {
    machine.oracle?.readBack();
    machine.oracle?.leaks();
    if (!restart || machine.oracle?.violation) run.stop.store(0, STOP_AT_REST);
    if (run.stop.load(0) === GO_ON) {
      machine.startOver(shared);
      run.restarts.add(0, 1);
    }
  }
  if (shared.roundStart) new Int32Array(shared.roundStart).set(image);
}
