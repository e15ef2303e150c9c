/**
 * A program of a litmus suite that runs: each thread a path over the hardware of the emulator, beside which stores drain and
 * the hardware of a CPU walks and evicts on its own.
 */
import {
  ADVERSARY,
  type Choice,
  choice,
  choiceArgument,
  choiceCpu,
  choiceKind,
  DRAIN,
  RUN,
} from '../../engine/choice.ts';
import { access } from '../../hardware/access.ts';
import {
  type AdversaryAction,
  adversaryActions,
  adversaryPage,
  adversaryPerform,
  adversaryWord,
} from '../../hardware/adversary.ts';
import { invlpg } from '../../hardware/invalidate.ts';
import type { LogicalCpu } from '../../hardware/logical-cpu.ts';
import { pteStore } from '../../hardware/pte.ts';
import { type AccessKind, EXCHANGE, LOAD, type PteHi, STORE, type Vpn } from '../../hardware/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import { type Path, point, START } from '../../memory/point.ts';
import type { MemoryModel } from '../../memory/tso-memory.ts';
import type { SuiteOutcome } from '../../program/suite.ts';
import type { SuiteEvent, SuiteProgram } from '../../program/suite-program.ts';
import type { Run } from '../strategies/strategy.ts';
import { StateHash } from '../verify/state-hash.ts';
import { SuiteMachine } from './suite-machine.ts';

const REMAPS = point('suite: about to store an entry');
const REMAPPED = point('suite: entry stored, others not told');
const NOT_TOLD = point('suite: the interrupt has not come');
const INVALIDATES = point('suite: about to invalidate');
const FENCES = point('suite: about to fence');

interface Thread {
  readonly cpu: LogicalCpu;
  path: Path<void>;
  /** Events begun. */
  begun: number;
  ended: boolean;
  readonly read: number[];
  /** Where its accesses went, if that is watched. */
  readonly pages: number[];
}

export interface SuiteRunOptions {
  /** Outcomes tell which physical page each access went to. */
  readonly pages?: boolean;
  /**
   * What hardware may walk, evict and drop on its own. By default only pages that the program remaps, one by one: what no
   * store changes reads alike whether it is cached or not, and several that go at once go one after the other.
   */
  readonly hardware?: 'remapped' | 'all';
}

export class SuiteRun implements Run {
  steps = 0;
  readonly cpus: number;
  private readonly machine: SuiteMachine;
  private readonly threads: Thread[];
  /** Rows of the page-table stores. */
  private readonly rows = new Map<string, number>();
  private readonly actions: number[] = [];
  private readonly hash = new StateHash();

  constructor(
    private readonly program: SuiteProgram,
    memory: MemoryModel,
    private readonly options: SuiteRunOptions = {},
  ) {
    this.machine = new SuiteMachine(program, memory);
    this.cpus = program.threads.length;
    for (const e of program.threads.flat()) if (e.op === 'WPTE') this.rows.set(e.id, this.rows.size);
    this.threads = this.machine.cpus.map((cpu, t) => ({
      cpu,
      path: this.thread(t),
      begun: 0,
      ended: false,
      read: [],
      pages: [],
    }));
  }

  /** To the end under `choose`, or until it gives up: then undefined. */
  execute(choose: (run: SuiteRun) => number): SuiteOutcome | undefined {
    this.machine.mem.reset();
    this.steps = 0;
    this.threads.forEach((thread, t) => {
      const { cpu } = thread;
      Object.assign(cpu, { point: START, word: NOWHERE, waiting: false });
      Object.assign(thread, { path: this.thread(t), begun: 0, ended: false });
      thread.read.length = 0;
      thread.pages.length = 0;
    });
    while (!this.isOver()) {
      const c: number | undefined = choose(this);
      if (c === undefined) throw new Error('the threads of a suite program wait for each other');
      if (c < 0) return undefined;
      this.step(c as Choice);
      this.steps++;
    }
    return { reads: this.reads(), ...this.machine.atRest(), ...(this.options.pages && { pages: this.pages() }) };
  }

  /** Of the present state. */
  state(): StateHash {
    const { hash, machine } = this;
    hash.low = machine.mem.hashLow();
    hash.high = machine.mem.hashHigh();
    for (const { cpu, begun, ended, read, pages } of this.threads) {
      hash.add(begun, ended ? -1 : cpu.point, cpu.word, cpu.waiting ? 1 : 0, ...read, ...pages);
    }
    return hash;
  }

  announced(c: Choice): Word {
    const { cpu } = this.threads[choiceCpu(c)];
    switch (choiceKind(c)) {
      case ADVERSARY:
        return adversaryWord(cpu, choiceArgument(c) as AdversaryAction);
      case DRAIN:
        return this.machine.buffers?.drainWord(cpu.id) ?? NOWHERE;
      default:
        return cpu.word;
    }
  }
  mayWrite(): boolean {
    return true;
  }
  lastWrote(): boolean {
    return this.machine.mem.touchedWrite;
  }
  footprint(): readonly number[] {
    return this.machine.mem.record?.footprint() ?? [];
  }
  operationOf(id: number): number {
    return this.threads[id].begun * this.cpus + id;
  }
  isInterrupted(): boolean {
    return false;
  }
  holdsStale(): boolean {
    return false;
  }
  hasReached(): boolean {
    return false;
  }
  isInPatch(): boolean {
    return false;
  }
  hardwareActions(): number {
    return 0;
  }
  timelyWalks(): number {
    return 0;
  }
  tickChoice(): -1 {
    return -1;
  }

  /** Listed when asked for: a search that follows a path that it knows does not ask. */
  get choices(): readonly Choice[] {
    const { actions, machine } = this;
    const { mem, buffers, remapped } = machine;
    const every = this.options.hardware === 'all';
    const choices: Choice[] = [];
    for (const { cpu, ended } of this.threads) {
      const { id } = cpu;
      const seen = cpu.word === NOWHERE ? 0 : (buffers?.seenBy(id, cpu.word) ?? mem.words[cpu.word]);
      if (!ended && !(cpu.waiting && seen === cpu.waitSeen)) choices.push(choice(RUN, id));
      if (buffers && buffers.pending(id) > 0) choices.push(choice(DRAIN, id));
      if (ended || (remapped.length === 0 && !every)) continue;
      const n = adversaryActions(cpu, every ? machine.pages : remapped, actions);
      for (let i = 0; i < n; i++) {
        const page = adversaryPage(cpu, actions[i] as AdversaryAction);
        if (every || remapped.includes(page as Vpn)) choices.push(choice(ADVERSARY, id, actions[i]));
      }
    }
    return choices;
  }

  /** Every thread has ended, and every store is visible. */
  private isOver(): boolean {
    const { buffers } = this.machine;
    return this.threads.every(({ cpu, ended }) => ended && (buffers?.pending(cpu.id) ?? 0) === 0);
  }

  private step(c: Choice): void {
    const { mem, buffers } = this.machine;
    const thread = this.threads[choiceCpu(c)];
    const { cpu } = thread;
    mem.beginStep(cpu.id, cpu.id, this.announced(c));
    switch (choiceKind(c)) {
      case ADVERSARY:
        adversaryPerform(cpu, choiceArgument(c) as AdversaryAction);
        break;
      case DRAIN:
        buffers?.drainStep(cpu.id, cpu.id);
        break;
      default:
        cpu.waiting = false;
        thread.ended = thread.path.next().done === true;
    }
  }

  private *thread(t: number): Path<void> {
    for (const e of this.program.threads[t]) {
      this.threads[t].begun++;
      yield* this.event(this.threads[t], e);
    }
  }

  private *event(thread: Thread, e: SuiteEvent): Path<void> {
    const { machine } = this;
    const { cpu, read } = thread;
    switch (e.op) {
      case 'R':
        read.push(yield* this.access(thread, e.va, LOAD, 0));
        return;
      case 'W':
        yield* this.access(thread, e.va, STORE, e.value);
        return;
      case 'RMW':
        read.push(yield* this.access(thread, e.va, EXCHANGE, e.value));
        return;
      case 'WPTE': {
        const { table, index, word } = machine.entry(e.va);
        if (cpu.at(REMAPS, word)) yield;
        pteStore(cpu, table, index, machine.leadingTo(e.pa), 0 as PteHi);
        const sent = machine.remaps.sent.at(this.rows.get(e.id) as number);
        if (cpu.at(REMAPPED, sent)) yield;
        // as any store: buffers drain in order, so that whoever sees it sees the entry
        cpu.mem.store(sent, 1);
        return;
      }
      case 'INVLPG':
        if (e.after !== undefined && !this.isOwn(thread, e.after)) {
          const sent = machine.remaps.sent.at(this.rows.get(e.after) as number);
          yield cpu.waitWhile(NOT_TOLD, sent, 0);
        } else if (cpu.at(INVALIDATES, NOWHERE)) yield;
        invlpg(cpu, machine.vpn(e.va));
        return;
      case 'MFENCE':
        if (cpu.at(FENCES, NOWHERE)) yield;
        cpu.mem.fence();
    }
  }

  private *access({ cpu, pages }: Thread, va: string, kind: AccessKind, value: number): Path<number> {
    if (!(yield* access(cpu, this.machine.vpn(va), 0, kind, value))) throw new Error(`page fault at ${va}`);
    // the word announced last is the one that it touched
    if (this.options.pages) pages.push(this.machine.pageAt(cpu.word));
    return cpu.loaded;
  }

  private isOwn(thread: Thread, id: string): boolean {
    return this.program.threads[thread.cpu.id].some((e) => e.id === id);
  }

  /** The values read, by the names of their events. */
  private reads(): Record<string, number> {
    return this.byEvent(['R', 'RMW'], ({ read }, i) => read[i]);
  }
  private pages(): Record<string, string> {
    return this.byEvent(['R', 'W', 'RMW'], ({ pages }, i) => this.machine.pageName(pages[i]));
  }
  /** What `of` gives for the events of these kinds, counted thread by thread. */
  private byEvent<T>(ops: readonly SuiteEvent['op'][], of: (thread: Thread, i: number) => T): Record<string, T> {
    const given = this.program.threads.flatMap((events, t) => {
      const some = events.filter(({ op }) => ops.includes(op));
      return some.map(({ id }, i) => [id, of(this.threads[t], i)] as const);
    });
    return Object.fromEntries(given);
  }
}
