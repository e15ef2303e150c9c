import { awaits, mmap, munmap, post, race, read, write } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';

/** LATR goes from 1 page to 512; here the range of one shootdown without a full flush. */
const PAGES = 16;
const BASE = 64;
/** What a process has mapped beside it and keeps, as its libraries: without it the upper tables go, too, and all is flushed. */
const BESIDE = 128;
const ITERATIONS = 32;

/**
 * The micro-benchmark of LATR (Kumar et al., ASPLOS 2018, munmap of pages that many cores have touched): one thread maps and fills a
 * few pages, every other one reads them, and the first unmaps them. Messages keep the threads in step; when rounds are repeated
 * they have all been sent, and the threads run free.
 */
export default defineWorkload({
  name: 'munmap-touched',
  says: "LATR's micro-benchmark: pages that one thread maps, all threads touch, and the first unmaps",
  params: { scale: `times ${ITERATIONS} mappings of ${PAGES} pages`, seed: 'not used' },
  program({ cpus, scale }) {
    const iterations = Math.max(1, Math.round(ITERATIONS * scale));
    const others = Array.from({ length: cpus - 1 }, (_, i) => i + 1);
    const each = (of: (k: number) => Op[]) => Array.from({ length: iterations }, (_, k) => of(k)).flat();
    const first = each((k) => [
      mmap(BASE, PAGES, 'rw', { fixed: true }),
      write(BASE, PAGES),
      post(`mapped${k}`),
      ...others.map((i) => awaits(`touched${k}by${i}`)),
      munmap(BASE, PAGES),
    ]);
    const other = (i: number) => each((k) => [awaits(`mapped${k}`), read(BASE, PAGES), post(`touched${k}by${i}`)]);
    return race(
      { cpus, geometry: 'small', override: { flags: iterations * cpus } },
      {
        setup: [mmap(BESIDE, 1, 'r', { fixed: true })],
        T0: first,
        ...Object.fromEntries(others.map((i) => [`T${i}`, other(i)])),
      },
      { name: 'munmap-touched' },
    );
  },
});
