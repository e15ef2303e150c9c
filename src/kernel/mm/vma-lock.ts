/**
 * Linux: include/linux/mmap_lock.h and mm/mmap_lock.c: the per-VMA lock (6.4; as a reference count since 6.15).
 * vmRefcnt: 0 detached, 1 attached, +1 per reader, VMA_LOCK_OFFSET while a writer waits for them. A writer marks a VMA by
 * vmLockSeq = the mm's mmLockSeq; dropping mmap_lock raises mmLockSeq, which ends all marks at once.
 */
import type { Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { MmId, VmaId } from '../types.ts';
import { NO_VMA, vmaEnd, vmaLookup, vmaStart } from './vma-tree.ts';

export const VMA_LOCK_OFFSET = 0x40000000;

export const TREE_WANTED = point('lockVmaUnderRcu: vma wanted');
export const TREE_BUSY = point('lockVmaUnderRcu: tree is being changed');
export const VMA_FOUND = point('vmaStartRead: vma found, not yet held');
export const REFCNT_SEEN = point('vmaStartRead: attached and no writer seen');
export const HELD = point('vmaStartRead: held, is it still of this mm?');
export const MM_CHECKED = point('vmaStartRead: held and of this mm, is a writer at work?');
export const SEQ_READ = point('vmaStartRead: sequence of the mm known, is the vma marked?');
export const READ_ENDS = point('vmaEndRead: reader done');
export const MARK_WANTED = point('vmaStartWrite: sequence of the mm to be read');
export const MARK_CHECKED = point('vmaStartWrite: is the vma marked already?');
export const KEEPS_OUT = point('vmaStartWrite: new readers to be kept out');
export const READERS_LEFT = point('vmaStartWrite: waiting for readers to leave');
export const READERS_GONE = point('vmaStartWrite: no readers, mark to be set');
export const MARKED = point('vmaStartWrite: marked, readers may find out');
export const DETACHES = point('vmaMarkDetached: vma to be detached');
export const DETACH_WAITS = point('vmaMarkDetached: waiting for passing readers');
export const NEW_MARKED = point('vmaMarkAttached: new vma marked');

/**
 * Linux: lock_vma_under_rcu(): the VMA around `vpn`, held for reading; NO_VMA if it does not exist or a writer has it:
 * then the caller takes mmap_lock. The hold keeps writers off this VMA only. Linux looks again, spinning, while the tree
 * still names a detached VMA; here mmap_lock is waited for instead.
 */
export function* lockVmaUnderRcu(cpu: Cpu, mm: MmId, vpn: Vpn): Path<VmaId> {
  const vma = yield* cpu.kernel.masWalk(cpu, mm, vpn);
  if (vma === NO_VMA || !(yield* cpu.kernel.vmaStartRead(cpu, mm, vma))) return NO_VMA;
  // the VMA may have shrunk, moved or been reused between look-up and hold
  if (vmaStart(cpu, vma) <= vpn && vpn < vmaEnd(cpu, vma)) return vma;
  yield* cpu.kernel.vmaEndRead(cpu, vma);
  return NO_VMA;
}

/** Linux: mas_walk() under RCU: a look-up of one step against a tree that nobody is changing. */
export function* masWalk(cpu: Cpu, mm: MmId, vpn: Vpn): Path<VmaId> {
  const { treeSeq } = cpu.mm;
  const word = treeSeq.at(mm);
  if (cpu.at(TREE_WANTED, word)) yield;
  for (;;) {
    const seq = treeSeq.load(mm);
    if ((seq & 1) !== 0) {
      // the section of the other CPU has two steps and cannot be preempted
      yield cpu.waitWhile(TREE_BUSY, word, seq);
      continue;
    }
    cpu.mem.acquired(word, false);
    const vma = vmaLookup(cpu, mm, vpn);
    cpu.mem.released(word);
    // in the stepper the look-up is one step and nothing can have changed
    if (cpu.pace.stepping || treeSeq.load(mm) === seq) return vma;
  }
}

/** Linux: vma_start_read(). False if the VMA is detached, a writer has it, or the row is another mm's now. */
export function* vmaStartRead(cpu: Cpu, mm: MmId, vma: VmaId): Path<boolean> {
  const { vma: v } = cpu;
  const refcnt = v.vmRefcnt.at(vma);
  // Linux looks at the mark before the count, too: only to save the count's cache line
  if (cpu.at(VMA_FOUND, refcnt)) yield;
  let seen = v.vmRefcnt.load(vma);
  for (;;) {
    if (seen === 0 || seen >= VMA_LOCK_OFFSET) return false;
    if (cpu.at(REFCNT_SEEN, refcnt)) yield;
    const found = v.vmRefcnt.cas(vma, seen, seen + 1);
    if (found === seen) break;
    seen = found;
  }
  cpu.mem.acquired(refcnt, false);
  if (cpu.at(HELD, v.mm.at(vma))) yield;
  if (v.mm.load(vma) === mm) {
    if (cpu.at(MM_CHECKED, cpu.mm.mmLockSeq.at(mm))) yield;
    const seq = cpu.mm.mmLockSeq.load(mm);
    if (cpu.at(SEQ_READ, v.vmLockSeq.at(vma))) yield;
    if (v.vmLockSeq.load(vma) !== seq) return true;
  }
  yield* cpu.kernel.vmaEndRead(cpu, vma);
  return false;
}

/** Linux: vma_end_read() and vma_refcount_put(). A waiting writer sees the count fall. */
export function* vmaEndRead(cpu: Cpu, vma: VmaId): Path<void> {
  const { vmRefcnt } = cpu.vma;
  cpu.mem.released(vmRefcnt.at(vma));
  if (cpu.at(READ_ENDS, vmRefcnt.at(vma))) yield;
  const former = vmRefcnt.add(vma, -1);
  if ((former & ~VMA_LOCK_OFFSET) < 1) cpu.bug(`vma ${vma}: vm_refcnt falls from ${former}`);
}

/**
 * Linux: vma_start_write() of an attached VMA: from here until mmap_lock is dropped or downgraded no reader holds it.
 * Caller holds mmap_lock for writing. May sleep.
 */
export function* vmaStartWrite(cpu: Cpu, mm: MmId, vma: VmaId): Path<void> {
  const { vmRefcnt, vmLockSeq } = cpu.vma;
  const refcnt = vmRefcnt.at(vma);
  if (cpu.at(MARK_WANTED, cpu.mm.mmLockSeq.at(mm))) yield;
  const seq = cpu.mm.mmLockSeq.load(mm);
  if (cpu.at(MARK_CHECKED, vmLockSeq.at(vma))) yield;
  if (vmLockSeq.load(vma) === seq) return;
  if (cpu.at(KEEPS_OUT, refcnt)) yield;
  let seen = vmRefcnt.add(vma, VMA_LOCK_OFFSET) + VMA_LOCK_OFFSET;
  if (seen === VMA_LOCK_OFFSET) cpu.bug(`vma ${vma} is detached and to be changed`);
  while (seen !== VMA_LOCK_OFFSET + 1) seen = yield* waitForReaders(cpu, vma, seen);
  if (cpu.at(READERS_GONE, vmLockSeq.at(vma))) yield;
  vmLockSeq.store(vma, seq);
  if (cpu.at(MARKED, refcnt)) yield;
  vmRefcnt.add(vma, -VMA_LOCK_OFFSET);
}

/**
 * Linux: vma_start_write() and vma_mark_attached() of a new VMA that is not in the tree yet. A reader that names the row
 * from its former life may pass by.
 */
export function* vmaMarkAttached(cpu: Cpu, mm: MmId, vma: VmaId): Path<void> {
  const { vmRefcnt, vmLockSeq } = cpu.vma;
  if (cpu.at(MARK_WANTED, cpu.mm.mmLockSeq.at(mm))) yield;
  const seq = cpu.mm.mmLockSeq.load(mm);
  if (cpu.at(READERS_GONE, vmLockSeq.at(vma))) yield;
  vmLockSeq.store(vma, seq);
  if (cpu.at(NEW_MARKED, vmRefcnt.at(vma))) yield;
  vmRefcnt.add(vma, 1);
}

/** Linux: vma_mark_detached(): the VMA is write-marked; readers that still pass by turn away at the mark. */
export function* vmaMarkDetached(cpu: Cpu, vma: VmaId): Path<void> {
  const { vmRefcnt } = cpu.vma;
  const refcnt = vmRefcnt.at(vma);
  if (cpu.at(DETACHES, refcnt)) yield;
  let left = vmRefcnt.add(vma, -1) - 1;
  while (left !== 0) {
    left = yield* waitForReaders(cpu, vma, left);
  }
}

/** Linux: the rcuwait of __vma_enter_locked(): until the count is another than `seen`; returns what it is then. */
function* waitForReaders(cpu: Cpu, vma: VmaId, seen: number): Path<number> {
  const { vmRefcnt } = cpu.vma;
  const word = vmRefcnt.at(vma);
  if (yield* cpu.kernel.pollBegin(cpu)) {
    yield cpu.waitWhile(READERS_LEFT, word, seen);
    const now = vmRefcnt.load(vma);
    yield* cpu.kernel.pollEnd(cpu);
    return now;
  }
  yield* cpu.kernel.pollYield(cpu);
  if (cpu.at(DETACH_WAITS, word)) yield;
  return vmRefcnt.load(vma);
}
