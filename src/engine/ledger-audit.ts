/** The policy's own audit, as an engine runs it: how often it looked, and what it found since the start of the run. */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { INIT_MM, type TaskId } from '../kernel/types.ts';
import type { Audit } from '../policy/audit.ts';

/** What an audit found: by kind, what was said of it first. */
export interface AuditReport {
  /** Looks at a ledger that nobody was writing. */
  readonly checks: number;
  readonly found: Readonly<Record<string, string>>;
}

export class LedgerAudit {
  private checks = 0;
  private found: Record<string, string> = {};

  constructor(
    private readonly audit: Audit,
    private readonly cpu: Cpu,
  ) {}

  /** @param users CPUs at a user instruction boundary */
  look(users: readonly CpuId[], atRest: boolean): void {
    const inconsistent = this.audit({ cpu: this.cpu, users, atRest });
    if (inconsistent === undefined) return;
    this.checks++;
    for (const { kind, says } of inconsistent) this.found[kind] ??= says;
  }

  /** No operation is in flight: user code is wherever a task with an address space runs. */
  lookAtRest(): void {
    const { rq, tasks, geometry } = this.cpu;
    const users: CpuId[] = [];
    for (let id = 0 as CpuId; id < geometry.cpus; id++) {
      if (tasks.mm.peek(rq.curr.peek(id) as TaskId) !== INIT_MM) users.push(id);
    }
    this.look(users, true);
  }

  report(): AuditReport {
    return { checks: this.checks, found: this.found };
  }

  reset(): void {
    this.checks = 0;
    this.found = {};
  }
}
