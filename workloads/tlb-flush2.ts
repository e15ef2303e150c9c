import { dontneed, load, mmap, race, store } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload } from '../src/program/workload.ts';

/** will-it-scale maps 1 MiB per thread. */
const PAGES = 256;
const FIRST = 64;
/** Pages of an address space of geometry `small`. */
const SPACE = 2 ** 14;

/**
 * will-it-scale, tests/tlb_flush2.c: per page of an anonymous mapping of its own, each thread stores, gives the page back
 * with MADV_DONTNEED, and loads, which must give 0. The oracle is the judge of that.
 */
export default defineWorkload({
  name: 'tlb-flush2',
  says: 'will-it-scale tlb_flush2: store, MADV_DONTNEED, load of each page, by threads of one address space',
  params: { scale: `times ${PAGES} pages per thread; at most what the address space holds`, seed: 'not used' },
  program({ cpus, scale }) {
    const room = Math.floor((SPACE - FIRST) / cpus);
    const pages = Math.min(room, Math.max(1, Math.round(PAGES * scale)));
    const base = (i: number) => FIRST + i * pages;
    const thread = (i: number): Op[] =>
      Array.from({ length: pages }, (_, p) => [store(base(i) + p), dontneed(base(i) + p), load(base(i) + p)]).flat();
    const threads = Array.from({ length: cpus }, (_, i) => i);
    return race(
      { cpus, geometry: 'small' },
      {
        setup: threads.map((i) => ({ task: `T${i}`, op: mmap(base(i), pages, 'rw', { fixed: true }) })),
        ...Object.fromEntries(threads.map((i) => [`T${i}`, thread(i)])),
      },
      { name: 'tlb-flush2' },
    );
  },
});
