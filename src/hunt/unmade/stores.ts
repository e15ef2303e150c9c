/**
 * Stores that nobody makes, at the moments at which they matter. While an operation takes from a page the right to be stored to, or its
 * frame, other CPUs are in user mode and might store to it: just before the entry changes, when whoever changes it may have looked
 * already; just behind that, when some would still use their TLB and others would fault; and last before a CPU hears of the
 * flush, when the page may have been copied, perhaps by the fault of such a store. A probe cannot judge them, for what is lost shows at
 * rest only, and what a fault changes shows later. So the store joins the program, and the schedule goes on as it was.
 */
import { type Choice, choiceCpu, choiceKind, DELIVER, RUN } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import { PTE_D, PTE_P, PTE_RW, ptePfn } from '../../hardware/pte.ts';
import { TLB_MISS, tlbLo, tlbLookup } from '../../hardware/tlb.ts';
import { type CpuId, type Pfn, type PteLo, STORE, type Vpn } from '../../hardware/types.ts';
import type { MmId } from '../../kernel/types.ts';
import { combined } from '../../memory/combined.ts';
import type { Word } from '../../memory/memory.ts';
import { entryOf } from '../../oracle/entries.ts';
import type { MappedPage } from '../../oracle/versions.ts';
import type { Program } from '../../program/program.ts';
import { accessOp } from '../joined-op.ts';
import { MachineRun } from '../machine-run.ts';
import { type FinishedRun, type Gap, Outside, runWith } from './run.ts';

/**
 * Before the entry changes, and behind that, perhaps beside others that need no fault where this one does; and before the CPU loses what it
 * has cached, perhaps when the kernel has read what the frame holds, or when the page leads to another one.
 */
type Moment = 'before' | 'behind' | 'beside' | 'last' | 'read' | 'moved';

/** At which moments stores are tried: few programs come to the last two kinds, and there is more to be lost. */
type Kind = 'any' | 'beside' | 'late';

/** A store that a task could make. */
interface UnmadeStore extends Gap {
  readonly moment: Moment;
  readonly vpn: Vpn;
  /** The operation that has read what the frame held, if one has. */
  readonly readIn?: number;
}

/** How many are tried. */
export type StoresTried = Record<Kind, number>;

/** An entry that the step under way may change. */
interface Watched extends MappedPage {
  readonly word: Word;
  readonly lo: PteLo;
  readonly by: CpuId;
}

/** A page that could be stored to when its entry led to that frame. */
interface Narrowed extends MappedPage {
  readonly pfn: Pfn;
  /**
   * The operation in which the kernel has last come by a word of it, or is about to: mostly to copy it, to write it out, or to compare it. A
   * frame that it fills anew counts as well.
   */
  readIn: number | undefined;
}

const NONE: StoresTried = { any: 0, beside: 0, late: 0 };
const LATE: StoresTried = { any: 0, beside: 0, late: 1 };

/**
 * Stores behind a store, in one more run each. One that may make the kernel read what the frame holds is followed by one that would be lost; one
 * that fills a TLB just in time, by that of a CPU whose TLB has to be filled, too.
 */
const FOLLOWING: Readonly<Record<Moment, StoresTried>> = {
  before: { any: 0, beside: 1, late: 1 },
  behind: LATE,
  beside: LATE,
  last: LATE,
  read: NONE,
  moved: NONE,
};

/** Those of the runs of one program. */
export class UnmadeStores {
  /** Of the present run. */
  private readonly stores: UnmadeStore[] = [];
  private readonly narrowed: Narrowed[] = [];
  private watched: Watched | undefined;
  private readonly outside: Outside;
  /** Stores that were tried. */
  private readonly tried = new Set<string>();
  /** How many more are. */
  private readonly left: StoresTried;

  /** @param most that are tried, but for those that follow them @param taken words of pages that those before these stored to */
  constructor(
    private readonly plan: MachinePlan,
    private readonly stepper: Stepper,
    private readonly run: MachineRun,
    most: Readonly<StoresTried>,
    private readonly taken: readonly number[] = [],
  ) {
    this.left = { ...most };
    this.outside = new Outside(plan.program, stepper, run);
  }

  /** A run begins. */
  begin(): void {
    this.stores.length = 0;
    this.narrowed.length = 0;
    this.watched = undefined;
    this.outside.begin();
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    if (this.left.any + this.left.beside + this.left.late === 0) return;
    this.lookBack(at);
    const { stepper, run } = this;
    const id = choiceCpu(next);
    if (choiceKind(next) === DELIVER) this.mayBeLast(at, id);
    this.outside.sees(next);
    if (choiceKind(next) !== RUN) return;
    const { word, kernelDepth, frameAt, frameStride } = stepper.cpuAt(id);
    if (kernelDepth > 0 && this.narrowed.length > 0) {
      const pfn = Math.floor((word - frameAt) / frameStride);
      for (const narrowed of this.narrowed) if (narrowed.pfn === pfn) narrowed.readIn = run.operationOf(id);
    }
    const page = stepper.machine.oracle?.entryAt(word);
    if (page) this.watched = combined(page, { word, lo: stepper.machine.mem.words[word] as PteLo, by: id });
  }

  /** The run is over, so many steps long. */
  end(at: number): void {
    this.lookBack(at);
    for (let id = 0 as CpuId; id < this.stepper.machine.geometry.cpus; id++) this.mayBeLast(at, id);
  }

  /** Runs like this one, with one store more each. @param recorded the schedule of this one */
  *made(recorded: readonly number[]): Generator<FinishedRun> {
    for (const store of this.stores) {
      const { task, place, vpn, moment, readIn } = store;
      const name = `${task} ${place} ${vpn} ${moment} ${readIn}`;
      const kind = kindOf(moment);
      if (this.tried.has(name) || this.left[kind] === 0) continue;
      this.tried.add(name);
      this.left[kind]--;
      const made = this.make(store, recorded);
      if (!made) continue;
      yield made.finished;
      if (!made.finished.run.convicted) yield* made.stores.made(made.finished.choices);
    }
  }

  /** Has the last step taken something from a page? */
  private lookBack(at: number): void {
    const { watched, stepper } = this;
    this.watched = undefined;
    if (watched === undefined) return;
    const { word, lo, mm, vpn, by } = watched;
    const now = stepper.machine.mem.words[word] as PteLo;
    const keeps = (now & PTE_P) !== 0 && (now & PTE_RW) !== 0 && ptePfn(now) === ptePfn(lo);
    if ((lo & PTE_RW) === 0 || keeps) return;
    const pfn = ptePfn(lo);
    this.narrowed.push({ mm, vpn, pfn, readIn: undefined });
    const users = Array.from({ length: stepper.machine.geometry.cpus }, (_, id) => id as CpuId).filter(
      (id) => id !== by && this.isUser(id, mm),
    );
    const needNoFault = users.filter((id) => this.storesTo(id, vpn, pfn));
    for (const cpu of users) {
      const isBeside = needNoFault.length > 0 && !needNoFault.includes(cpu);
      this.add({ at: at - 1, moment: 'before', cpu, vpn });
      this.add({ at, moment: isBeside ? 'beside' : 'behind', cpu, vpn });
    }
  }

  /** The CPU may be about to lose what it has cached. */
  private mayBeLast(at: number, id: CpuId): void {
    const { columns, geometry } = this.stepper.machine;
    for (const { mm, vpn, pfn, readIn } of this.narrowed) {
      if (!this.isUser(id, mm) || !this.storesTo(id, vpn, pfn)) continue;
      const now = entryOf(columns, geometry, mm, vpn);
      const hasMoved = (now & PTE_P) !== 0 && ptePfn(now) !== pfn;
      const moment = hasMoved ? 'moved' : readIn === undefined ? 'last' : 'read';
      this.add({ at, moment, cpu: id, vpn, readIn });
    }
  }

  private add({ at, cpu, ...store }: Omit<UnmadeStore, 'task' | 'place'>): void {
    this.stores.push(combined(this.outside.gapAt(at, cpu), store));
  }

  /** Is it outside the kernel, or about to leave it, in that address space? */
  private isUser(id: CpuId, mm: MmId): boolean {
    const { columns } = this.stepper.machine;
    return this.outside.is(id) && columns.tasks.mm.peek(this.stepper.cpuAt(id).current) === mm;
  }

  /** Would it store to that frame by its TLB, without a walk? */
  private storesTo(id: CpuId, vpn: Vpn, pfn: Pfn): boolean {
    const cpu = this.stepper.cpuAt(id);
    const slot = tlbLookup(cpu, vpn);
    const lo = slot === TLB_MISS ? undefined : tlbLo(cpu, slot);
    return lo !== undefined && (lo & PTE_RW) !== 0 && (lo & PTE_D) !== 0 && ptePfn(lo) === pfn;
  }

  /** The program with the store, under the same schedule, and the stores that follow it; undefined if it is no task's to make. */
  private make(
    store: UnmadeStore,
    recorded: readonly number[],
  ): { finished: FinishedRun; stores: UnmadeStores } | undefined {
    const word = leastUsed(this.plan.program, this.stepper.machine.geometry.wordsPerPage, this.taken);
    let stores: UnmadeStores | undefined;
    const { stepper } = this;
    const ops = [accessOp(STORE, store.vpn, word)];
    const finished = runWith(this.plan, stepper, combined(store, { ops }), recorded, (plan) => {
      stores = new UnmadeStores(plan, stepper, new MachineRun(stepper), FOLLOWING[store.moment], [...this.taken, word]);
      return stores;
    });
    return finished && stores && { finished, stores };
  }
}

function kindOf(moment: Moment): Kind {
  if (moment === 'beside') return 'beside';
  return moment === 'read' || moment === 'moved' ? 'late' : 'any';
}

/** The word of a page that fewest others store to, the last of those, none of `taken`: a store behind this one hides that it is lost. */
function leastUsed({ tasks, history }: Program, words: number, taken: readonly number[]): number {
  const stores = [...history.map(({ op }) => op), ...tasks.flatMap(({ ops }) => ops)].filter((op) => op.do === 'store');
  const timesOf = (word: number): number =>
    taken.includes(word) ? Number.POSITIVE_INFINITY : stores.filter((op) => (op.word ?? 0) === word).length;
  const times = Array.from({ length: words }, (_, word) => timesOf(word));
  return times.lastIndexOf(Math.min(...times));
}
