import { compute, fileWrite, kswapd, mmap, numascan, race, read } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';
import { drawFrom } from './draw.ts';

const PAGES = 384;
/** Room for about half of the file beside page tables. */
const FAST = 224;
const SLOW = 448;
const BASE = 64;
const WINDOW = 48;
const ITERATIONS = 128;
/** Looks at the file between two scans of it. */
const SCAN_EVERY = 8;
const PHASES = 4;

/**
 * Threads read a file larger than the fast node, most often a part that changes with time, and rarely write to it. One thread
 * scans for NUMA balancing now and then, as each thread does in Linux; what is used comes up to the fast node, and the
 * daemons make room: that of the fast node by demotion.
 */
export default defineWorkload({
  name: 'tiering',
  says: 'threads read a file larger than the fast node; pages that are used come up, others go down',
  params: {
    scale: `times ${ITERATIONS} looks at the file per thread and round`,
    seed: 'draws the ranges that are read, and the pages that are written',
  },
  program({ cpus, seed, scale }) {
    const draw = drawFrom(seed);
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const thread = (i: number): Op[] =>
      Array.from({ length: iterations }, (_, n) => {
        const phase = Math.floor((n * PHASES) / iterations);
        const hot = Math.floor((phase * (PAGES - WINDOW)) / PHASES);
        const from = draw(4) === 0 ? draw(PAGES - WINDOW) : hot + draw(WINDOW);
        const scan: Op[] = i === 0 && n % SCAN_EVERY === 0 ? [numascan(BASE, PAGES)] : [];
        const change: Op[] = draw(64) === 0 ? [fileWrite('f', draw(PAGES))] : [];
        return [...scan, read(BASE + Math.min(from, PAGES - WINDOW), WINDOW), compute(2000), ...change];
      }).flat();
    const readers = Array.from({ length: Math.max(1, cpus - 1) }, (_, i) => [`T${i}`, { cpu: i, ops: thread(i) }]);
    const daemon = (node: number) => ({ cpu: cpus - 1, kthread: true, ops: [kswapd(node)] });
    const override = {
      nodes: 2,
      fastFrames: FAST,
      frames: FAST + SLOW + 16 * cpus,
      tasks: cpus + 2,
      pcpBatch: 4,
      pcpHigh: 8,
      watermarkMin: 8,
      watermarkLow: 16,
      watermarkHigh: 32,
    };
    return race(
      { cpus, geometry: 'small', override },
      {
        // writable, though hardly written: NUMA balancing passes over read-only mappings of files
        setup: [mmap(BASE, PAGES, 'rw', { fixed: true, shared: true, file: 'f' })],
        ...Object.fromEntries(readers),
        kswapd0: daemon(0),
        kswapd1: daemon(1),
      },
      { name: 'tiering', files: [{ name: 'f', pages: PAGES }] },
    );
  },
});
