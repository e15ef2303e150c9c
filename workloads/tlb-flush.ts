import { dontneed, load, mmap, race, store } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';
import { defineWorkload, type Workload } from '../src/program/workload.ts';

/** will-it-scale maps 1 MiB per thread in tlb_flush2; its 128 MiB in the other two would be a machine of its own. */
const PAGES = 256;
const FIRST = 64;
/** Pages of an address space of geometry `small`. */
const SPACE = 2 ** 14;

/**
 * will-it-scale, tests/tlb_flush1.c to tlb_flush3.c: per page of a mapping of its own, each thread stores, gives the page back
 * with MADV_DONTNEED, and loads. The oracle is the judge of what that gives.
 */
function tlbFlush(name: string, says: string, of: { file?: string; shared?: boolean }): Workload {
  return defineWorkload({
    name,
    says: `will-it-scale ${says}, by threads of one address space`,
    params: { scale: `times ${PAGES} pages per thread; at most what the address space holds`, seed: 'not used' },
    program({ cpus, scale }) {
      const room = Math.floor((SPACE - FIRST) / cpus);
      const pages = Math.min(room, Math.max(1, Math.round(PAGES * scale)));
      const base = (i: number) => FIRST + i * pages;
      const thread = (i: number): Op[] =>
        Array.from({ length: pages }, (_, p) => [store(base(i) + p), dontneed(base(i) + p), load(base(i) + p)]).flat();
      const threads = Array.from({ length: cpus }, (_, i) => i);
      const onFile = of.file === undefined ? {} : { override: { files: 1, filePages: pages * cpus } };
      const offset = (i: number) => (of.file === undefined ? {} : { offset: i * pages });
      return race(
        { cpus, geometry: 'small', ...onFile },
        {
          setup: threads.map((i) => ({
            task: `T${i}`,
            op: mmap(base(i), pages, 'rw', { fixed: true, ...of, ...offset(i) }),
          })),
          ...Object.fromEntries(threads.map((i) => [`T${i}`, thread(i)])),
        },
        { name, ...(of.file === undefined ? {} : { files: [{ name: of.file, pages: pages * cpus }] }) },
      );
    },
  });
}

export const tlbFlush1 = tlbFlush(
  'tlb-flush1',
  'tlb_flush1: store, MADV_DONTNEED, load of each page of a private mapping of a file',
  {
    file: 'f',
  },
);
export const tlbFlush2 = tlbFlush(
  'tlb-flush2',
  'tlb_flush2: store, MADV_DONTNEED, load of each page of anonymous memory',
  {},
);
export const tlbFlush3 = tlbFlush(
  'tlb-flush3',
  'tlb_flush3: store, MADV_DONTNEED, load of each page of a shared mapping of a file',
  {
    file: 'f',
    shared: true,
  },
);
