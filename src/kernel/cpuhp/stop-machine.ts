/**
 * Linux: kernel/stop_machine.c stop_machine_cpuslocked(), multi_cpu_stop(), cpu_stopper_thread(): every online CPU runs its stopper,
 * with interrupts off, while one of them does the work, here take_cpu_down(). A stopper goes before every other task, so a CPU is
 * stopped as soon as it may be preempted: nobody is in a section with preemption off then.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import { type TaskId, WAKE_CPUHP, WAKE_KTHREAD } from '../types.ts';

const ROW = 0;

const MULTI_STOP_PREPARE = 1;
const MULTI_STOP_DISABLE_IRQ = 2;
const MULTI_STOP_RUN = 3;
const MULTI_STOP_EXIT = 4;

const PREPARES = point('stopMachine: about to stop every CPU');
const QUEUES = point('stopMachine: work for a stopper, not yet queued');
const STOPPED = point('stopMachine: stoppers woken, are they through?');
const WORKS = point('cpuStopperThread: has this stopper work?');
const ARRIVED = point('multiCpuStop: state not yet read');
const WAITS = point('multiCpuStop: waits for the next state');
const ACKS = point('multiCpuStop: state reached, not acknowledged');
const ALL_HERE = point('multiCpuStop: every CPU is here, count to be set anew');
const NEXT_STATE = point('multiCpuStop: every CPU is here, next state not set');
const DONE = point('multiCpuStop: through, not said yet');

/**
 * Stops `cpus`, all that are online; `active` runs takeCpuDown() meanwhile. Caller: task context, preemption on, holds addRemoveLock.
 * Preemption is off while the stoppers are woken, or that of this CPU could wait for one that nobody has woken.
 */
export function* stopMachine(cpu: Cpu, cpus: readonly CpuId[], active: CpuId): Path<void> {
  const { stopMachine: data, cpuhp, kernel } = cpu;
  data.numThreads.store(ROW, cpus.length);
  data.active.store(ROW, active + 1);
  data.by.store(ROW, cpu.current + 1);
  for (const word of [data.threadAck.at(ROW), data.nrTodo.at(ROW)]) {
    if (cpu.at(PREPARES, word)) yield;
    cpu.mem.store(word, cpus.length);
  }
  if (cpu.at(PREPARES, data.state.at(ROW))) yield;
  data.state.store(ROW, MULTI_STOP_PREPARE);
  preemptDisable(cpu);
  for (const id of cpus) {
    if (cpu.at(QUEUES, cpuhp.stops.at(id))) yield;
    cpuhp.stops.store(id, 1);
    yield* kernel.wakeUp(cpu, (cpuhp.stopper.load(id) - 1) as TaskId, WAKE_KTHREAD);
  }
  yield* preemptEnable(cpu);
  for (;;) {
    if (cpu.at(STOPPED, data.nrTodo.at(ROW))) yield;
    if (data.nrTodo.load(ROW) === 0) break;
    yield* kernel.sleepOn(cpu, WAKE_CPUHP);
  }
  for (const once of [data.numThreads, data.active, data.by]) once.store(ROW, 0);
}

/** The life of a stopper. It may be entered anew while it sleeps: whoever wakes it has left word of what to do. */
export function* cpuStopperThread(cpu: Cpu): Path<never> {
  const { stops } = cpu.cpuhp;
  for (;;) {
    const word = stops.at(cpu.id);
    if (cpu.at(WORKS, word)) yield;
    if (cpu.mem.exchange(word, 0) === 1) {
      preemptDisable(cpu);
      yield* cpu.kernel.multiCpuStop(cpu);
      yield* preemptEnable(cpu);
    }
    yield* cpu.kernel.sleepOn(cpu, WAKE_KTHREAD);
  }
}

/** From state to state, each of them when every CPU has come to the one before. Preemption off. */
export function* multiCpuStop(cpu: Cpu): Path<void> {
  const { stopMachine: data, kernel } = cpu;
  const state = data.state.at(ROW);
  const by = (data.by.load(ROW) - 1) as TaskId;
  let seen = 0;
  if (cpu.at(ARRIVED, state)) yield;
  do {
    const now = cpu.mem.load(state);
    if (now === seen) {
      yield cpu.waitWhile(WAITS, state, seen);
      continue;
    }
    seen = now;
    if (now === MULTI_STOP_DISABLE_IRQ) localIrqSave(cpu);
    if (now === MULTI_STOP_RUN && data.active.load(ROW) === cpu.id + 1) yield* kernel.takeCpuDown(cpu);
    yield* ackState(cpu, now);
    if (seen !== MULTI_STOP_EXIT && cpu.at(ARRIVED, state)) yield;
  } while (seen !== MULTI_STOP_EXIT);
  localIrqRestore(cpu);
  if (cpu.at(DONE, data.nrTodo.at(ROW))) yield;
  if (data.nrTodo.add(ROW, -1) === 1) yield* kernel.wakeUp(cpu, by, WAKE_CPUHP);
}

/** Linux: ack_state(): the last one goes on to the next state for all. */
function* ackState(cpu: Cpu, now: number): Path<void> {
  const { stopMachine: data } = cpu;
  if (cpu.at(ACKS, data.threadAck.at(ROW))) yield;
  if (data.threadAck.add(ROW, -1) !== 1) return;
  if (now === MULTI_STOP_EXIT) return;
  if (cpu.at(ALL_HERE, data.threadAck.at(ROW))) yield;
  data.threadAck.store(ROW, data.numThreads.load(ROW));
  if (cpu.at(NEXT_STATE, data.state.at(ROW))) yield;
  data.state.store(ROW, now + 1);
}
