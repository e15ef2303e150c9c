/** Remote files of generated programs, and block devices: what the server does, and the calls that look for it. */
import type { FileSpec, Op } from '../program/program.ts';
import type { Draw } from './generator-draw.ts';

type RemoteOp = 'remote' | 'open' | 'lock';

/** @param words of a page */
export function drawRemoteOp(name: RemoteOp, draw: Draw, files: readonly FileSpec[], words: number): Op {
  const { name: file, pages } = draw.pick(files.filter(name === 'remote' ? isShared : isRemote));
  if (name === 'open') return { do: draw.chance(0.7) ? 'open' : 'close', file };
  if (name === 'lock') return { do: draw.chance(0.7) ? 'lock' : 'unlock', file };
  const page = Math.min(draw.below(pages), draw.below(pages));
  return { do: 'remote', file, page, ...(draw.chance(0.2) ? { word: draw.between(1, words - 1) } : {}) };
}

export function isRemote(file: FileSpec): boolean {
  return file.remote === true;
}
/** Others write to it, too: the length stays what it is. */
export function isShared(file: FileSpec): boolean {
  return isRemote(file) || file.blockdev === true;
}
export function isLocal(file: FileSpec): boolean {
  return !isShared(file);
}
