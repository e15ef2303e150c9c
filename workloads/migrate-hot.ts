import { compute, fileWrite, migrate, mmap, race, read } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { besideReaders } from './daemon.ts';
import { drawFrom } from './draw.ts';

const PAGES = 192;
const BASE = 32;
const WINDOW = 64;
const ITERATIONS = 256;

/**
 * Threads read a mapped file, now and then one writes to it, and a kernel thread beside them moves its pages to other frames,
 * lists at a time.
 */
export default defineWorkload({
  name: 'migrate-hot',
  says: 'threads read a mapped file while its pages migrate',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that are read and migrate, and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (): Op[] =>
      Array.from({ length: iterations }, () => {
        const change: Op[] = draw(16) === 0 ? [fileWrite('f', draw(PAGES))] : [];
        return [read(BASE + draw(PAGES - WINDOW), WINDOW), ...change];
      }).flat();
    const daemon = (): Op[] =>
      Array.from({ length: Math.ceil(iterations / 8) }, () => [
        migrate('f', draw(PAGES / 2), PAGES / 4 + draw(PAGES / 4)),
        compute(10_000),
      ]).flat();
    const setup = [mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' })];
    return race(
      { cpus, geometry: 'small', override: { tasks: cpus + 1 } },
      { setup, ...besideReaders(cpus, thread, { kmigrated: daemon }) },
      { name: 'migrate-hot', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
