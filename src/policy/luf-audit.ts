/**
 * The audit of v11's ledger: generations, luf_ubc and the generation that each free frame owes, held against the free lists and
 * against what TLBs still show to user code. A CPU is asked only where user code may run; a flush under way covers whom it is for.
 *
 *     unrecorded   a frame of a free list owes nothing, and user code still reaches it
 *     carried      the same, but a task carries a debt that it found on a frame: it pays for that one, this one may be taken first
 *     early        what it owes counts as done, and user code still reaches it
 *     uncovered    it owes a flush, and neither luf_ubc nor a batch has the CPU whose user code reaches it
 *     order        generations that exclude each other
 *     unpayable    no demand would flush what is owed
 *     unfinished   at rest: a flush counts as under way, or a task keeps CPUs in a batch
 */
import { PTE_G, PTE_US, ptePfn } from '../hardware/pte.ts';
import type { CpuId, Pfn, TlbSlot } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { maskBit, maskIndex } from '../kernel/cpumask.ts';
import { pcpListAt } from '../kernel/mm/page-alloc.ts';
import type { NodeId, TaskId } from '../kernel/types.ts';
import type { AuditLook, Inconsistency } from './audit.ts';
import { ugenBefore, ugenNext } from './luf-coordinator.ts';
import { LUF, LUF_PAGE, LUF_TASK, TLB_UBC_LUF, TLB_UBC_RO } from './luf-tables.ts';

const ONE = 0;

export function auditLuf(look: AuditLook): Inconsistency[] | undefined {
  if (look.cpu.wordsOf(LUF).lock.peek(ONE) !== 0) return undefined;
  return [
    ...generations(look.cpu),
    ...pending(look.cpu),
    ...frames(look),
    ...(look.atRest ? unfinished(look.cpu) : []),
  ];
}

/** luf_gen is the last generation closed or the next one; the last one done is the last one closed, or its flush is under way. */
function* generations(cpu: Cpu): Iterable<Inconsistency> {
  const luf = cpu.wordsOf(LUF);
  const gen = luf.lufGen.peek(ONE);
  const closed = luf.lufGenBeforeNext.peek(ONE);
  const done = luf.lufGenDone.peek(ONE);
  const flushing = luf.lufOnFlushing.peek(ONE) !== 0;
  if (gen !== closed && gen !== ugenNext(closed)) {
    yield { kind: 'order', says: `luf_gen is ${gen}, although ${closed} is the last generation closed` };
  }
  if (flushing ? ugenNext(done) !== closed : done !== closed) {
    const while_ = flushing ? 'while one is being flushed' : 'and none is being flushed';
    yield { kind: 'order', says: `${done} is the last generation done, ${closed} the last one closed, ${while_}` };
  }
  const carried = cpu.wordsOf(LUF_TASK).ugen;
  for (const task of tasksOf(cpu)) {
    if (!ugenBefore(gen, carried.peek(task)) || carried.peek(task) === 0) continue;
    yield { kind: 'order', says: `task ${task} carries generation ${carried.peek(task)}, and luf_gen is ${gen}` };
  }
}

/** Who looks whether a flush is pending asks the flag, not the mask. */
function* pending(cpu: Cpu): Iterable<Inconsistency> {
  const luf = cpu.wordsOf(LUF);
  if (luf.ubcFlushRequired.peek(ONE) !== 0) return;
  const left = Array.from({ length: cpu.geometry.maskWords }, (_, k) => luf.ubcCpumask.peek(ONE, k));
  if (left.every((bits) => bits === 0)) return;
  yield { kind: 'unpayable', says: `luf_ubc has CPUs (mask ${left.join(', ')}), and requires no flush` };
}

function* frames({ cpu, users }: AuditLook): Iterable<Inconsistency> {
  const luf = cpu.wordsOf(LUF);
  const page = cpu.wordsOf(LUF_PAGE);
  const gen = luf.lufGen.peek(ONE);
  const done = luf.lufGenDone.peek(ONE);
  const reached = reachedBy(cpu, users);
  for (const pfn of freeFrames(cpu)) {
    const owed = page.ugen.peek(pfn);
    const isOwed = owed !== 0 && ugenBefore(done, owed);
    const says = `free frame ${pfn} owes ${owed === 0 ? 'nothing' : `generation ${owed}`}`;
    if (isOwed && ugenBefore(gen, owed)) yield { kind: 'order', says: `${says}, and luf_gen is ${gen}` };
    else if (isOwed && owed !== ugenNext(done))
      yield { kind: 'unpayable', says: `${says}, and ${done} is the last one done` };
    for (const id of reached.get(pfn) ?? []) {
      const still = `${says}, and user code on CPU${id} still reaches it`;
      if (owed === 0) yield { kind: isCarried(cpu, done) ? 'carried' : 'unrecorded', says: still };
      else if (!isOwed) yield { kind: 'early', says: `${still}, although the flush counts as done` };
      else if (!isCovered(cpu, id)) yield { kind: 'uncovered', says: `${still}, and that CPU owes no flush` };
    }
  }
}

function* unfinished(cpu: Cpu): Iterable<Inconsistency> {
  const { onFlushing, lufOnFlushing } = cpu.wordsOf(LUF);
  const flushes = onFlushing.peek(ONE) + lufOnFlushing.peek(ONE);
  if (flushes !== 0) yield { kind: 'unfinished', says: `at rest ${flushes} flushes count as under way` };
  const batches = { tlb_ubc: cpu.tlbUbc, tlb_ubc_ro: cpu.wordsOf(TLB_UBC_RO), tlb_ubc_luf: cpu.wordsOf(TLB_UBC_LUF) };
  for (const [name, { flushRequired }] of Object.entries(batches)) {
    for (const task of tasksOf(cpu)) {
      if (flushRequired.peek(task) === 0) continue;
      yield { kind: 'unfinished', says: `at rest ${name} of task ${task} requires a flush` };
    }
  }
}

/** The CPUs whose user code reaches a frame through an entry that it may use now. */
function reachedBy({ hw, geometry }: Cpu, users: readonly CpuId[]): Map<Pfn, CpuId[]> {
  const reached = new Map<Pfn, CpuId[]>();
  for (const id of users) {
    for (let slot = 0 as TlbSlot; slot < geometry.tlbSets * geometry.tlbWays; slot++) {
      const lo = hw.tlb.lo.peek(id, slot);
      const usable = hw.tlb.pcid.peek(id, slot) === hw.regs.cr3Pcid.peek(id) || (lo & PTE_G) !== 0;
      if ((lo & PTE_US) === 0 || !usable) continue;
      const pfn = ptePfn(lo);
      reached.set(pfn, [...(reached.get(pfn) ?? []), id]);
    }
  }
  return reached;
}

/** What lies on free lists that nobody is changing. */
function* freeFrames(cpu: Cpu): Iterable<Pfn> {
  const { zone, pcp, geometry } = cpu;
  for (let node = 0 as NodeId; node < geometry.nodes; node++) {
    for (let id = 0 as CpuId; id < geometry.cpus; id++) {
      const at = pcpListAt(cpu, node);
      for (let i = 0; i < pcp.count.peek(id, node); i++) yield pcp.list.peek(id, at + i) as Pfn;
    }
    if (zone.lock.peek(node) !== 0) continue;
    for (let i = 0; i < zone.nrFree.peek(node); i++) yield zone.free.peek(node, i) as Pfn;
  }
}

/** Does a task still have to pay for frames that it took? */
function isCarried(cpu: Cpu, done: number): boolean {
  const { ugen } = cpu.wordsOf(LUF_TASK);
  return [...tasksOf(cpu)].some((task) => ugen.peek(task) !== 0 && ugenBefore(done, ugen.peek(task)));
}

/** Is the CPU in luf_ubc, or in the batch of a task? One whose CPUs are taken out already is being flushed. */
function isCovered(cpu: Cpu, id: CpuId): boolean {
  const [k, bit] = [maskIndex(cpu.geometry, id), maskBit(cpu.geometry, id)];
  if ((cpu.wordsOf(LUF).ubcCpumask.peek(ONE, k) & bit) !== 0) return true;
  const { cpumask, flushRequired } = cpu.tlbUbc;
  for (const task of tasksOf(cpu)) {
    if (flushRequired.peek(task) === 0) continue;
    let any = 0;
    for (let i = 0; i < cpu.geometry.maskWords; i++) any |= cpumask.peek(task, i);
    if (any === 0 || (cpumask.peek(task, k) & bit) !== 0) return true;
  }
  return false;
}

function* tasksOf({ geometry }: Cpu): Iterable<TaskId> {
  for (let task = 0 as TaskId; task < geometry.cpus + geometry.tasks; task++) yield task;
}
