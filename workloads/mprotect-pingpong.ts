import { mmap, mprotect, race, read, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const FIRST = 32;
const PAGES = 16;
const ITERATIONS = 4;

/** One region: every thread takes the right to write away from a part of it, gives it back, and stores all the time. */
export default defineWorkload({
  name: 'mprotect-pingpong',
  says: 'threads narrow and widen rights of shared pages that all of them store to',
  params: { scale: `times ${ITERATIONS} turns per thread and round`, seed: 'draws the parts, 1 to 8 of 16 pages' },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (): Op[] =>
      Array.from({ length: iterations }, () => {
        const pages = 1 + draw(8);
        const page = FIRST + draw(PAGES - pages + 1);
        return [
          write(FIRST, PAGES),
          mprotect(page, pages, 'r'),
          read(page, pages),
          mprotect(page, pages, 'rw'),
          write(page, pages),
        ];
      }).flat();
    const tasks = Object.fromEntries(Array.from({ length: cpus }, (_, i) => [`T${i}`, thread()]));
    return race(
      { cpus, geometry: 'small' },
      { setup: [mmap(FIRST, PAGES, 'rw')], ...tasks },
      { name: 'mprotect-pingpong' },
    );
  },
});
