/** A file that the replay uses: how long it is at this point, which pages were used, who used them last. */
import { Dependencies } from './dependencies.ts';
import { PageMap } from './page-map.ts';
import type { TracedFile } from './traced-file.ts';

export class ReplayedFile {
  /** Length now, in pages as recorded. */
  pages: number;
  readonly last = new Dependencies();
  /** Pages that any operation names; others need not exist. */
  readonly used = new PageMap<true>();
  private readonly inCache = new Set<number>();

  /** @param key stands for it in operations until all files are known, see `file-fit.ts` */
  constructor(
    readonly key: string,
    readonly of: TracedFile,
  ) {
    this.pages = of.pagesAtStart;
  }

  /** The page is in the page cache now. True: it was not. */
  cache(page: number): boolean {
    const { size } = this.inCache;
    return this.inCache.add(page).size > size;
  }
}

/** What an area of an address space shows of a file. */
export interface Backing {
  readonly file: ReplayedFile;
  /** Page of the file that lies at page 0 of the address space, if it reached so far. */
  readonly delta: number;
  readonly shared: boolean;
}
