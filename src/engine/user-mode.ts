/**
 * User mode: the path at the bottom of every task's stack. It performs the task's operations one by one, tells the oracle
 * when each begins and ends, and gives the CPU away where the kernel asks for it. The same path runs in both engines.
 */
import { access } from '../hardware/access.ts';
import { raiseDevice } from '../hardware/apic.ts';
import { type AccessKind, type CpuId, FETCH, LOAD, STORE, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { TaskId } from '../kernel/types.ts';
import { NOWHERE } from '../memory/memory.ts';
import { type Path, point } from '../memory/point.ts';
import type { Columns } from '../memory/table.ts';
import { NO_ARGUMENTS, OP, type Oracle } from '../oracle/oracle.ts';
import type { OpName } from '../program/program.ts';
import type { CompiledProgram, CompiledTask, Instruction } from './compile.ts';
import { routeOf } from './device-route.ts';
import type { SHARED_USER, USER } from './tables.ts';
import { systemCall } from './user-calls.ts';
import { freshValue, hit, touchHits } from './user-hits.ts';

/** Where a task stands whose turn in the history has not come, or who waits for the concurrent part. */
export const TURN_COMES = point('user: waits for its turn in the history');
const TURN_DONE = point('user: operation of the history done');
const POSTS = point('user: posts a flag');
/** Between two operations: nothing of this task is in flight. */
export const BETWEEN = point('user: between two operations');
export const AWAITS = point('user: awaits a flag');
const DEVICE_ASKS = point('device: has something for a CPU, not yet interrupted');
const TOUCHED = point('user: some pages touched, next not touched');
export const PARKED = point('user: program ended');

/** Operations that a task can leave in the midst of, to begin them again elsewhere. */
const ENTERED_ANEW: readonly OpName[] = ['await', 'kswapd', 'offline', 'online'];

/** What user mode needs to know of the run it belongs to. */
export interface UserRun {
  readonly program: CompiledProgram;
  readonly user: Columns<TaskId, (typeof USER)['fields']>;
  readonly shared: Columns<number, (typeof SHARED_USER)['fields']>;
  readonly oracle: Oracle | undefined;
  /** Called at each return of an operation: the moment at which the stepper probes. */
  returned(cpu: Cpu): void;
  /** Accesses that hit the TLB are performed at once, without a point: threads only. */
  readonly plainHits: boolean;
  /** The operation that was just chosen for a task whose next one is left to choice. */
  picked(task: CompiledTask): Instruction;
  /** Called behind each operation of a program; true: the engine wants the CPU here. In the stepper only where the machine `pauses`. */
  between(cpu: Cpu): boolean;
  /** True while rounds go on: a bounded run counts them, a stress run looks at its stop word. */
  goesOn(cpu: Cpu, round: number): boolean;
}

/** The whole life of a task in user mode. Starts right behind the switch to it, at the first operation not yet done. */
export function* userMode(cpu: Cpu, run: UserRun, task: CompiledTask): Path<void> {
  const { user } = run;
  if (yield* history(cpu, run, task)) return yield* die(cpu, run, task);
  // a child that exited and is forked again does its operations again
  user.done.put(task.id, 0);
  if (run.goesOn(cpu, user.round.own(task.id))) yield* betweenOperations(cpu, run, task);
  else yield* end(cpu, run, task);
}

/** The rest of that life, from any moment between two operations on: of what came before, nothing is known but the words of the task. */
export function* betweenOperations(cpu: Cpu, run: UserRun, task: CompiledTask): Path<void> {
  const { user } = run;
  do {
    for (;;) {
      // counted before it is done: a task that moves to another worker starts afresh there, behind its move, but for what it
      // left in its midst
      const pc = user.pc.own(task.id) - user.anew.own(task.id);
      if (pc >= task.code.length + task.more) break;
      yield* leaveInactiveCpu(cpu);
      const op = task.code[pc] ?? run.picked(task);
      const anew = ENTERED_ANEW.includes(op.do);
      user.pc.put(task.id, pc + 1);
      if (anew) user.anew.put(task.id, 1);
      if (!run.plainHits || !hit(cpu, run, task, op)) yield* perform(cpu, run, task, op);
      if (anew) user.anew.put(task.id, 0);
      if (op.do === 'exit') return yield* die(cpu, run, task);
      cpu.forgetAccesses();
      yield* backToUser(cpu);
      if (run.between(cpu)) yield;
    }
    user.pc.put(task.id, 0);
    user.round.put(task.id, user.round.own(task.id) + 1);
  } while (run.goesOn(cpu, user.round.own(task.id)));
  yield* end(cpu, run, task);
}

/**
 * The operations of the history, in their order over all tasks, each to its end before the next begins; then the wait
 * for the concurrent part, which the engine opens when everybody is here. True if the task has exited.
 */
function* history(cpu: Cpu, run: UserRun, task: CompiledTask): Path<boolean> {
  const { turn } = run.shared;
  const steps = run.program.history;
  if (turn.peek(0) > steps.length) return false;
  for (let i = 0; i < steps.length; i++) {
    if (steps[i].task !== task.id || i < turn.peek(0)) continue;
    yield* untilTurn(cpu, run, i);
    const { op } = steps[i];
    yield* perform(cpu, run, task, op);
    if (op.do !== 'exit') yield* backToUser(cpu);
    if (cpu.at(TURN_DONE, turn.at(0))) yield;
    turn.store(0, i + 1);
    if (op.do === 'exit') return true;
  }
  yield* untilConcurrent(cpu, run);
  return false;
}

/** The end of a task that has exited. */
function* die(cpu: Cpu, run: UserRun, task: CompiledTask): Path<void> {
  run.user.done.put(task.id, 1);
  yield* cpu.kernel.doTaskDead(cpu);
}

/** Until the history is over and everybody stands before what comes behind it. */
export function* untilConcurrent(cpu: Cpu, run: UserRun): Path<void> {
  yield* untilTurn(cpu, run, run.program.history.length + 1);
}

function* untilTurn(cpu: Cpu, run: UserRun, turn: number): Path<void> {
  const word = run.shared.turn.at(0);
  for (;;) {
    yield* leaveInactiveCpu(cpu);
    if (cpu.at(TURN_COMES, word)) yield;
    const now = cpu.mem.load(word);
    if (now >= turn) return;
    if (yield* inKernel(cpu, (kernel) => kernel.yieldIfOthersRunnable(cpu))) continue;
    yield cpu.waitWhile(TURN_COMES, word, now);
    yield* inKernel(cpu, (kernel) => kernel.pollEnd(cpu));
  }
}

/**
 * In threads a task leaves a CPU that is about to go only where it stands between two operations, because its frames cannot go to
 * another thread: there it starts afresh. In the stepper it has left before it comes here: see balancePush().
 */
function* leaveInactiveCpu(cpu: Cpu): Path<void> {
  if (cpu.cpuhp.inactive.own(cpu.id) === 1) yield* inKernel(cpu, (kernel) => kernel.pushCurrent(cpu));
}

function* backToUser(cpu: Cpu): Path<void> {
  if (cpu.rq.needResched.peek(cpu.id) !== 0) yield* inKernel(cpu, (kernel) => kernel.exitToUserMode(cpu));
}

/** A task whose program has ended keeps its CPU in user mode, as a thread that spins would, unless others want to run. */
function* end(cpu: Cpu, run: UserRun, task: CompiledTask): Path<void> {
  run.user.done.put(task.id, 1);
  for (;;) {
    yield* leaveInactiveCpu(cpu);
    yield* inKernel(cpu, (kernel) => kernel.sleepIfOthersRunnable(cpu));
    if (cpu.cpuhp.inactive.own(cpu.id) === 0) yield cpu.waitWhile(PARKED, NOWHERE, 0);
  }
}

function* perform(cpu: Cpu, run: UserRun, task: CompiledTask, op: Instruction): Path<void> {
  const from = op.page as Vpn;
  switch (op.do) {
    case 'load':
    case 'fetch': {
      const done = yield* userAccess(cpu, run, from, op.word, op.do === 'load' ? LOAD : FETCH, 0);
      if (done && op.register >= 0) run.user.register.put(task.id, cpu.loaded, op.register);
      return;
    }
    case 'store':
      yield* userAccess(cpu, run, from, op.word, STORE, op.value >= 0 ? op.value : freshValue(run, task));
      return;
    case 'touch': {
      for (let i = 0; i < op.pages; ) {
        const next = run.plainHits ? touchHits(cpu, run, task, op, i) : i;
        if (next === i) {
          const value = op.write ? freshValue(run, task) : 0;
          yield* userAccess(cpu, run, (from + i++) as Vpn, 0, op.write ? STORE : LOAD, value);
        } else if (cpu.at(TOUCHED, NOWHERE)) yield;
        i = Math.max(i, next);
      }
      return;
    }
    case 'post': {
      const word = run.shared.flag.at(0, op.target);
      if (cpu.at(POSTS, word)) yield;
      const sleeper = -cpu.mem.exchange(word, 1) - 1;
      if (sleeper >= 0) yield* inKernel(cpu, (kernel) => kernel.sysWake(cpu, sleeper as TaskId));
      return;
    }
    case 'await': {
      const word = run.shared.flag.at(0, op.target);
      for (;;) {
        yield* leaveInactiveCpu(cpu);
        if (cpu.at(AWAITS, word)) yield;
        const sleeper = -cpu.current - 1;
        const seen = cpu.switches.awaitSleeps ? cpu.mem.cas(word, 0, sleeper) : cpu.mem.load(word);
        if (seen === 1) return;
        if (cpu.switches.awaitSleeps && (seen === 0 || seen === sleeper)) {
          yield* inKernel(cpu, (kernel) => kernel.sysSleep(cpu));
          continue;
        }
        if (yield* inKernel(cpu, (kernel) => kernel.yieldIfOthersRunnable(cpu))) continue;
        yield cpu.waitWhile(AWAITS, word, seen);
        yield* inKernel(cpu, (kernel) => kernel.pollEnd(cpu));
      }
    }
    case 'device': {
      let target: CpuId;
      do {
        target = routeOf(cpu, op.target as CpuId);
        if (cpu.at(DEVICE_ASKS, cpu.hw.apic.irr.at(target))) yield;
      } while (target !== routeOf(cpu, op.target as CpuId));
      raiseDevice(cpu, target);
      return;
    }
    case 'compute':
      cpu.spend(op.target);
      return;
    case 'sleep':
      return void (yield* inKernel(cpu, (kernel) => kernel.sysSleep(cpu)));
    case 'wake':
      return void (yield* inKernel(cpu, (kernel) => kernel.sysWake(cpu, op.target as TaskId)));
    case 'yield':
      return void (yield* inKernel(cpu, (kernel) => kernel.sysSchedYield(cpu)));
    case 'move':
      return void (yield* inKernel(cpu, (kernel) => kernel.sysSchedSetaffinity(cpu, op.target as CpuId)));
    case 'offline':
      return void (yield* inKernel(cpu, (kernel) => kernel.cpuDeviceDown(cpu, op.target as CpuId)));
    case 'online':
      return void (yield* inKernel(cpu, (kernel) => kernel.cpuDeviceUp(cpu, op.target as CpuId)));
    default:
      yield* systemCall(cpu, run, task, op);
  }
}

/** A call that only concerns the scheduler: nothing that the oracle judges. */
function* inKernel<T>(cpu: Cpu, call: (kernel: Kernel) => Path<T>): Path<T> {
  cpu.kernelDepth++;
  const result = yield* call(cpu.kernel);
  cpu.kernelDepth--;
  return result;
}

/**
 * One access of user code, with the faults it takes. A signal ends the access: the task goes on behind it, as a program
 * with a handler that skips the instruction would. Returns whether the access was performed.
 */
function* userAccess(cpu: Cpu, run: UserRun, vpn: Vpn, word: number, kind: AccessKind, value: number): Path<boolean> {
  const { oracle } = run;
  oracle?.opBegins(cpu, kind === LOAD ? OP.load : kind === STORE ? OP.store : OP.fetch, NO_ARGUMENTS);
  let performed = true;
  const known = cpu.knows();
  while (!(yield* access(cpu, vpn, word, kind, value))) {
    const { faultVpn, faultCode } = cpu;
    oracle?.opBegins(cpu, OP.fault, NO_ARGUMENTS);
    cpu.kernelDepth++;
    const signal = yield* cpu.kernel.excPageFault(cpu, faultVpn, faultCode);
    cpu.kernelDepth--;
    cpu.mem.fence();
    oracle?.opEnds(cpu, signal === 0 ? 0 : -signal);
    if (signal !== 0) {
      cpu.observer?.signalled(cpu, faultVpn, signal, kind);
      performed = false;
      break;
    }
    yield* backToUser(cpu);
    // the access starts over: of the fault it knows nothing
    cpu.startsOver(known);
  }
  cpu.mem.fence();
  oracle?.opEnds(cpu, performed ? 0 : -1);
  run.returned(cpu);
  return performed;
}
