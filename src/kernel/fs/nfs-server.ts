/**
 * The server of remote files, as far as its other clients move it (Linux: fs/nfsd/vfs.c nfsd_vfs_write()). It runs as a kernel
 * thread marked `server`, which does nothing else: schedulers, columns and threads know what to do with it, and on a CPU of its
 * own it is in nobody's cpumask and gets no IPI. No word of page cache or page tables is touched.
 */
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { filePage } from './inode.ts';

export const WORD_CHANGES = point('nfsdWrite: another client writes, word to be changed');
export const CHANGE_RAISES = point('nfsdWrite: word changed, change attribute to be raised');

/** A WRITE of another client, of one word: the word, then the change attribute, then the answer. 0. */
export function* nfsdWrite(cpu: Cpu, file: FileId, index: number, word: number, value: number): Path<number> {
  const { nfsServer } = cpu;
  yield* changeElsewhere(cpu, WORD_CHANGES, { file, index, word, value });
  if (cpu.at(CHANGE_RAISES, nfsServer.changeAttr.at(file))) yield;
  nfsServer.changeAttr.add(file, 1);
  return 0;
}

/** A word of a file. */
interface FileWord {
  readonly file: FileId;
  readonly index: number;
  readonly word: number;
  readonly value: number;
}

/** A word of what a server, a daemon or a device shared with others keeps gets another value, at `now`. */
export function* changeElsewhere(cpu: Cpu, now: Point, { file, index, word, value }: FileWord): Path<void> {
  const { words } = cpu.disk;
  const row = filePage(cpu, file, index);
  if (cpu.at(now, words.at(row, word))) yield;
  words.store(row, value, word);
  cpu.observer?.fileStored(cpu, file, index, word, value, 'server');
}
