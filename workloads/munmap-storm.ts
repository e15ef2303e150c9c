import { mmap, munmap, race, read, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

/** Pages from one thread's region to the next: a table of the last level of geometry `small`. */
const STRIDE = 32;
const ITERATIONS = 4;

/**
 * Every thread maps, fills and unmaps a region of its own while it reads its neighbour's, which comes and goes as well.
 * Reads of what is not mapped end in a signal that the thread survives.
 */
export default defineWorkload({
  name: 'munmap-storm',
  says: 'threads map, fill and unmap regions that their neighbours read',
  params: {
    scale: `times ${ITERATIONS} regions per thread and round`,
    seed: 'draws the sizes of the regions, 1 to 8 pages',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const region = (thread: number) => STRIDE * (1 + (thread % cpus));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, () => {
        const pages = 1 + draw(8);
        return [
          mmap(region(i), pages, 'rw', { fixed: true }),
          write(region(i), pages),
          read(region(i + 1), 1 + draw(8)),
          munmap(region(i), pages),
          read(region(i + 1), 1 + draw(8)),
        ];
      }).flat();
    const tasks = Object.fromEntries(Array.from({ length: cpus }, (_, i) => [`T${i}`, thread(i)]));
    return race({ cpus, geometry: 'small' }, tasks, { name: 'munmap-storm' });
  },
});
