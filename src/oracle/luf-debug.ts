/**
 * The debug mode that the reviewers of LUF asked for, as a kernel could have it: every entry that is cleared with its flush
 * put off leaves a mark, and what follows is held against rules. Rule 1: a marked entry is not rewritten before the flush.
 * Rule 2: nor is the slot of its page in the page cache. Rule 0, more general: no entry is installed that is not consistent
 * with the one cleared (other content, or permission to write). It knows what a kernel knows (who was in the cpumask, which
 * flush routines have returned), not what TLBs hold; the oracle does not listen to it.
 *
 * It looks through three mechanisms at once. `pte-marker`: the mark lies in the entry, and is lost with the mapping.
 * `vma-flag`: one flag for a VMA with marked entries, so every entry of the VMA counts. `page-cache-marker`: the mark lies in
 * the slot, once that is empty; while the folio is still there, as in migration, there is no room for it. And it reads
 * "before" in two ways: as said, or `followed-by`: the flush may also come until the operation returns that broke the rule.
 *
 * D. Hansen, 3 June 2024; B. Park's answer (20240604015348.GB26609@system.software.com); D. Hildenbrand on what markers can see.
 */
import { PTE_RW, ptePfn, ptePresent } from '../hardware/pte.ts';
import type { CpuId, Pfn, PteLo, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { cpusOf } from '../kernel/cpumask.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { ANY_MM } from '../kernel/tlb/flush-info.ts';
import type { MmId, TaskId, VmaId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';

export const MECHANISMS = ['pte-marker', 'vma-flag', 'page-cache-marker'] as const;
export type Mechanism = (typeof MECHANISMS)[number];
export const READINGS = ['before', 'followed-by'] as const;
export type Reading = (typeof READINGS)[number];
export type Rule = 0 | 1 | 2;

/** A rule was broken, as that mechanism under that reading sees it. */
export interface Sighting {
  readonly mechanism: Mechanism;
  readonly reading: Reading;
  readonly rule: Rule;
  /** CPUs that were owed the flush: whom enforcing the rule would have interrupted. */
  readonly cpus: number;
}

/** A flush that was put off: which entry was cleared, what it showed, and who has not flushed since. */
interface Debt {
  readonly mm: MmId;
  readonly vpn: Vpn;
  readonly lo: PteLo;
  readonly words: readonly number[];
  /** Row of the page of a file that it showed; -1 if none. */
  readonly row: number;
  readonly cpus: Set<number>;
  /** Is the mark still in the entry, and is it in the slot? */
  inEntry: boolean;
  inSlot: boolean;
}

/** A rule that is broken unless the flush comes before the operation returns. */
interface Obligation {
  readonly mechanism: Mechanism;
  readonly rule: Rule;
  readonly debt: Debt;
}

export class LufDebug {
  readonly sightings: Sighting[] = [];
  /** Words that the mechanisms have read or written: what they would cost in steps. */
  touched = 0;
  private debts: Debt[] = [];
  private kept: Debt[] = [];
  /** By task: the entry it cleared last, and what it has to have flushed when its operation returns. */
  private readonly cleared = new Map<TaskId, { mm: MmId; vpn: Vpn; lo: PteLo }>();
  private readonly obligations = new Map<TaskId, Obligation[]>();

  constructor(private readonly ghost: Ghost) {}

  /** From now on `reset` returns here. */
  rebase(): void {
    this.kept = this.debts.map(copied);
  }
  reset(): void {
    this.debts = this.kept.map(copied);
    this.sightings.length = 0;
    this.touched = 0;
    this.cleared.clear();
    this.obligations.clear();
  }

  /** The routines with the marks of the debug mode: where a flush is put off, and where one is over. */
  around(kernel: Kernel): Kernel {
    const debug = this;
    return {
      ...kernel,
      *setTlbUbcFlushPending(cpu, mm, old) {
        debug.marks(cpu, mm);
        yield* kernel.setTlbUbcFlushPending(cpu, mm, old);
      },
      *flushTlbMmRange(cpu, mm, start, end, freedTables) {
        const due = debug.debts.filter((d) => d.mm === mm && d.vpn >= start && d.vpn < end);
        yield* kernel.flushTlbMmRange(cpu, mm, start, end, freedTables);
        debug.paid(due);
      },
      *flushTlbMulti(cpu, targets) {
        const due = debug.dueToBatch(cpu);
        yield* kernel.flushTlbMulti(cpu, targets);
        debug.paid(due, targets);
      },
      *runFlushLocally(cpu) {
        const due = debug.dueToBatch(cpu);
        yield* kernel.runFlushLocally(cpu);
        debug.paid(due, [cpu.id]);
      },
    };
  }

  /** An entry changes. Called within the step that changes it. */
  pteChanges(cpu: Cpu, mm: MmId, vpn: Vpn, oldLo: PteLo, newLo: PteLo): void {
    if (ptePresent(oldLo) && !ptePresent(newLo)) this.cleared.set(cpu.current, { mm, vpn, lo: oldLo });
    if (!ptePresent(newLo)) return;
    const writable = (newLo & PTE_RW) !== 0 && (oldLo & PTE_RW) === 0;
    const installed = !ptePresent(oldLo);
    if (!installed && !writable) return;
    const vma = this.debts.length > 0 ? this.vmaOf(mm, vpn) : undefined;
    for (const debt of this.debts) {
      if (debt.mm !== mm) continue;
      const here = debt.vpn === vpn;
      if (here && debt.inEntry) {
        if (installed) this.breaks(cpu, 'pte-marker', 1, debt);
        if (writable || this.differs(debt, ptePfn(newLo))) this.breaks(cpu, 'pte-marker', 0, debt);
      }
      if (vma && debt.vpn >= vma.start && debt.vpn < vma.end) {
        if (installed) this.breaks(cpu, 'vma-flag', 1, debt);
        if (writable) this.breaks(cpu, 'vma-flag', 0, debt);
      }
      // the marker makes room for the new entry
      if (here && installed) debt.inEntry = false;
    }
  }

  /** A slot of the page cache changes: `now` is a frame, or empty. */
  slotChanges(cpu: Cpu, row: number, now: number): void {
    for (const debt of this.debts) {
      if (debt.row !== row) continue;
      if (now > 0 && debt.inSlot) this.breaks(cpu, 'page-cache-marker', 2, debt);
      debt.inSlot = now <= 0;
      this.touched++;
    }
  }

  /** The innermost operation of the task returns; `gone` is the range that it unmapped or moved away, if any. */
  returns(cpu: Cpu, gone?: { mm: MmId; from: number; to: number }): void {
    for (const { mechanism, rule, debt } of this.obligations.get(cpu.current) ?? []) {
      if (this.debts.includes(debt)) this.sees(mechanism, 'followed-by', rule, debt);
    }
    this.obligations.delete(cpu.current);
    if (!gone) return;
    for (const debt of this.debts) {
      if (debt.mm !== gone.mm || debt.vpn < gone.from || debt.vpn >= gone.to) continue;
      for (const reading of READINGS) {
        if (debt.inEntry) this.sees('pte-marker', reading, 1, debt);
        this.sees('vma-flag', reading, 1, debt);
      }
      debt.inEntry = false;
    }
  }

  private marks(cpu: Cpu, mm: MmId): void {
    const entry = this.cleared.get(cpu.current);
    if (!entry || entry.mm !== mm) return;
    const { ghost } = this;
    const { machine, geometry } = ghost;
    const users: CpuId[] = [];
    for (let k = 0; k < geometry.maskWords; k++) cpusOf(geometry, machine.mm.cpumask.peek(mm, k), k, users);
    const pfn = ptePfn(entry.lo);
    const words = Array.from({ length: geometry.wordsPerPage }, (_, word) => ghost.frameWord(pfn, word));
    const file = machine.folio.mapping.peek(pfn);
    const inFile = file >= 1 && file <= geometry.files;
    const row = inFile ? file * geometry.filePages + machine.folio.index.peek(pfn) : -1;
    this.debts.push({ ...entry, words, row, cpus: new Set(users), inEntry: true, inSlot: false });
    this.touched += 2;
  }

  /** What a flush of whatever is loaded pays; nothing if the flush under way names an address space. */
  private dueToBatch(cpu: Cpu): Debt[] {
    return this.ghost.machine.flushInfo.mm.peek(cpu.id) === ANY_MM ? [...this.debts] : [];
  }

  private paid(due: readonly Debt[], cpus?: readonly number[]): void {
    if (due.length === 0) return;
    for (const debt of due) {
      if (cpus) for (const id of cpus) debt.cpus.delete(id);
      else debt.cpus.clear();
    }
    this.touched += due.length;
    this.debts = this.debts.filter((debt) => debt.cpus.size > 0);
  }

  private breaks(cpu: Cpu, mechanism: Mechanism, rule: Rule, debt: Debt): void {
    this.sees(mechanism, 'before', rule, debt);
    const obligations = this.obligations.get(cpu.current) ?? [];
    obligations.push({ mechanism, rule, debt });
    this.obligations.set(cpu.current, obligations);
  }

  private sees(mechanism: Mechanism, reading: Reading, rule: Rule, debt: Debt): void {
    this.touched++;
    this.sightings.push({ mechanism, reading, rule, cpus: debt.cpus.size });
  }

  private differs({ lo, words }: Debt, pfn: Pfn): boolean {
    return ptePfn(lo) !== pfn && words.some((value, word) => this.ghost.frameWord(pfn, word) !== value);
  }

  private vmaOf(mm: MmId, vpn: Vpn): { start: number; end: number } | undefined {
    const { mm: mms, vma } = this.ghost.machine;
    for (let k = 0; k < mms.mapCount.peek(mm); k++) {
      const row = mms.vmaTree.peek(mm, k) as VmaId;
      const [start, end] = [vma.start.peek(row) >>> 0, vma.end.peek(row) >>> 0];
      if (vpn >= start && vpn < end) return { start, end };
    }
    return undefined;
  }
}

function copied(debt: Debt): Debt {
  return { ...debt, cpus: new Set(debt.cpus) };
}
