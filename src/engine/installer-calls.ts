/** The way into the kernel of what installs entries beside faults and mappings. */
import type { Cpu } from '../kernel/cpu.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import type { Instruction } from './compile.ts';

/** @param value what a new probe writes */
export function* uprobe(cpu: Cpu, { file, page, word, off }: Instruction, value: number): Path<number> {
  const { kernel } = cpu;
  if (off) return yield* kernel.uprobeUnregister(cpu, file, page, word);
  return yield* kernel.uprobeRegister(cpu, file, page, word, value);
}

export function* ksm(cpu: Cpu, { target, page, partner, to }: Instruction): Path<number> {
  const item = { task: target as TaskId, page };
  return yield* cpu.kernel.cmpAndMergePage(cpu, item, { task: partner as TaskId, page: to });
}
