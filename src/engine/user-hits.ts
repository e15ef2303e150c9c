/**
 * The quick way of user accesses in threads: those that hit the TLB are performed at once, in plain functions without
 * points. What they leave undone goes the long way through user-mode.ts.
 */
import { tryAccess } from '../hardware/access.ts';
import { LOAD, STORE, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { CompiledTask, Instruction } from './compile.ts';
import type { UserRun } from './user-mode.ts';

/** Pages touched between two looks for interrupts. */
const TOUCHES_AT_ONCE = 16;

/** The value of a task's next store. `drawn` makes it the last one: call it when the store is done. */
export function nextValue(run: UserRun, task: CompiledTask): number {
  // unique in the program as long as a task stores fewer than a million times between two wraps
  return ((task.id + 1) << 20) | ((run.user.stores.own(task.id) + 1) & 0xfffff);
}
export function drawn(run: UserRun, task: CompiledTask): void {
  run.user.stores.put(task.id, run.user.stores.own(task.id) + 1);
}

/** The value of a store that is done in any case. */
export function freshValue(run: UserRun, task: CompiledTask): number {
  const value = nextValue(run, task);
  drawn(run, task);
  return value;
}

/** Performs a load or a store if it hits; false, with nothing done, otherwise. */
export function hit(cpu: Cpu, run: UserRun, task: CompiledTask, op: Instruction): boolean {
  const vpn = op.page as Vpn;
  if (op.do === 'load') {
    if (!tryAccess(cpu, vpn, op.word, LOAD, 0)) return false;
    if (op.register >= 0) run.user.register.put(task.id, cpu.loaded, op.register);
    return true;
  }
  if (op.do !== 'store') return false;
  if (op.value >= 0) return tryAccess(cpu, vpn, op.word, STORE, op.value);
  if (!tryAccess(cpu, vpn, op.word, STORE, nextValue(run, task))) return false;
  drawn(run, task);
  return true;
}

/** Touches pages of `op` from its `first` on as long as they hit, a few at once. Returns the first one not touched. */
export function touchHits(cpu: Cpu, run: UserRun, task: CompiledTask, op: Instruction, first: number): number {
  const end = Math.min(op.pages, first + TOUCHES_AT_ONCE);
  for (let i = first; i < end; i++) {
    const vpn = (op.page + i) as Vpn;
    if (!op.write) {
      if (!tryAccess(cpu, vpn, 0, LOAD, 0)) return i;
    } else {
      if (!tryAccess(cpu, vpn, 0, STORE, nextValue(run, task))) return i;
      drawn(run, task);
    }
  }
  return end;
}
