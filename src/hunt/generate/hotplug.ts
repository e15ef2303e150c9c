/** CPUs that go and come back in generated programs. */
import type { Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';

/** Programs of a hundred in which they do. */
const SHARE = 8;

/**
 * Do CPUs of this program go? Decided by its name, which is drawn anyway, so that programs in which they do not are drawn as if there were
 * nothing to decide.
 * @param weight of the trait
 */
export function hasUnplug(name: number, weight: number): boolean {
  return name % 100 < SHARE * weight;
}

/** One of those that are there, as far as the sequence says, goes, or one that has gone comes back: `gone` lists them. */
export function drawUnplug(draw: Draw, cpus: number, gone: Set<number>): Op {
  if (gone.size > 0 && (gone.size === cpus - 1 || draw.chance(0.5))) {
    const cpu = draw.pick([...gone]);
    gone.delete(cpu);
    return { do: 'online', cpu };
  }
  const cpu = draw.pick(Array.from({ length: cpus }, (_, id) => id).filter((id) => !gone.has(id)));
  gone.add(cpu);
  return { do: 'offline', cpu };
}
