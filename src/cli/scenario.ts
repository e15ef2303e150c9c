/** `--scenario`: a name from workloads/litmus, a litmus or JSON file, or a workload by name or path. */
import { existsSync } from 'node:fs';
import { listScenarios, loadScenario, WORKLOADS } from '../../workloads/index.ts';
import { isPluginPath } from '../engine/load.ts';
import { checkMachine } from '../hunt/check-machine.ts';
import { BadInput } from '../program/bad-input.ts';
import { parseLitmus } from '../program/litmus.ts';
import type { Program } from '../program/program.ts';
import { parseProgram } from '../program/schema.ts';
import { readText } from '../report/finding-file.ts';
import type { WorkloadCall } from '../report/hunter-protocol.ts';
import { unknown } from './options.ts';

const DEFAULT_CPUS = 2;

export interface ScenarioOptions {
  /** CPUs of the machine; what the scenario says if left out. */
  readonly cpus?: number;
  readonly seed: number;
}

/**
 * What `--scenario` names: a program, or the workload that makes one, which is left to the worker because it may be a
 * plug-in.
 * @throws BadInput for what cannot be used.
 */
export function scenario(name: string, { cpus, seed }: ScenarioOptions): Program | WorkloadCall {
  const workload = { workload: name, cpus: cpus ?? DEFAULT_CPUS, seed };
  const isFile = /\.(litmus|json)$/.test(name);
  if (isPluginPath(name) && !isFile) {
    if (!existsSync(name)) throw new BadInput({ what: 'no such file', where: name, expected: 'a workload plug-in' });
    return workload;
  }
  const scenarios = listScenarios();
  if (!isFile && !scenarios.includes(name)) {
    const workloads = WORKLOADS.names;
    if (workloads.includes(name)) return workload;
    throw unknown('scenario', name, [...new Set([...scenarios, ...workloads])], ', or a .litmus, .json or .mjs file');
  }
  const program = withCpus(isFile ? fromFile(name) : loadScenario(name), cpus, name);
  checkMachine(program, name);
  return program;
}

function fromFile(name: string): Program {
  return name.endsWith('.json') ? fromJson(name) : parseLitmus(readText(name, 'litmus text'), name);
}

function fromJson(path: string): Program {
  const text = readText(path, 'a program as JSON');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadInput({ what: (error as Error).message, where: path, expected: 'a program as JSON' });
  }
  // a finding holds its program
  const isFinding = typeof value === 'object' && value !== null && 'program' in value && 'choices' in value;
  return parseProgram(isFinding ? (value as { program: unknown }).program : value, path);
}

function withCpus(program: Program, cpus: number | undefined, where: string): Program {
  if (cpus === undefined || cpus === program.machine.cpus) return program;
  const least = 1 + Math.max(...program.tasks.map((t) => t.cpu));
  if (cpus < least) {
    throw new BadInput({
      what: `--cpus ${cpus}`,
      where,
      expected: `at least ${least}: a task starts on CPU ${least - 1}`,
    });
  }
  return { ...program, machine: { ...program.machine, cpus } };
}
