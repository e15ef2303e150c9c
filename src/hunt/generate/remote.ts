/**
 * Remote files of generated programs, FUSE files and block devices: what server, daemon or host does, and the calls that look
 * for it.
 */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';

type RemoteOp = 'remote' | 'open' | 'lock' | 'notify';

/** @param words of a page */
export function drawRemoteOp(name: RemoteOp, draw: Draw, files: readonly FileSpec[], words: number): Op {
  const { name: file, pages, fuse } = draw.pick(files.filter((f) => mayServe(name, f)));
  if (name === 'open') return { do: fuse || draw.chance(0.7) ? 'open' : 'close', file };
  if (name === 'lock') return { do: draw.chance(0.7) ? 'lock' : 'unlock', file };
  const page = Math.min(draw.below(pages), draw.below(pages));
  if (name === 'notify' && draw.chance(0.4)) {
    const dropped = draw.between(1, pages - page);
    return { do: 'notifyinval', file, page, ...(dropped > 1 ? { pages: dropped } : {}) };
  }
  const word = draw.chance(0.2) ? { word: draw.between(1, words - 1) } : {};
  return { do: name === 'notify' ? 'notifystore' : 'remote', file, page, ...word };
}

/** May the operation be about the file? */
export function mayServe(name: RemoteOp, file: FileSpec): boolean {
  if (name === 'remote') return isShared(file);
  if (name === 'notify') return isFuse(file);
  return isRemote(file) || (name === 'open' && isFuse(file));
}

export function isFuse(file: FileSpec): boolean {
  return file.fuse === true;
}
export function isRemote(file: FileSpec): boolean {
  return file.remote === true;
}
/** Others write to it, too: the length stays what it is. */
export function isShared(file: FileSpec): boolean {
  return isRemote(file) || isFuse(file) || file.blockdev === true;
}
export function isLocal(file: FileSpec): boolean {
  return !isShared(file);
}
