/**
 * The server of remote files, as far as its other clients move it (Linux: fs/nfsd/vfs.c nfsd_vfs_write()). It runs as a kernel
 * thread marked `server`, which does nothing else: schedulers, columns and threads know what to do with it, and on a CPU of its
 * own it is in nobody's cpumask and gets no IPI. No word of page cache or page tables is touched.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { changeElsewhere } from './bio.ts';

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
