import { fileRead, fileWrite, fsync, mmap, race, read } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const PAGES = 16;
const BASE = 32;
const ITERATIONS = 4;

/** Every thread reads a file through a shared mapping; the first one also writes to it with write(2) and syncs it. */
export default defineWorkload({
  name: 'page-cache',
  says: 'threads read a mapped file that one of them writes to with write(2)',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, () => {
        const page = draw(PAGES);
        const change: Op[] = i === 0 ? [fileWrite('f', page), fileRead('f', page)] : [];
        return [read(BASE, PAGES), ...change];
      }).flat();
    const tasks = Object.fromEntries(
      Array.from({ length: cpus }, (_, i) => [`T${i}`, [...thread(i), ...(i === 0 ? [fsync('f')] : [])]]),
    );
    const setup = [mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' })];
    return race(
      { cpus, geometry: 'small' },
      { setup, ...tasks },
      { name: 'page-cache', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
