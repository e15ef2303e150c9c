/**
 * Recorded addresses on a smaller machine. A process has 35 bits of page number (47-bit addresses), the machine's
 * largest geometry 32, of which 31 are used so that page numbers and ends of ranges are positive in an Int32 word.
 * Addresses are folded in chunks of 1 GiB, so that the last two levels of the page table (9 + 9 bits) index as
 * recorded; chunks that would fall onto each other are moved.
 */

/** log2 of the pages of a chunk: two levels of the page table. */
const CHUNK_BITS = 18;
const CHUNK = 2 ** CHUNK_BITS;
/** Chunks there are; the last one stays empty so that an end of range is a page number too. */
const CHUNKS = 2 ** (31 - CHUNK_BITS) - 1;

export class AddressFold {
  /** Recorded chunk to chunk of the machine. */
  private readonly target = new Map<number, number>();
  private readonly moved = new Set<number>();

  /** @param ranges every range of recorded page numbers that will be asked for */
  constructor(ranges: Iterable<{ from: number; pages: number }>) {
    const used = new Set<number>();
    for (const { from, pages } of ranges) {
      const last = Math.floor((from + pages - 1) / CHUNK);
      // a range larger than the machine is refused by fold()
      if (last - Math.floor(from / CHUNK) >= CHUNKS) continue;
      for (let c = Math.floor(from / CHUNK); c <= last; c++) used.add(c);
    }
    const taken = new Set<number>();
    for (const run of contiguousRuns([...used].sort((a, b) => a - b))) this.placeRun(run, taken);
  }

  /** The machine's page for a recorded range, or undefined when the range does not fit the machine. */
  fold(from: number, pages: number): number | undefined {
    const chunk = this.target.get(Math.floor(from / CHUNK));
    const end = this.target.get(Math.floor((from + pages - 1) / CHUNK));
    const spans = Math.floor((from + pages - 1) / CHUNK) - Math.floor(from / CHUNK);
    if (chunk === undefined || end === undefined || end - chunk !== spans) return undefined;
    return chunk * CHUNK + (from % CHUNK);
  }

  /** True when the chunk of that recorded page had to go elsewhere because another one lay there. */
  isRelocated(from: number): boolean {
    return this.moved.has(Math.floor(from / CHUNK));
  }

  /** Neighbours stay neighbours: a range may span chunks. */
  private placeRun(run: { first: number; count: number }, taken: Set<number>): void {
    const fits = (at: number) => at + run.count <= CHUNKS && !range(at, run.count).some((c) => taken.has(c));
    const preferred = run.first % 2 ** (31 - CHUNK_BITS);
    const at = fits(preferred) ? preferred : range(0, CHUNKS).find(fits);
    if (at === undefined) return;
    for (let i = 0; i < run.count; i++) {
      taken.add(at + i);
      this.target.set(run.first + i, at + i);
      if (at !== preferred) this.moved.add(run.first + i);
    }
  }
}

function contiguousRuns(sorted: readonly number[]): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const c of sorted) {
    const last = runs[runs.length - 1];
    if (last && last.first + last.count === c) last.count++;
    else runs.push({ first: c, count: 1 });
  }
  return runs;
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
