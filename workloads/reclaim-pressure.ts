import { compute, dontneed, fileWrite, mmap, race, read, reclaim, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { besideReaders } from './daemon.ts';
import { drawFrom } from './draw.ts';

const PAGES = 192;
const BASE = 32;
const WINDOW = 32;
const PRIVATE = 256;
const ITERATIONS = 128;

/**
 * Threads read a mapped file whose pages a kernel thread reclaims beside them, some batches at a time as kswapd does between
 * two watermarks, and fill private memory, so that reclaimed frames are handed out again.
 */
export default defineWorkload({
  name: 'reclaim-pressure',
  says: 'threads read a mapped file while its pages are reclaimed and their frames reused',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that are read and reclaimed, and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, () => {
        const own = PRIVATE + 8 * i;
        const change: Op[] = draw(16) === 0 ? [fileWrite('f', draw(PAGES))] : [];
        return [read(BASE + draw(PAGES - WINDOW), WINDOW), ...change, write(own, 4), dontneed(own, 4)];
      }).flat();
    const daemon = (): Op[] =>
      Array.from({ length: Math.ceil(iterations / 3) }, () => [
        reclaim('f', draw(PAGES / 4), PAGES / 2 + draw(PAGES / 4)),
        compute(15_000),
      ]).flat();
    const setup = [
      mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' }),
      mmap(PRIVATE, 8 * cpus, 'rw', { fixed: true }),
    ];
    return race(
      { cpus, geometry: 'small', override: { tasks: cpus + 1 } },
      { setup, ...besideReaders(cpus, thread, { kswapd: daemon }) },
      { name: 'reclaim-pressure', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
