import type { TaskSpec } from '../src/program/builder.ts';
import { exit, fork, mmap, race, read, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const FIRST = 32;
const PAGES = 16;
const ITERATIONS = 4;
/** Each child has an address space of its own, of which a machine has few. */
const MOST_CHILDREN = 8;

/**
 * Threads of one process store to shared pages; up to 8 of them fork as well. A child reads and writes the same pages,
 * which are copied on write on both sides, and exits. A fork while the last child still runs fails.
 */
export default defineWorkload({
  name: 'cow-fork',
  says: 'threads store to pages that forks share with children until either side writes',
  params: {
    scale: `times ${ITERATIONS} parts stored per thread and round`,
    seed: 'draws the parts, 1 to 8 of 16 pages',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const part = (access: (page: number, pages: number) => Op): Op => {
      const pages = 1 + draw(8);
      return access(FIRST + draw(PAGES - pages + 1), pages);
    };
    const parts = () => Array.from({ length: iterations }, () => [part(write), part(read)]).flat();
    const tasks: Record<string, TaskSpec> = {};
    for (let i = 0; i < cpus; i++) {
      const forks = i < MOST_CHILDREN;
      tasks[`T${i}`] = { cpu: i, ops: [...(forks ? [fork(`C${i}`)] : []), ...parts()] };
      if (forks) tasks[`C${i}`] = { cpu: (i + 1) % cpus, forkedBy: `T${i}`, ops: [...parts(), exit()] };
    }
    return race(
      { cpus, geometry: 'small', override: { tasks: Math.max(64, 2 * cpus) } },
      { setup: [mmap(FIRST, PAGES, 'rw'), write(FIRST, PAGES)], ...tasks },
      { name: 'cow-fork' },
    );
  },
});
