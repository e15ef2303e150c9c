/** Calls about files that others change: which file system serves them, and what those others do. */
import type { Cpu } from '../kernel/cpu.ts';
import { isBlockDevice, isFuse } from '../kernel/fs/inode.ts';
import type { FileId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import type { Instruction } from './compile.ts';

export function* open(cpu: Cpu, file: FileId): Path<number> {
  const { kernel } = cpu;
  return isFuse(cpu, file) ? yield* kernel.fuseFinishOpen(cpu, file) : yield* kernel.nfsFileOpen(cpu, file);
}

/** A write of another client at its server, of a daemon, or of another host at a block device. */
export function* elsewhere(cpu: Cpu, { file, page, word }: Instruction, value: number): Path<number> {
  const { kernel } = cpu;
  const row = file as FileId;
  if (isFuse(cpu, row)) return yield* kernel.fuseDaemonWrite(cpu, row, page, word, value);
  if (isBlockDevice(cpu, row)) return yield* kernel.nvmetBdevExecuteRw(cpu, row, page, word, value);
  return yield* kernel.nfsdWrite(cpu, row, page, word, value);
}

export function* notifyStore(cpu: Cpu, { file, page, word }: Instruction, value: number): Path<number> {
  return yield* cpu.kernel.fuseNotifyStore(cpu, file as FileId, page, word, value);
}
