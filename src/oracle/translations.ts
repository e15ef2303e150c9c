/**
 * What the oracle hears of translations: roots, walks by hardware and by the kernel, fills, entries and tables that change,
 * frames that get an owner and lose it. Every event is noted in the step that it reports; what follows is the judge's affair.
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import type { WalkId } from '../hardware/observer.ts';
import type { CpuId, Pfn, TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { FrameOwner } from '../kernel/observer.ts';
import type { MmId } from '../kernel/types.ts';
import type { Memory, Word } from '../memory/memory.ts';
import { SteppedMemory } from '../memory/stepped-memory.ts';
import { Frames } from './frames.ts';
import { Ghost, type GhostColumns, type OracleOptions } from './ghost.ts';
import { Operations } from './ops.ts';
import { type MappedPage, Versions } from './versions.ts';

export class Translations {
  protected readonly ghost: Ghost;
  protected readonly ops: Operations;
  protected readonly frames: Frames;
  protected readonly versions: Versions;
  /** In the stepper: the memory whose check has to know that an observer runs. */
  private readonly stepped: SteppedMemory | undefined;

  constructor(
    mem: Memory,
    columns: GhostColumns,
    machine: ConstructorParameters<typeof Ghost>[2],
    geometry: ConstructorParameters<typeof Ghost>[3],
    options: OracleOptions,
  ) {
    this.ghost = new Ghost(mem, columns, machine, geometry, options);
    this.stepped = mem instanceof SteppedMemory ? mem : undefined;
    this.ops = new Operations(this.ghost);
    this.frames = new Frames(this.ghost);
    this.versions = new Versions(this.ghost, this.ops);
  }

  /** The page whose entry lies at that word and maps something; undefined if there is none. */
  entryAt(word: Word): MappedPage | undefined {
    return this.versions.entryAt(word);
  }
  /** The address space whose root the CPU has loaded. */
  loadedBy(id: CpuId): MmId {
    return this.ghost.loadedBy(id);
  }

  rootLoaded(cpu: LogicalCpu, pgd: Pfn): void {
    const was = this.enter();
    this.frames.rootLoaded(cpu, pgd);
    this.leave(was);
  }
  walkStarts(cpu: LogicalCpu, walk: WalkId, _table: Pfn, psc: number): void {
    const was = this.enter();
    this.frames.walkStarts(cpu, walk, psc);
    this.leave(was);
  }
  walkReads(cpu: LogicalCpu, walk: WalkId, table: Pfn): void {
    if (!this.ghost.checks.frames) return;
    const was = this.enter();
    this.frames.walkReads(cpu, walk, table, (cpu as Cpu).current);
    this.leave(was);
  }
  walkDescends(cpu: LogicalCpu, walk: WalkId, table: Pfn): void {
    const was = this.enter();
    this.frames.walkDescends(cpu, walk, table);
    this.leave(was);
  }
  softWalkDescends(cpu: Cpu, level: number, table: Pfn): void {
    const was = this.enter();
    this.frames.softWalkDescends(cpu, level, table);
    this.leave(was);
  }
  softWalkReads(cpu: Cpu, level: number, table: Pfn, vpn: Vpn): void {
    if (!this.ghost.checks.frames) return;
    const was = this.enter();
    this.frames.softWalkReads(cpu, level, table, vpn);
    this.leave(was);
  }
  pscFilled(cpu: LogicalCpu, walk: WalkId, psc: number): void {
    const was = this.enter();
    this.frames.pscFilled(cpu, walk, psc);
    this.leave(was);
  }
  tlbFilled(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn, pfn: Pfn): void {
    const was = this.enter();
    this.frames.tlbFilled(cpu, slot, pfn);
    this.versions.filled(cpu, slot, vpn);
    this.leave(was);
  }
  pteChanges(
    cpu: LogicalCpu,
    table: Pfn,
    index: number,
    oldLo: number,
    newLo: number,
    oldHi: number,
    newHi: number,
  ): void {
    const was = this.enter();
    this.versions.pteChanges(cpu as Cpu, table, index, oldLo, newLo, oldHi, newHi);
    this.leave(was);
  }
  frameHandedOut(_cpu: Cpu, pfn: Pfn, owner: FrameOwner): void {
    const was = this.enter();
    this.frames.handedOut(pfn, owner);
    this.leave(was);
  }
  frameFreed(_cpu: Cpu, pfn: Pfn): void {
    const was = this.enter();
    this.frames.freed(pfn);
    this.leave(was);
  }
  tableUnlinked(cpu: Cpu, _mm: MmId, table: Pfn): void {
    const was = this.enter();
    this.versions.tableUnlinked(cpu, table);
    this.leave(was);
  }

  protected enter(): boolean {
    const { stepped } = this;
    if (!stepped) return false;
    const was = stepped.observing;
    stepped.observing = true;
    return was;
  }
  protected leave(was: boolean): void {
    if (this.stepped) this.stepped.observing = was;
  }
}
