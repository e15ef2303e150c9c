/**
 * A kernel thread beside readers. It has the last CPU to itself, where there are several: a thread that shares its CPU with
 * a reader of the same rank gets a turn at a timer tick, and most of these programs are over before the first one.
 */
import type { RaceSpec } from '../src/program/builder.ts';
import type { Op } from '../src/program/program.ts';

/** Readers T0, T1, … on the other CPUs, each with the operations of `reader`; then the daemon of that name. */
export function besideReaders(cpus: number, reader: (i: number) => Op[], daemon: Record<string, () => Op[]>): RaceSpec {
  const readers = Array.from({ length: Math.max(1, cpus - 1) }, (_, i) => [`T${i}`, { cpu: i, ops: reader(i) }]);
  const [[name, ops]] = Object.entries(daemon);
  return { ...Object.fromEntries(readers), [name]: { cpu: cpus - 1, kthread: true, ops: ops() } };
}
