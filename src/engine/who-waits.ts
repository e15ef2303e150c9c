/** Who waits for what, for the report of a deadlock. */
import type { CpuId } from '../hardware/types.ts';
import { NOWHERE } from '../memory/memory.ts';
import { pointLabel } from '../memory/point.ts';
import type { Stepper } from './stepper.ts';

export function whoWaits(stepper: Stepper): string {
  const { geometry, shape } = stepper.machine;
  const waits = Array.from({ length: geometry.cpus }, (_, id) => {
    const { word, point, waitSeen } = stepper.cpuAt(id as CpuId);
    if (word === NOWHERE) return `CPU${id} has nothing to do`;
    return `CPU${id} waits at "${pointLabel(point)}" for ${shape.layout.nameOf(word)} to change from ${waitSeen}`;
  });
  return waits.join('; ');
}
