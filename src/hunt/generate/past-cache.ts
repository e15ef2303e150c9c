/** Files of generated programs whose content changes past the page cache, and the operations that do that or drop the cache. */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import { isFuse, isLocal, isRemote } from './remote.ts';
import type { Traits } from './traits.ts';

type PastCacheOp = 'direct' | 'punch' | 'dropcache';

/** Pages that an operation names, whatever the length of the file. */
const PAGES = 4;

/** The kind of a file that is no NFS server's. */
export function drawKind(draw: Draw, traits: Traits): Pick<FileSpec, 'memory' | 'blockdev' | 'iomap' | 'fuse'> {
  const kind = draw.weighted({
    none: 6,
    memory: 2.5 * traits.memoryFile,
    blockdev: traits.blockdev,
    iomap: traits.iomap,
    fuse: traits.fuse,
  });
  return kind === undefined || kind === 'none' ? {} : { [kind]: true };
}

/** May the operation be done to the file? */
export function mayPass(name: PastCacheOp, file: FileSpec): boolean {
  if (name === 'punch') return isLocal(file);
  // of memory files both do nothing of their own
  return !file.memory && (name === 'dropcache' || !(isRemote(file) || isFuse(file)));
}

/** @param words of a page */
export function drawPastCacheOp(name: PastCacheOp, draw: Draw, files: readonly FileSpec[], words: number): Op {
  const { name: file } = draw.pick(files.filter((f) => mayPass(name, f)));
  if (name === 'dropcache') return { do: 'dropcache', file };
  const page = Math.min(draw.below(PAGES), draw.below(PAGES));
  if (name === 'punch') {
    const pages = draw.between(1, PAGES - page);
    return { do: 'punch', file, page, ...(pages > 1 ? { pages } : {}) };
  }
  const word = draw.chance(0.2) ? { word: draw.between(1, words - 1) } : {};
  return { do: draw.chance(0.8) ? 'write' : 'read', file, page, ...word, direct: true };
}
