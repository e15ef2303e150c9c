/** Workloads: programs that are made for a number of CPUs, from a seed. Bundled ones and plug-ins look the same. */
import { BadInput } from './bad-input.ts';
import type { Program } from './program.ts';

/** What a run asks of a workload. The same parameters must give the same program. */
export interface WorkloadParams {
  /** CPUs of the machine, at least 1. */
  cpus: number;
  /** Unsigned 32-bit. */
  seed: number;
  /** Size of the work relative to the default, above 0. */
  scale: number;
}

export interface Workload {
  /** A word; the bundled ones are named as their files, or share one. */
  name: string;
  /** One line: what it does. */
  says: string;
  /** Meaning of `scale` and what else the workload draws from `seed`: name to one line. */
  params: Record<string, string>;
  program(params: WorkloadParams): Program;
}

/** The default export of a workload file. Returns its argument; it is here for its type. */
export function defineWorkload(workload: Workload): Workload {
  return workload;
}

/**
 * The workload that a plug-in file exports.
 * @param where the file, for the message
 * @throws BadInput when the value is no workload
 */
export function requireWorkload(value: unknown, where: string): Workload {
  const w = value as Partial<Workload> | null | undefined;
  const fail = (field: string, what: string, expected: string): never => {
    throw new BadInput({ what, where: `${where}: ${field}`, expected });
  };
  if (w === null || typeof w !== 'object') {
    return fail(
      'default export',
      value === undefined ? 'missing' : `a ${typeof value}`,
      'a workload made with defineWorkload',
    );
  }
  if (typeof w.name !== 'string' || !/^[\w.+-]+$/.test(w.name))
    fail('name', typeof w.name, 'a name of letters, digits and _ . + -');
  if (typeof w.says !== 'string') fail('says', typeof w.says, 'one line of text');
  if (typeof w.params !== 'object' || w.params === null) fail('params', typeof w.params, 'an object of texts');
  if (typeof w.program !== 'function')
    fail('program', typeof w.program, 'a function from {cpus, seed, scale} to a program');
  return w as Workload;
}
