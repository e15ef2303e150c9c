/** Operations of generated programs that are about no memory of a program, and need nobody else. */
import type { Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import { drawDevice, drawKernelPages } from './kernel-pages.ts';
import type { TraitName } from './traits.ts';

/** An operation of this trait; time passes where the trait is none of these. */
export function drawOther(name: TraitName, draw: Draw, cpus: number): Op {
  switch (name) {
    case 'kalloc':
      return drawKernelPages(draw);
    case 'device':
      return drawDevice(draw, cpus);
    case 'rawmap':
      return { do: 'revoke', file: 'd' };
    case 'move':
      return { do: 'move', cpu: draw.below(cpus) };
    case 'yield':
      return { do: 'yield' };
    default:
      return { do: 'compute', cycles: draw.between(1, 1000) };
  }
}
