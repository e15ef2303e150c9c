/** What the controller can ask of a worker: control only, a handful of messages a run. Interrupts never pass here. */
import { GeometryError } from '../../hardware/geometry.ts';
import type { CpuId } from '../../hardware/types.ts';
import { KernelBug } from '../../kernel/cpu.ts';
import { pointLabels, pointNamed } from '../../memory/point.ts';
import type { OracleOptions, Violation } from '../../oracle/oracle.ts';
import { DefinitionError } from '../../policy/replacement.ts';
import { BadInput } from '../../program/bad-input.ts';
import type { Program } from '../../program/program.ts';
import type { AuditReport } from '../ledger-audit.ts';
import { loadPatches, loadPolicy } from '../load.ts';
import type { MachinePlan } from '../machine-plan.ts';
import { WorkerCpu } from './worker-cpu.ts';
import { bootImage, type RunLimits, type SharedImage } from './worker-machine.ts';
import type { Injection } from './worker-pace.ts';

/** A machine as data: policy and patches by built-in name or by the path of their file. */
export interface PlanDescription {
  readonly program: Program;
  readonly policy: string;
  readonly patches: readonly string[];
  readonly oracle: OracleOptions | undefined;
  readonly costs: string;
  /** Between rounds the policy's audit looks. */
  readonly audit?: boolean;
}

/** What is injected, as data: points by label. */
export interface InjectionDescription extends Omit<Injection, 'delay'> {
  readonly delay?: { readonly point: string; readonly micros: number };
}

export interface WorkerBoot {
  readonly plan: PlanDescription;
  readonly shared: SharedImage;
  readonly id: number;
  readonly limits: RunLimits;
  readonly injection: InjectionDescription;
}

/** `input`: a plug-in or a parameter is wrong. `bug`: an assertion of the kernel broke. `error`: a path threw. */
export interface WorkerFault {
  readonly kind: 'input' | 'bug' | 'error';
  readonly message: string;
  /** The parts of a BadInput. */
  readonly badInput?: { readonly what: string; readonly where: string; readonly expected: string };
}
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: WorkerFault };

/** How a CPU's part of a run ended. */
export interface WorkerReport {
  readonly violation: Violation | undefined;
  readonly fault: WorkerFault | undefined;
  /** Where the CPU stood at the end. */
  readonly stands: string;
  readonly windows: readonly { path: string; count: number; longestSteps: number }[];
  readonly benignStale: number;
  /** What this CPU found in the rounds that it ended; undefined without audit. */
  readonly audit: AuditReport | undefined;
}

export class CpuActor {
  private cpu: WorkerCpu | undefined = undefined;

  constructor(private readonly now: () => number) {}

  /** Allocates the shared memories and boots the machine in them: once per run, in any of its workers. */
  async load(plan: PlanDescription, limits: RunLimits, keepRounds: boolean): Promise<Answer<SharedImage>> {
    try {
      return { ok: true, value: bootImage(await planOf(plan), limits, keepRounds) };
    } catch (error) {
      return { ok: false, fault: faultOf(error, true) };
    }
  }

  /** Builds this CPU's machine over the shared memories. Returns the names of this thread's points, by number. */
  async boot({ plan, shared, id, limits, injection }: WorkerBoot): Promise<Answer<string[]>> {
    try {
      const made = await planOf(plan);
      const delay = delayOf(injection);
      this.cpu = new WorkerCpu(made, shared, id as CpuId, limits, { ...injection, delay }, this.now);
      return { ok: true, value: ['(start)', ...pointLabels()] };
    } catch (error) {
      return { ok: false, fault: faultOf(error, true) };
    }
  }

  /** Runs until the run is stopped by its stop word. The thread answers nothing else meanwhile. */
  start(): Answer<WorkerReport> {
    const { cpu } = this;
    if (!cpu) return { ok: false, fault: { kind: 'error', message: 'start before boot' } };
    let violation: Violation | undefined;
    let fault: WorkerFault | undefined;
    try {
      violation = cpu.run();
    } catch (error) {
      fault = faultOf(error, false);
    }
    const { oracle } = cpu.machine;
    const windows = oracle?.windows() ?? [];
    const audit = cpu.machine.audit?.report();
    return {
      ok: true,
      value: { violation, fault, stands: cpu.stands(), windows, benignStale: oracle?.benignStale ?? 0, audit },
    };
  }

  /** Lets go of the machine, so that the next run can use this thread. */
  stop(): Answer<undefined> {
    this.cpu = undefined;
    return { ok: true, value: undefined };
  }
}

async function planOf(description: PlanDescription): Promise<MachinePlan> {
  const policy = await loadPolicy(description.policy);
  if (description.audit && !policy.audit) {
    const where = `policy ${policy.name}`;
    throw new BadInput({ where, what: 'no ledger to audit', expected: 'a policy with an audit, like luf-v11' });
  }
  const patches = await loadPatches(description.patches, policy);
  return { ...description, policy, patches };
}

/** Points have numbers only once the files that declare them are loaded. */
function delayOf({ delay }: InjectionDescription): Injection['delay'] {
  if (!delay) return undefined;
  const at = pointNamed(delay.point);
  if (at === undefined) {
    throw new BadInput({ where: 'delay', what: `no point "${delay.point}"`, expected: 'the label of a point' });
  }
  return { point: at, micros: delay.micros };
}

function faultOf(error: unknown, booting: boolean): WorkerFault {
  if (!(error instanceof Error)) return { kind: 'error', message: String(error) };
  if (error instanceof BadInput) {
    const { what, where, expected } = error;
    return { kind: 'input', message: error.message, badInput: { what, where, expected } };
  }
  const wrong = error instanceof RangeError || error instanceof GeometryError || error instanceof DefinitionError;
  if (booting && wrong) {
    return { kind: 'input', message: error.message };
  }
  if (error instanceof KernelBug) return { kind: 'bug', message: error.message };
  return { kind: 'error', message: error.stack ?? error.message };
}
