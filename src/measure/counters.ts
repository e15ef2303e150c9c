/**
 * What a run is counted by: six counters for a shootdown instead of one "IPIs", because the field's one number means
 * requests, targets, interrupts or handler runs, depending on who counted; then what the flushes did, and what they cost.
 * All are read from the words of the image and summed over CPUs.
 */
import type { MachineColumns } from '../engine/machine.ts';
import type { CpuId } from '../hardware/types.ts';
import type { Column } from '../memory/table.ts';
import type { ClockTimes } from './clock.ts';

/** The counters in the order in which they are printed. `handler.…` are the outcomes of the handler runs. */
export const COUNTER_NAMES = [
  'requests',
  'targets',
  'skipped',
  'ipisSent',
  'handlerRuns',
  'handler.flushed',
  'handler.wrongMm',
  'handler.alreadyCurrent',
  'fullFlushes',
  'pageFlushes',
  'deferred',
  'avoided',
  'merged',
  'peakDebtFrames',
  'accesses',
  'tlbHits',
  'tlbMisses',
  'spuriousFaults',
  'pageFaults',
  'slowAccesses',
  'hintFaults',
  'promoted',
  'demoted',
  'cycles',
  'waitCycles',
  'makespanCycles',
] as const;
export type CounterName = (typeof COUNTER_NAMES)[number];

/** What each counter means, one line, for reports. */
export const COUNTER_SAYS: Readonly<Record<CounterName, string>> = {
  requests: 'shootdowns asked for that had another CPU in the mask',
  targets: 'CPUs in the masks of the requests',
  skipped: 'targets left out: lazy, or another address space loaded',
  ipisSent: 'call-function interrupts sent, after coalescing',
  handlerRuns: 'times the flush handler ran on an interrupted CPU: the TLB row of the interrupts table',
  'handler.flushed': 'handler runs that flushed',
  'handler.wrongMm': 'handler runs that found another address space loaded',
  'handler.alreadyCurrent': 'handler runs that found the generation caught up',
  fullFlushes: 'flushes of a whole address space in one TLB',
  pageFlushes: 'single-page invalidations',
  deferred: 'flushes put off by the policy',
  avoided: 'deferred flushes that nobody had to do',
  merged: 'deferred flushes that another flush did on its way',
  peakDebtFrames: 'most frames that waited for a flush at one time',
  accesses: 'user accesses performed',
  tlbHits: 'accesses that found their translation cached',
  tlbMisses: 'page walks of accesses',
  spuriousFaults: 'page faults that found an entry which allows the access already',
  pageFaults: 'page faults',
  slowAccesses: 'user accesses that went to the slow node',
  hintFaults: 'uses of pages that NUMA balancing had taken the rights from',
  promoted: 'folios moved to the fast node because they were used',
  demoted: 'folios that reclaim moved to the slow node',
  cycles: 'CPU time: cycles of all CPUs, waiting in the kernel included, idle and waiting in user mode left out',
  waitCycles: 'the part of `cycles` spent waiting for acknowledgements and spinlocks',
  makespanCycles: 'from the start to the end of the last task',
};

export type Counters = Readonly<Record<CounterName, number>>;

/** The counters as the contract of the command line names them. */
export interface CountersJson {
  readonly handler: { readonly flushed: number; readonly wrongMm: number; readonly alreadyCurrent: number };
  readonly [name: string]: number | CountersJson['handler'];
}

/** The counters of a machine now, those of its history included; cycles are 0: only a clock knows them. */
export function countersOf(columns: MachineColumns, cpus: number): Counters {
  const sum = (column: Column<CpuId>): number => {
    let total = 0;
    for (let id = 0; id < cpus; id++) total += column.peek(id as CpuId);
    return total;
  };
  const { count, kcount } = columns;
  let peak = 0;
  for (let id = 0; id < cpus; id++) peak = Math.max(peak, kcount.peakDebtFrames.peek(id as CpuId));
  return {
    requests: sum(kcount.requests),
    targets: sum(kcount.targets),
    skipped: sum(kcount.skipped),
    ipisSent: sum(count.ipisSent) - sum(count.reschedules),
    handlerRuns: sum(kcount.handlerRuns),
    'handler.flushed': sum(kcount.handlerFlushed),
    'handler.wrongMm': sum(kcount.handlerWrongMm),
    'handler.alreadyCurrent': sum(kcount.handlerAlreadyCurrent),
    fullFlushes: sum(count.fullFlushes),
    pageFlushes: sum(count.pageFlushes),
    deferred: sum(kcount.deferred),
    avoided: sum(kcount.avoided),
    merged: sum(kcount.merged),
    peakDebtFrames: peak,
    accesses: sum(count.accesses),
    tlbHits: sum(count.tlbHits),
    tlbMisses: sum(count.tlbMisses),
    spuriousFaults: sum(count.spuriousFaults),
    pageFaults: sum(count.pageFaults),
    slowAccesses: sum(count.slowAccesses),
    hintFaults: sum(kcount.hintFaults),
    promoted: sum(kcount.promoted),
    demoted: sum(kcount.demoted),
    cycles: 0,
    waitCycles: 0,
    makespanCycles: 0,
  };
}

/** What happened between two readings; a peak is that of the whole time. */
export function countersSince(before: Counters, after: Counters, times: ClockTimes): Counters {
  const since = Object.fromEntries(COUNTER_NAMES.map((name) => [name, after[name] - before[name]]));
  return {
    ...(since as Counters),
    peakDebtFrames: after.peakDebtFrames,
    cycles: times.busy + times.waited,
    waitCycles: times.waited,
    makespanCycles: times.makespan,
  };
}

export function countersJson(counters: Counters): CountersJson {
  const flat = COUNTER_NAMES.filter((name) => !name.startsWith('handler.'));
  return {
    ...Object.fromEntries(flat.map((name) => [name, counters[name]])),
    handler: {
      flushed: counters['handler.flushed'],
      wrongMm: counters['handler.wrongMm'],
      alreadyCurrent: counters['handler.alreadyCurrent'],
    },
  };
}
