/**
 * Frame epochs: raised when a frame is handed to an owner. A TLB entry, a paging-structure-cache entry and a walk carry
 * the epoch of their frame; one that differs at use has been overtaken by a new owner, and no operation excuses that.
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import type { WalkId } from '../hardware/observer.ts';
import type { CpuId, Pfn, TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type FrameOwner, OWNER_FREE, OWNER_TABLE } from '../kernel/observer.ts';
import type { TaskId } from '../kernel/types.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';
import { suspectFrame, suspectLoad } from './suspects.ts';
import { probeTable } from './table-pointers.ts';

export class Frames {
  constructor(private readonly ghost: Ghost) {}

  handedOut(pfn: Pfn, owner: FrameOwner): void {
    const { frame } = this.ghost.g;
    frame.owner.store(pfn, owner);
    frame.epoch.add(pfn, 1);
    suspectFrame(this.ghost, pfn);
  }
  freed(pfn: Pfn): void {
    const { owner } = this.ghost.g.frame;
    if (owner.load(pfn) === OWNER_TABLE) probeTable(this.ghost, pfn);
    owner.store(pfn, OWNER_FREE);
  }

  /** The root that the CPU has loaded at boot, in no step. */
  bootedWith(id: CpuId): void {
    const { g, machine } = this.ghost;
    const pgd = machine.regs.cr3Pgd.peek(id) as Pfn;
    if (pgd !== 0) g.cpu.rootEpoch.put(id, g.frame.epoch.peek(pgd));
  }
  rootLoaded(cpu: LogicalCpu, pgd: Pfn): void {
    this.ghost.g.cpu.rootEpoch.put(cpu.id, this.ghost.g.frame.epoch.load(pgd));
    suspectLoad(this.ghost);
  }
  walkStarts(cpu: LogicalCpu, walk: WalkId, psc: number): void {
    const { cpu: c } = this.ghost.g;
    const epoch = psc >= 0 ? c.pscEpoch.peek(cpu.id, psc) : c.rootEpoch.peek(cpu.id);
    c.walkEpoch.put(cpu.id, epoch, walk);
  }
  walkDescends(cpu: LogicalCpu, walk: WalkId, table: Pfn): void {
    this.ghost.g.cpu.walkEpoch.put(cpu.id, this.ghost.g.frame.epoch.load(table), walk);
  }
  pscFilled(cpu: LogicalCpu, walk: WalkId, psc: number): void {
    const { cpu: c } = this.ghost.g;
    c.pscEpoch.put(cpu.id, c.walkEpoch.peek(cpu.id, walk), psc);
  }
  tlbFilled(cpu: LogicalCpu, slot: TlbSlot, pfn: Pfn): void {
    this.ghost.g.cpu.tlbEpoch.put(cpu.id, this.ghost.g.frame.epoch.load(pfn), slot);
  }

  /** A walk touches an entry of `table`: is it still the table that the walk's pointer led to? */
  walkReads(cpu: LogicalCpu, walk: WalkId, table: Pfn, task: TaskId): void {
    const vpn = (this.ghost.machine.walk.vpn.peek(cpu.id, walk) >>> 0) as Vpn;
    const who = walk === 0 ? 'a page walk' : 'a speculative page walk';
    this.reads(who, cpu, task, { table, vpn }, this.ghost.g.cpu.walkEpoch.peek(cpu.id, walk));
  }

  /** The same of a walk of the kernel without a lock, which keeps the pointers of all levels until it ends. */
  softWalkDescends(cpu: Cpu, level: number, table: Pfn): void {
    this.ghost.g.cpu.softEpoch.put(cpu.id, this.ghost.g.frame.epoch.load(table), level);
  }
  softWalkReads(cpu: Cpu, level: number, table: Pfn, vpn: Vpn): void {
    const epoch = this.ghost.g.cpu.softEpoch.peek(cpu.id, level);
    this.reads('a lockless walk', cpu, cpu.current, { table, vpn }, epoch);
  }

  private reads(
    who: string,
    cpu: LogicalCpu,
    task: TaskId,
    { table, vpn }: { table: Pfn; vpn: Vpn },
    epoch: number,
  ): void {
    const { frame } = this.ghost.g;
    const owner = frame.owner.load(table);
    if (owner === OWNER_TABLE && frame.epoch.load(table) === epoch) return;
    const now = owner === OWNER_FREE ? 'is free' : 'has a new owner';
    this.ghost.convict({
      ...NO_ACCESS,
      harm: 'table-reuse',
      says: `${who} of CPU${cpu.id} for page ${vpn} reads the page table in frame ${table}, which ${now}`,
      cpu: cpu.id,
      task,
      vpn,
      stale: true,
    });
  }
}
