/**
 * Linux: include/linux/cpumask.h. A mask is a field `geometry.maskWords` wide with `geometry.cpumaskBits` CPUs to a word.
 * There is no snapshot of a whole mask: words are read one by one, each at a point of its own.
 */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId } from '../hardware/types.ts';
import type { Word } from '../memory/memory.ts';
import type { Path, Point } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';
import type { Cpu } from './cpu.ts';

/** Which word of the mask holds the bit of `id`. */
export function maskIndex(geometry: Geometry, id: CpuId): number {
  return Math.floor(id / geometry.cpumaskBits);
}

export function maskBit(geometry: Geometry, id: CpuId): number {
  return 1 << (id % geometry.cpumaskBits);
}

/** The word to announce before one of the three verbs below. */
export function maskWord<R extends number>(cpu: Cpu, mask: Column<R>, row: R, id: CpuId): Word {
  return mask.at(row, maskIndex(cpu.geometry, id));
}

/** Linux cpumask_test_cpu(): one load. */
export function cpumaskTest<R extends number>(cpu: Cpu, mask: Column<R>, row: R, id: CpuId): boolean {
  return (mask.load(row, maskIndex(cpu.geometry, id)) & maskBit(cpu.geometry, id)) !== 0;
}

/** Linux cpumask_set_cpu(): one atomic read-modify-write. */
export function cpumaskSet<R extends number>(cpu: Cpu, mask: Column<R>, row: R, id: CpuId): void {
  cpu.spend(cpu.costs.lockedRmw);
  mask.or(row, maskBit(cpu.geometry, id), maskIndex(cpu.geometry, id));
}

/** Linux cpumask_clear_cpu(): one atomic read-modify-write. */
export function cpumaskClear<R extends number>(cpu: Cpu, mask: Column<R>, row: R, id: CpuId): void {
  cpu.spend(cpu.costs.lockedRmw);
  mask.and(row, ~maskBit(cpu.geometry, id), maskIndex(cpu.geometry, id));
}

/** Appends the CPUs whose bits are set in word `k` of a mask, in rising order. */
export function cpusOf(geometry: Geometry, bits: number, k: number, into: CpuId[]): void {
  for (let rest = bits; rest !== 0; rest &= rest - 1) {
    into.push((k * geometry.cpumaskBits + 31 - Math.clz32(rest & -rest)) as CpuId);
  }
}

/** Reads a mask word by word, at `where` each; the CPUs in rising order. */
export function* cpumaskRead<R extends number>(cpu: Cpu, where: Point, mask: Column<R>, row: R): Path<CpuId[]> {
  const found: CpuId[] = [];
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(where, mask.at(row, k))) yield;
    cpusOf(cpu.geometry, mask.load(row, k), k, found);
  }
  return found;
}
