/**
 * One run, watched: what a person would say happened, event by event, with the step and CPU of each. The recording
 * stands between machine and oracle as a second observer, so that it sees exactly what the oracle judges.
 */
import {
  ADVERSARY,
  type Choice,
  choiceArgument,
  choiceCpu,
  choiceKind,
  DELIVER,
  DRAIN,
  RUN,
  TICK,
} from '../engine/choice.ts';
import type { StepWatcher } from '../engine/step-watcher.ts';
import type { Stepper } from '../engine/stepper.ts';
import { drainWord } from '../engine/store-buffers.ts';
import { type AdversaryAction, adversaryLabel } from '../hardware/adversary.ts';
import type { LogicalCpu } from '../hardware/logical-cpu.ts';
import { ptePfn } from '../hardware/pte.ts';
import { tlbLo, tlbPcid, tlbSlots, tlbVpn } from '../hardware/tlb.ts';
import type { AccessKind, CpuId, Pfn, TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { FrameOwner, Observer } from '../kernel/observer.ts';
import type { MmId } from '../kernel/types.ts';
import { pointLabel } from '../memory/point.ts';
import type { OpKind, Oracle } from '../oracle/oracle.ts';
import type { Event, Happening, StepPlace } from './happening.ts';

/** Attach as the watcher of a new stepper: `new Stepper(plan, recording)`. One recording follows one run. */
export class Recording implements StepWatcher {
  readonly events: Event[] = [];
  /** The steps of the concurrent part (of the history, if the run ends in it). */
  readonly places: StepPlace[] = [];
  /** The history alone convicts: all events are of it, and their steps count from the boot. */
  sequential = false;
  private attached = false;
  private concurrent = false;
  private step = 0;
  private lastOp = new Map<number, string>();
  private readonly tables = new Map<number, { mm: number; level: number; base: number }>();
  private cached: { vpn: number; lo: number; pcid: number }[] = [];
  private pendingBefore = 0;

  /** The history is over: what follows is the concurrent part. */
  startConcurrent(): void {
    this.concurrent = true;
    this.step = 0;
    this.places.length = 0;
  }

  before(stepper: Stepper, c: Choice, cpu: Cpu): void {
    if (!this.attached) this.attach(stepper);
    const id = choiceCpu(c);
    const { layout } = stepper.machine.shape;
    this.places.push({ cpu: id, task: cpu.current, label: pointLabel(cpu.point), word: layout.nameOf(cpu.word) });
    this.pendingBefore = stepper.machine.columns.apic.irr.peek(this.targetOf(stepper, cpu));
    this.cached = cachedBy(cpu);
    if (choiceKind(c) === RUN) this.beginning(stepper, cpu);
    if (choiceKind(c) === DELIVER) {
      const pending = stepper.machine.columns.apic.irr.peek(id);
      this.add(cpu, { is: 'deliver', vector: 31 - Math.clz32(pending & -pending) });
    }
    if (choiceKind(c) === TICK) this.add(cpu, { is: 'tick' });
    if (choiceKind(c) === DRAIN) {
      const says = `a store to ${layout.nameOf(drainWord(stepper.machine, id))} leaves the store buffer`;
      this.add(cpu, { is: 'hardware', says });
    }
    if (choiceKind(c) === ADVERSARY) {
      this.add(cpu, { is: 'hardware', says: adversaryLabel(cpu, choiceArgument(c) as AdversaryAction) });
    }
  }

  after(stepper: Stepper, c: Choice, cpu: Cpu): void {
    const id = choiceCpu(c);
    const { mem, columns } = stepper.machine;
    const now = cachedBy(stepper.cpuAt(id));
    for (const [slot, was] of this.cached.entries()) {
      const is = now[slot];
      if (was.lo === 0 || (is.lo !== 0 && is.vpn === was.vpn && is.pcid === was.pcid)) continue;
      this.add(cpu, { is: 'drop', vpn: was.vpn, pfn: ptePfn(was.lo as never), pcid: was.pcid }, id);
    }
    const { irr } = columns.apic;
    for (let target = 0; target < stepper.machine.geometry.cpus && choiceKind(c) !== TICK; target++) {
      if (mem.touched !== irr.at(target as CpuId) || !mem.touchedWrite || target === id) continue;
      const raised = irr.peek(target as CpuId) & ~this.pendingBefore;
      const vector = raised === 0 ? -1 : 31 - Math.clz32(raised);
      this.add(cpu, { is: 'send', to: target, vector, merged: raised === 0 }, id);
    }
    const next = stepper.cpuAt(id).current;
    if (next !== cpu.current) this.add(cpu, { is: 'switch', from: cpu.current, to: next }, id);
    this.step++;
  }

  /** The CPU whose pending register this step is about to touch; its own if none. */
  private targetOf(stepper: Stepper, cpu: Cpu): CpuId {
    const { irr } = stepper.machine.columns.apic;
    const target = Math.floor((cpu.word - irr.base) / irr.stride);
    const hit = target >= 0 && target < stepper.machine.geometry.cpus && irr.at(target as CpuId) === cpu.word;
    return hit ? (target as CpuId) : cpu.id;
  }

  /** An operation begins at the first step taken inside it. */
  private beginning(stepper: Stepper, cpu: Cpu): void {
    const { machine } = stepper;
    const { cpus } = machine.geometry;
    const task = cpu.current;
    const source = machine.shape.plan.program;
    // neither an idle task nor a thread of the policy has operations
    if (task < cpus || task >= cpus + source.tasks.length) return;
    const { user, program } = machine.columns;
    const turn = program.turn.peek(0);
    const inHistory = turn < source.history.length;
    const name = source.tasks[task - cpus].name;
    const index = inHistory ? turn : user.pc.peek(task) - 1;
    const op = inHistory ? source.history[turn] : undefined;
    if (index < 0 || (op && op.task !== name)) return;
    const key = `${inHistory} ${index} ${user.round.peek(task)}`;
    if (this.lastOp.get(task) === key) return;
    this.lastOp.set(task, key);
    this.add(cpu, { is: 'op', op: op?.op ?? source.tasks[task - cpus].ops[index], inHistory, index });
  }

  private add(cpu: LogicalCpu, happening: Happening, id: number = cpu.id): void {
    const task = (cpu as Cpu).current;
    this.events.push({ ...happening, step: this.step, cpu: id, task, concurrent: this.concurrent });
  }

  private attach(stepper: Stepper): void {
    this.attached = true;
    for (const handle of stepper.machine.handles) {
      if (handle.observer) handle.observer = this.besides(handle.observer, stepper);
    }
    const { oracle } = stepper.machine;
    if (oracle) this.listenTo(oracle);
  }

  /** Hears of returns as the oracle does, from the engine. */
  private listenTo(oracle: Oracle): void {
    const begins = oracle.opBegins;
    const ends = oracle.opEnds;
    const open = new Map<number, OpKind[]>();
    oracle.opBegins = (cpu, kind, args) => {
      open.set(cpu.current, [...(open.get(cpu.current) ?? []), kind]);
      begins.call(oracle, cpu, kind, args);
    };
    oracle.opEnds = (cpu, result, childMm) => {
      const kind = open.get(cpu.current)?.pop();
      if (kind !== undefined) this.add(cpu, { is: 'returns', kind, result });
      ends.call(oracle, cpu, result, childMm);
    };
  }

  private mmOf(cpu: LogicalCpu): number {
    return (cpu as Cpu).tlbState.loadedMm.peek(cpu.id);
  }

  /** An observer that records, then passes on. */
  private besides(oracle: Observer, stepper: Stepper): Observer {
    const { geometry } = stepper.machine;
    const leaf = geometry.levelBits.length - 1;
    const linked = (cpu: LogicalCpu, mm: number, pfn: number, level: number, base: number): void => {
      this.tables.set(pfn, { mm, level, base });
      this.add(cpu, { is: 'table', linked: true, mm, pfn, base, level });
    };
    return {
      rootLoaded: (cpu, pgd) => oracle.rootLoaded(cpu, pgd),
      walkStarts: (cpu, walk, table, psc) => oracle.walkStarts(cpu, walk, table, psc),
      walkReads: (cpu, walk, table) => {
        this.add(cpu, { is: 'walk', table });
        oracle.walkReads(cpu, walk, table);
      },
      walkDescends: (cpu, walk, table) => oracle.walkDescends(cpu, walk, table),
      pscFilled: (cpu, walk, psc) => oracle.pscFilled(cpu, walk, psc),
      tlbFilled: (cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn, pfn: Pfn) => {
        this.add(cpu, { is: 'fill', mm: this.mmOf(cpu), vpn, pfn });
        oracle.tlbFilled(cpu, slot, vpn, pfn);
      },
      accessed: (cpu, slot, vpn, word, kind, value) => {
        const pfn = ptePfn(tlbLo(cpu, slot));
        this.add(cpu, { is: 'access', mm: this.mmOf(cpu), vpn, pfn, word, kind, value });
        oracle.accessed(cpu, slot, vpn, word, kind, value);
      },
      pteChanges: (cpu, table, index, oldLo, newLo, oldHi, newHi) => {
        const at = this.tables.get(table);
        if (at?.level === leaf) {
          this.add(cpu, { is: 'pte', mm: at.mm, vpn: at.base + index, oldLo, newLo, oldHi, newHi });
        }
        oracle.pteChanges(cpu, table, index, oldLo, newLo, oldHi, newHi);
      },
      frameHandedOut: (cpu: Cpu, pfn: Pfn, owner: FrameOwner) => {
        this.add(cpu, { is: 'handed-out', pfn, owner });
        oracle.frameHandedOut(cpu, pfn, owner);
      },
      frameFreed: (cpu: Cpu, pfn: Pfn) => {
        this.add(cpu, { is: 'freed', pfn });
        oracle.frameFreed(cpu, pfn);
      },
      tableLinked: (cpu: Cpu, mm: MmId, table: Pfn, level: number, base: Vpn) => {
        linked(cpu, mm, table, level, base);
        oracle.tableLinked(cpu, mm, table, level, base);
      },
      tableUnlinked: (cpu: Cpu, mm: MmId, table: Pfn) => {
        const at = this.tables.get(table);
        if (at) this.add(cpu, { is: 'table', linked: false, pfn: table, ...at });
        oracle.tableUnlinked(cpu, mm, table);
      },
      placed: (cpu, mm, start) => oracle.placed(cpu, mm, start),
      zeroSetup: (...made) => oracle.zeroSetup(...made),
      fileEvicted: (cpu, file) => oracle.fileEvicted(cpu, file),
      fileStored: (cpu, file, index, word, value, at) => {
        this.add(cpu, { is: at === 'server' ? 'server-store' : 'file-store', file, index, word, value });
        oracle.fileStored(cpu, file, index, word, value, at);
      },
      fileLoaded: (cpu, file, index, word, value) => {
        this.add(cpu, { is: 'file-load', file, index, word, value });
        oracle.fileLoaded(cpu, file, index, word, value);
      },
      softWalkDescends: (...walk) => oracle.softWalkDescends(...walk),
      softWalkReads: (cpu, level, table, vpn) => {
        this.add(cpu, { is: 'walk', table });
        oracle.softWalkReads(cpu, level, table, vpn);
      },
      pageFollowed: (...page) => oracle.pageFollowed(...page),
      heldAccessed: (cpu, nth, at, kind, value) => {
        this.add(cpu, { is: 'held', mm: this.mmOf(cpu), ...at, kind, value });
        oracle.heldAccessed(cpu, nth, at, kind, value);
      },
      probeWritten: (cpu, mm, vpn, word, value, isRegister) => {
        this.add(cpu, { is: 'probe', mm, vpn, word, value });
        oracle.probeWritten(cpu, mm, vpn, word, value, isRegister);
      },
      slotChanges: (cpu, file, index, was, now) => {
        this.add(cpu, { is: 'slot', file, index, was, now });
        oracle.slotChanges(cpu, file, index, was, now);
      },
      swapMoves: (cpu, pfn, slot, way) => {
        this.add(cpu, { is: 'swap', pfn, slot, way });
        oracle.swapMoves(cpu, pfn, slot, way);
      },
      writesReported: (cpu, vpn, softDirty, written) => {
        this.add(cpu, { is: 'pagemap', vpn, softDirty, written });
        oracle.writesReported(cpu, vpn, softDirty, written);
      },
      dutyBegins: (cpu, duty) => oracle.dutyBegins(cpu, duty),
      dutyEnds: (cpu) => oracle.dutyEnds(cpu),
      signalled: (cpu: Cpu, vpn: Vpn, signal: number, kind: AccessKind) => {
        this.add(cpu, { is: 'signal', vpn, signal });
        oracle.signalled(cpu, vpn, signal, kind);
      },
    };
  }
}

function cachedBy(cpu: LogicalCpu): { vpn: number; lo: number; pcid: number }[] {
  return Array.from({ length: tlbSlots(cpu) }, (_, s) => {
    const slot = s as TlbSlot;
    return { vpn: tlbVpn(cpu, slot), lo: tlbLo(cpu, slot), pcid: tlbPcid(cpu, slot) };
  });
}
