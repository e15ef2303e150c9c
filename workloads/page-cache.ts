import { fileRead, fileWrite, fsync, mmap, race, read } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const PAGES = 256;
/** Room for about half of the file beside page tables, so that faults reclaim. */
const FRAMES = 160;
const BASE = 32;
const WINDOW = 32;
const ITERATIONS = 64;

/**
 * Every thread reads ranges of a file through a shared mapping; the first one also writes to it with write(2) and syncs it at
 * the end. The file is larger than memory: threads that find no free frame reclaim some.
 */
export default defineWorkload({
  name: 'page-cache',
  says: 'threads read a mapped file, larger than memory, that one of them writes to with write(2)',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that are read and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, (_, n) => {
        const page = draw(PAGES);
        const change: Op[] = i === 0 && n % 8 === 0 ? [fileWrite('f', page), fileRead('f', page)] : [];
        return [read(BASE + draw(PAGES - WINDOW), WINDOW), ...change];
      }).flat();
    const tasks = Object.fromEntries(
      Array.from({ length: cpus }, (_, i) => [`T${i}`, [...thread(i), ...(i === 0 ? [fsync('f')] : [])]]),
    );
    const setup = [mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' })];
    // the per-CPU lists hold frames that other CPUs cannot have
    const override = { frames: FRAMES + 12 * cpus, pcpBatch: 4, pcpHigh: 8 };
    return race(
      { cpus, geometry: 'small', override },
      { setup, ...tasks },
      { name: 'page-cache', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
