/** The oracle of a machine in debug mode: judges as ever, and passes on to the debug mode what that has to hear of. */
import type { PteLo, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { FileId, MmId } from '../kernel/types.ts';
import { LufDebug } from './luf-debug.ts';
import { OP, type OpKind, Oracle } from './oracle.ts';

/** Calls after which nothing of the range is mapped where it was. */
const UNMAPS: readonly OpKind[] = [OP.munmap, OP.mremap];

export class DebuggedOracle extends Oracle {
  readonly debug = new LufDebug(this.ghost);

  /** From now on `reset` returns here. */
  rebase(): void {
    this.debug.rebase();
  }
  override reset(): void {
    super.reset();
    this.debug.reset();
  }

  override opEnds(cpu: Cpu, result: number, childMm?: MmId): void {
    const { task: t } = this.ghost.g;
    const depth = t.depth.peek(cpu.current) - 1;
    const kind = t.kind.peek(cpu.current, depth) as OpKind;
    const [mm, from, pages] = [t.mm, t.from, t.pages].map((word) => word.peek(cpu.current, depth));
    const over = kind === OP.mmap && t.fixed.peek(cpu.current, depth) === 1;
    const unmaps = result >= 0 && (UNMAPS.includes(kind) || over);
    this.debug.returns(cpu, unmaps ? { mm: mm as MmId, from, to: from + pages } : undefined);
    super.opEnds(cpu, result, childMm);
  }

  override pteChanges(...change: Parameters<Oracle['pteChanges']>): void {
    const [cpu, table, index, oldLo, newLo] = change;
    const { frame } = this.ghost.g;
    const mm = frame.tableMm.peek(table) - 1;
    const isLeaf = frame.tableLevel.peek(table) === this.ghost.geometry.levelBits.length - 1;
    if (mm >= 0 && isLeaf) {
      const vpn = (frame.tableBase.peek(table) + index) as Vpn;
      this.debug.pteChanges(cpu as Cpu, mm as MmId, vpn, oldLo as PteLo, newLo as PteLo);
    }
    super.pteChanges(...change);
  }

  override slotChanges(cpu: Cpu, file: FileId, index: number, was: number, now: number): void {
    this.debug.slotChanges(cpu, file * this.ghost.geometry.filePages + index, now);
    super.slotChanges(cpu, file, index, was, now);
  }
}
