import { fileWrite, migrate, mmap, race, read } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const PAGES = 32;
const BASE = 32;
const ITERATIONS = 4;

/** Threads read a mapped file, now and then one writes to it, and a kernel thread moves its pages to other frames, lists at a time. */
export default defineWorkload({
  name: 'migrate-hot',
  says: 'threads read a mapped file while its pages migrate',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that migrate and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (): Op[] =>
      Array.from({ length: iterations }, () => {
        const change: Op[] = draw(4) === 0 ? [fileWrite('f', draw(PAGES))] : [];
        return [read(BASE, PAGES), ...change];
      }).flat();
    const daemon = Array.from({ length: 2 * iterations }, () => migrate('f', draw(PAGES / 2), 1 + draw(PAGES / 2)));
    const tasks = Object.fromEntries(Array.from({ length: cpus }, (_, i) => [`T${i}`, thread()]));
    const setup = [mmap(BASE, PAGES, 'r', { fixed: true, shared: true, file: 'f' })];
    return race(
      { cpus, geometry: 'small', override: { tasks: cpus + 1 } },
      { setup, ...tasks, kmigrated: { cpu: cpus - 1, kthread: true, ops: daemon } },
      { name: 'migrate-hot', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
