/** Walks the calls of a trace and collects, thread by thread, the operations that replay them. */
import type { AddressFold } from './address-fold.ts';
import { fileEffect } from './file-effects.ts';
import type { Survey } from './file-survey.ts';
import { Order, type Step } from './order.ts';
import { type Placement, placeThread } from './placement.ts';
import { type Backing, ReplayedFile } from './replayed-file.ts';
import { type Inferring, Space } from './space.ts';
import { STRACE_CALLS } from './strace-calls.ts';
import type { Touch } from './touch.ts';
import { type TraceCall, tally } from './trace.ts';
import type { TracedFile } from './traced-file.ts';
import type { Effect, Importer, TracedThread } from './traced-thread.ts';

export class TraceReplay implements Importer {
  readonly order = new Order();
  readonly tasks: TracedThread[] = [];
  readonly skipped: Record<string, number> = {};
  readonly notes: string[] = [];
  readonly inferring: Inferring;
  readonly cpus: number;
  readonly followsAffinity: boolean;
  replayed = 0;
  fileMappings = 0;
  sharedMappings = 0;
  /** Mappings of files, and shared ones, that are replayed as private anonymous memory. */
  asAnonymous = 0;
  relocated = 0;
  /** Address spaces that exist at the start, and those made by forks. */
  starts = 0;
  forks = 0;
  private readonly byTid = new Map<number, TracedThread>();
  private readonly byFile = new Map<TracedFile, ReplayedFile>();
  private readonly place: Placement;

  constructor(
    private readonly fold: AddressFold,
    private readonly survey: Survey,
    { cpus, place, touch }: { cpus: number; place: Placement; touch: Touch },
    private readonly random: () => number,
  ) {
    this.cpus = cpus;
    this.place = place;
    this.followsAffinity = place === 'affinity';
    this.inferring = {
      touch,
      random,
      implicitAreas: 0,
      pagesTouched: 0,
      livePages: 0,
      cachedPages: 0,
      peakPages: 0,
      peakAreas: 0,
      tables: 0,
    };
  }

  /** Files that somebody maps, in the order of their first mapping or use. */
  get files(): ReplayedFile[] {
    return [...this.byFile.values()];
  }

  get processes(): number {
    return this.starts + this.forks;
  }

  /** The next call of the trace. */
  call(call: TraceCall): void {
    const effect = this.effectOf(call);
    if (typeof effect === 'string') {
      tally(this.skipped, effect);
      return;
    }
    this.replayed++;
    const step = this.step(this.byTid.get(call.thread)!, call.line, call.endLine, effect);
    effect.afterwards?.(step);
  }

  noteMapping(address: number, { file, shared, backing }: Parameters<Importer['noteMapping']>[1]): void {
    if (file) this.fileMappings++;
    if (shared) this.sharedMappings++;
    if ((file || shared) && !backing) this.asAnonymous++;
    if (this.fold.isRelocated(Math.floor(address / 4096))) this.relocated++;
  }

  page(address: number, pages: number): number | undefined {
    return this.fold.fold(Math.floor(address / 4096), pages);
  }

  backingOf(call: TraceCall, page: number): Backing | undefined {
    const use = this.survey.uses.get(call)?.[0];
    if (use?.do !== 'map') return undefined;
    const file = this.fileOf(use.file);
    file.used.set(use.page, use.page + use.pages, true);
    return { file, delta: use.page - page, shared: use.shared };
  }

  fileEffect(call: TraceCall): Pick<Effect, 'ops' | 'files'> | string {
    const uses = this.survey.uses.get(call);
    if (!uses) return 'file descriptors and names: followed';
    const mapped = uses.filter((use) => use.file.self.mappers.size > 0);
    if (mapped.length === 0) return 'use of a file that nobody maps';
    return fileEffect(
      mapped,
      (use) => this.fileOf(use.file),
      (file, page) => {
        if (file.cache(page)) this.inferring.cachedPages++;
      },
    );
  }

  startThread(parent: TracedThread, tid: number, step: Step, stack: number | undefined): void {
    parent.space.users++;
    const child = this.add(tid, parent.space, { mm: parent.task.mm });
    child.createdBy = step;
    const page = stack === undefined ? undefined : this.page(stack - 1, 1);
    const ops = page === undefined ? [] : parent.space.touchStack(page);
    this.step(child, step.line, step.line, { ops, ranges: ops.length > 0 ? [[page!, 1]] : [] });
  }

  forkProcess(parent: TracedThread, tid: number): string {
    this.forks++;
    return this.add(tid, parent.space.forked(), { forkedBy: parent.task.name }).task.name;
  }

  exec(thread: TracedThread, step: Step): void {
    const next = this.add(thread.tid, new Space(this.inferring), { mm: this.starts++ });
    next.createdBy = step;
    this.step(next, step.line, step.endLine, { ops: [] });
    thread.space.release();
    this.step(thread, step.line, step.endLine, { ops: [{ do: 'exit' }] });
  }

  isPristine({ space, tid }: TracedThread): boolean {
    return space.isEmpty() && this.tasks[0].tid === tid && this.tasks.length === 1;
  }

  private fileOf(named: TracedFile): ReplayedFile {
    const of = named.self;
    const file = this.byFile.get(of) ?? new ReplayedFile(`#${this.byFile.size}`, of);
    this.byFile.set(of, file);
    return file;
  }

  private effectOf(call: TraceCall): Effect | string {
    const handler = Object.hasOwn(STRACE_CALLS, call.name) ? STRACE_CALLS[call.name] : undefined;
    if (!handler) return `${call.name}: not modelled`;
    if (call.result.startsWith('-1 ')) return `failed: ${call.result.split(' ')[1]}`;
    if (call.result.startsWith('?') && !call.name.startsWith('exit')) return 'no result';
    const thread = this.byTid.get(call.thread) ?? this.appear(call);
    return handler(this, thread, call);
  }

  /** A thread that the log does not show being created: the first one, or one that strace was attached to. */
  private appear({ thread: tid, line }: TraceCall): TracedThread {
    const root = this.tasks[0];
    if (!root) return this.add(tid, new Space(this.inferring), { mm: this.starts++ });
    this.notes.push(`line ${line}: thread ${tid} was not created in the log; taken for a thread of the first process`);
    root.space.users++;
    return this.add(tid, root.space, { mm: root.task.mm });
  }

  private add(tid: number, space: Space, where: { mm?: number; forkedBy?: string }): TracedThread {
    const row = this.tasks.length;
    const earlier = this.tasks.filter((t) => t.tid === tid).length;
    const cpu = placeThread(this.place, { tid, created: row }, this.cpus, this.random);
    const task = { name: `t${tid}${earlier > 0 ? `_${earlier + 1}` : ''}`, cpu, ...where, ops: [] };
    const thread = { tid, row, task, space, startsInSpace: where.forkedBy === undefined, createdBy: undefined };
    this.tasks.push(thread);
    this.byTid.set(tid, thread);
    return thread;
  }

  /** Puts an effect in its place: behind what created the thread, and behind what it depends on. */
  private step(thread: TracedThread, line: number, endLine: number, effect: Effect): Step {
    const { order } = this;
    const step = order.begin(thread.row, line, endLine);
    if (thread.createdBy) order.after(step, thread.createdBy);
    thread.createdBy = undefined;
    step.ops.push(...effect.ops);
    const { fresh } = effect;
    for (const [page, pages] of effect.ranges ?? []) {
      thread.space.last.use(order, step, { from: page, to: page + pages }, { fresh });
    }
    for (const { file, looks, ...range } of effect.files ?? []) file.last.use(order, step, range, { looks });
    order.end(step);
    return step;
  }
}
