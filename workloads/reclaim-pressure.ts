import { dontneed, fileWrite, mmap, race, read, reclaim, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const PAGES = 32;
const BASE = 32;
const PRIVATE = 96;
const ITERATIONS = 4;

/**
 * Threads read a mapped file whose pages a kernel thread reclaims all the time, and fill private memory, so that reclaimed
 * frames are handed out again at once.
 */
export default defineWorkload({
  name: 'reclaim-pressure',
  says: 'threads read a mapped file while its pages are reclaimed and their frames reused',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that are reclaimed and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, () => {
        const own = PRIVATE + 32 * i;
        const change: Op[] = draw(4) === 0 ? [fileWrite('f', draw(PAGES))] : [];
        return [read(BASE, PAGES), ...change, write(own, 8), dontneed(own, 8)];
      }).flat();
    const daemon = Array.from({ length: 2 * iterations }, () => reclaim('f', draw(PAGES / 2), 1 + draw(PAGES / 2)));
    const tasks = Object.fromEntries(Array.from({ length: cpus }, (_, i) => [`T${i}`, thread(i)]));
    const setup = [
      mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' }),
      mmap(PRIVATE, 32 * cpus, 'rw', { fixed: true }),
    ];
    return race(
      { cpus, geometry: 'small', override: { tasks: cpus + 1 } },
      { setup, ...tasks, kswapd: { cpu: cpus - 1, kthread: true, ops: daemon } },
      { name: 'reclaim-pressure', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
