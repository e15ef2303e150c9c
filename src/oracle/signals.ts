/** Signals: was a fault right to end an access, given the rights in force and the length of the file? Only for the stepper. */
import { type AccessKind, FETCH, LOAD, type Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type FileId, type MmId, SIGBUS, VM_EXEC, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { FileContent } from './file-content.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';
import type { Operations } from './ops.ts';
import type { Rights } from './rights.ts';
import type { PageKey } from './tables.ts';

export class Signals {
  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
    private readonly rights: Rights,
    private readonly backing: Backing,
    private readonly files: FileContent,
  ) {}

  judge(cpu: Cpu, vpn: Vpn, signal: number, kind: AccessKind): void {
    const { ghost } = this;
    const mm = ghost.machine.tasks.mm.peek(cpu.current) as MmId;
    const page = ghost.pageKey(mm, vpn);
    const since = ghost.g.task.since.peek(cpu.current, this.ops.innermost(cpu.current));
    const need = kind === LOAD ? VM_READ : kind === FETCH ? VM_EXEC : VM_WRITE;
    if ((this.rights.reliable(page, since) & need) === 0) return;
    if (signal === SIGBUS && !this.isInside(page, since)) return;
    const why = signal === SIGBUS ? 'the page lies within its file' : 'every right in force allows it';
    ghost.convict({
      ...NO_ACCESS,
      harm: 'wrong-fault',
      says: `CPU${cpu.id}: an access to page ${vpn} gets signal ${signal} although ${why}`,
      cpu: cpu.id,
      task: cpu.current,
      mm,
      vpn,
      kind,
    });
  }

  /** Has the page certainly been, since that ghost time, anonymous or of a part of a file that the file certainly has? */
  private isInside(page: PageKey, since: number): boolean {
    const { backing } = this;
    if (backing.isUnsure(page) || backing.isChanging(page) || backing.changedSince(page, since)) return false;
    const row = backing.filePageOf(page);
    if (row < 0) return true;
    const { filePages } = this.ghost.geometry;
    return row % filePages < this.files.reliableSize(Math.floor(row / filePages) as FileId, since);
  }
}
