/**
 * The judge of one access: given the TLB entry it went through, the rights in force and what may be loaded, is it a
 * violation, a window (wrong, but the operation that made it so is still in flight) or legal?
 */
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import { ptePfn } from '../hardware/pte.ts';
import { type AccessKind, type CpuId, FETCH, LOAD, STORE, type TlbSlot, type Vpn } from '../hardware/types.ts';
import { OWNER_FREE } from '../kernel/observer.ts';
import { type MmId, type TaskId, VM_EXEC, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import type { Ghost, Harm, Violation } from './ghost.ts';
import { type Operations, opName } from './ops.ts';
import type { Rights } from './rights.ts';
import type { PageKey } from './tables.ts';
import type { Ender, Versions } from './versions.ts';
import type { Windows } from './windows.ts';

/** An access to be judged: made, or imagined by the probe. */
export interface Access {
  readonly cpu: Pick<LogicalCpu, 'id'>;
  readonly task: TaskId;
  /** Address space of the task. */
  readonly mm: MmId;
  readonly slot: TlbSlot;
  readonly vpn: Vpn;
  readonly word: number;
  readonly kind: AccessKind;
  readonly value: number;
  readonly probe: boolean;
}

/** What the judge found. */
export type Verdict =
  | 'legal'
  /** Through a stale translation whose ender is in flight: what it found orders nothing. */
  | 'covered'
  | 'guilty';

export class Judge {
  constructor(
    private readonly ghost: Ghost,
    private readonly ops: Operations,
    private readonly versions: Versions,
    private readonly rights: Rights,
    private readonly content: Content,
    private readonly windows: Windows,
    private readonly backing: Backing,
  ) {}

  /** Legal at a glance: through a present translation of the page, to a frame that still has its owner, a legal value. */
  isLegal(cpu: CpuId, mm: MmId, slot: TlbSlot, vpn: Vpn, word: number, kind: AccessKind, value: number): boolean {
    const { g, checks, machine } = this.ghost;
    const page = this.ghost.pageKey(mm, vpn);
    const pfn = ptePfn(machine.tlb.lo.peek(cpu, slot));
    if (g.cpu.tlbPage.peek(cpu, slot) !== page) return false;
    if (g.cpu.tlbVersion.peek(cpu, slot) !== g.page.version.peek(page)) return false;
    if (g.cpu.tlbEpoch.peek(cpu, slot) !== g.frame.epoch.peek(pfn)) return false;
    return kind === STORE || !checks.content || this.content.judge(page, word, value) === 'legal';
  }

  /** Stale by an operation in flight, and leading to a frame that still has its owner: at worst a window. */
  isCovered(cpu: CpuId, slot: TlbSlot): boolean {
    const { g, machine, options } = this.ghost;
    const page = g.cpu.tlbPage.peek(cpu, slot) as PageKey;
    const pfn = ptePfn(machine.tlb.lo.peek(cpu, slot));
    if (options.strict || g.cpu.tlbEpoch.peek(cpu, slot) !== g.frame.epoch.peek(pfn)) return false;
    return this.versions.isInFlight(page, g.cpu.tlbVersion.peek(cpu, slot), true);
  }

  access(a: Access): Verdict {
    const { g, checks } = this.ghost;
    const { id } = a.cpu;
    const page = this.ghost.pageKey(a.mm, a.vpn);
    const pfn = ptePfn(this.ghost.machine.tlb.lo.peek(id, a.slot));
    if (checks.frames && g.frame.epoch.load(pfn) !== g.cpu.tlbEpoch.peek(id, a.slot)) {
      return this.convict(a, page, 'frame-reuse', `frame ${pfn} has a new owner since its translation was cached`);
    }
    const version = g.cpu.tlbVersion.peek(id, a.slot);
    if (g.cpu.tlbPage.peek(id, a.slot) !== page) {
      const other = this.ghost.mmOf(g.cpu.tlbPage.peek(id, a.slot) as PageKey);
      return this.convict(a, page, 'isolation', `the translation used is that of address space ${other}`);
    }
    // a greater one comes from a fill while a removal was under way that has been undone
    if (version < g.page.version.load(page)) return this.stale(a, page, version);
    return this.loaded(a, page, undefined, false);
  }

  /** An access through a translation older than the page tables. */
  private stale(a: Access, page: PageKey, version: number): Verdict {
    const { checks, options } = this.ghost;
    const ender = this.versions.enderOf(page, version);
    const covered = this.versions.isInFlight(page, version, a.kind !== LOAD && a.kind !== FETCH);
    const { max, min, changing, seq } = this.rights.read(page);
    // were the operation that covers the access not in flight, what is in force only because of it would not be
    const inForce = covered ? min : max;
    const need = a.kind === STORE ? VM_WRITE : a.kind === FETCH ? VM_EXEC : VM_READ;
    const foreignObject = this.versions.isOtherObject(page, version);
    const harm: Harm | undefined = (inForce & need) === 0 ? 'rights-bypass' : foreignObject ? 'va-reuse' : undefined;
    if (harm && checks.rights) {
      const why =
        harm === 'rights-bypass' ? `no right to ${verbOf(a.kind)} is in force` : 'the page maps another object now';
      if (covered) return this.window(a, page, harm, why, ender);
      if (!options.threads) return this.convict(a, page, harm, why, ender);
      // the entry still serves: no interrupt was taken. If nothing changed or was in flight, a repetition would be as wrong
      const again = this.rights.read(page);
      const still = changing === 0 && again.changing === 0 && again.seq === seq;
      return still ? this.convict(a, page, harm, why, ender) : 'covered';
    }
    const verdict =
      a.probe && a.kind === STORE
        ? this.vanishes(a, page, ender, covered)
        : this.loaded(a, page, ender, covered && this.versions.isByCall(page, version));
    if (verdict !== 'guilty' && !a.probe) this.windows.benignStale++;
    return verdict === 'legal' && covered ? 'covered' : verdict;
  }

  /** A store that the probe imagines: would it go to a frame that is no longer the page's? */
  private vanishes(a: Access, page: PageKey, ender: Ender, covered: boolean): Verdict {
    const pfn = ptePfn(this.ghost.machine.tlb.lo.peek(a.cpu.id, a.slot));
    const free = this.ghost.g.frame.owner.peek(pfn) === OWNER_FREE;
    // a store that overlaps a discarder may be lost
    const { discarding } = this.ghost.g.page;
    const discarded = discarding.peek(page) > 0 || discarding.peek(this.backing.keyOf(page)) > 0;
    if (covered || !free || discarded) return 'legal';
    return this.convict(a, page, 'lost-write', `it goes to frame ${pfn}, which is free`, ender);
  }

  /** What a load returned. */
  private loaded(a: Access, page: PageKey, ender: Ender | undefined, covered: boolean): Verdict {
    if (a.kind === STORE || !this.ghost.checks.content || this.ghost.options.threads) return 'legal';
    const legality = this.content.judge(page, a.word, a.value);
    if (legality === 'legal') {
      const own = this.backing.keyOf(page) === page;
      const doomed = own && covered && a.value !== 0 && this.ghost.g.page.discarding.peek(page) > 0;
      if (doomed && ender) return this.window(a, page, 'stale-read', 'the page is being discarded', ender);
      return 'legal';
    }
    const { value } = a;
    if (legality === 'foreign' && this.content.isForeign(page, value)) {
      const writer = this.content.writerOf(value);
      const whose = writer < 0 ? 'no program ever stored' : `was stored in ${this.ghost.ownerName(writer)}`;
      return this.convict(a, page, 'isolation', `it returns ${show(value)}, which ${whose}`, ender);
    }
    const expected = this.content.expected(page, a.word);
    const why =
      expected === value
        ? `it returns ${show(value)}, although another load has returned what came behind that`
        : `it returns ${show(value)} although ${show(expected)} is what the word holds`;
    if (ender === undefined) return this.convict(a, page, legality === 'below-seen' ? 'inversion' : 'lost-write', why);
    const harm = legality === 'below-seen' ? 'inversion' : 'stale-read';
    if (covered) return this.window(a, page, harm, why, ender);
    return this.convict(a, page, harm, why, ender);
  }

  private window(a: Access, page: PageKey, harm: Harm, why: string, ender: Ender): Verdict {
    if (this.ghost.options.strict) return this.convict(a, page, harm, why, ender, true);
    if (!a.probe) this.windows.saw(this.ops.kindOf(ender.op), this.ghost.now - ender.step);
    return 'covered';
  }

  private convict(
    a: Access,
    page: PageKey,
    harm: Harm,
    why: string,
    ender: Ender | undefined = this.lastEnder(a, page),
    window = false,
  ): Verdict {
    const { g } = this.ghost;
    const kind = ender ? this.ops.kindOf(ender.op) : 0;
    const owed = ender && kind !== 0 ? `, ended by ${opName(kind)} at step ${ender.step}` : '';
    const stale = ender !== undefined;
    const verb = a.probe ? `a ${verbOf(a.kind)} now` : `${verbOf(a.kind)}`;
    const how = stale ? ` through a stale translation${owed}` : '';
    const violation: Violation = {
      harm,
      says: `CPU${a.cpu.id}: ${verb} of page ${a.vpn}, word ${a.word}${how}: ${why}`,
      cpu: a.cpu.id,
      task: a.task,
      mm: a.mm,
      vpn: a.vpn,
      word: a.word,
      kind: a.kind,
      value: a.value,
      stale,
      endedBy: ender && kind !== 0 ? { op: kind, task: this.ops.taskOf(ender.op), step: ender.step } : undefined,
      filePage: undefined,
      filledAt: g.cpu.tlbFilledAt.peek(a.cpu.id, a.slot),
      probe: a.probe,
      weak: (harm === 'stale-read' || harm === 'inversion') && this.backing.follows(page),
      window,
    };
    this.ghost.convict(violation);
    return 'guilty';
  }

  /** What ended the version of the entry, if it is not the present one. */
  private lastEnder(a: Access, page: PageKey): Ender | undefined {
    const { g } = this.ghost;
    const version = g.cpu.tlbVersion.peek(a.cpu.id, a.slot);
    if (g.cpu.tlbPage.peek(a.cpu.id, a.slot) !== page || version >= g.page.version.peek(page)) return undefined;
    return this.versions.enderOf(page, version);
  }
}

function verbOf(kind: AccessKind): string {
  return kind === LOAD ? 'load' : kind === STORE ? 'store' : 'fetch';
}

/** Values in reports: as the program's columns print them. */
function show(value: number): string {
  return value >= 0 && value < 1 << 20 ? String(value) : `0x${(value >>> 0).toString(16)}`;
}
