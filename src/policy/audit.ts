/**
 * An audit: an independent look at the bookkeeping of a policy, made at quiet points and between rounds. It holds what the
 * policy's words claim against what TLBs and free lists hold, and touches nothing. It convicts nobody: a wrong ledger that no
 * program can notice is no harm, and the oracle trusts no ledger.
 */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';

export interface AuditLook {
  /** Any CPU's handle: columns of hardware, kernel and policy, for `peek` only. */
  readonly cpu: Cpu;
  /** CPUs at a user instruction boundary: user code may use what their TLBs hold. Others may be anywhere in the kernel. */
  readonly users: readonly CpuId[];
  /** No operation is in flight anywhere. */
  readonly atRest: boolean;
}

/** Something that the policy has written down and that is not so. */
export interface Inconsistency {
  /** One word, the same for all of a kind. */
  readonly kind: string;
  readonly says: string;
}

/** What is inconsistent now; undefined while the ledger is being written, when nothing can be said. */
export type Audit = (look: AuditLook) => readonly Inconsistency[] | undefined;
