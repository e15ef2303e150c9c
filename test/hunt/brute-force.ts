/**
 * Every outcome of a suite's program without page-table stores, by trying every interleaving: written apart from the emulator,
 * over plain objects. With `buffers` each thread's stores wait in a queue of their own until a step of their own.
 */
import type { SuiteProgram } from '#tlblab/program/suite-program.js';

interface State {
  readonly next: readonly number[];
  readonly mem: Readonly<Record<string, number>>;
  readonly queues: readonly (readonly (readonly [page: string, value: number])[])[];
  readonly reads: Readonly<Record<string, number>>;
}

/** As `reads mem`, sorted. */
export function bruteForce({ threads, map, mem }: SuiteProgram, buffers: boolean): string[] {
  const seen = new Set<string>();
  const outcomes = new Set<string>();
  const begin: State = { next: threads.map(() => 0), mem, queues: threads.map(() => []), reads: {} };
  const left = [begin];
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    const key = JSON.stringify([
      state.next,
      Object.entries(state.mem),
      state.queues,
      Object.entries(state.reads).sort(),
    ]);
    if (seen.has(key)) continue;
    seen.add(key);
    const after = threads.flatMap((_, t) => [...step(state, t), ...drain(state, t)]);
    if (after.length === 0) outcomes.add(shownOutcome(state.reads, state.mem));
    left.push(...after);
  }
  return [...outcomes].sort();

  function step(state: State, t: number): State[] {
    const e = threads[t][state.next[t]];
    if (e === undefined) return [];
    const next = replaced(state.next, t, state.next[t] + 1);
    const queue = state.queues[t];
    if (e.op === 'WPTE') throw new Error('no page-table stores here');
    if (e.op === 'MFENCE' || e.op === 'INVLPG') return queue.length === 0 ? [{ ...state, next }] : [];
    const page = map[e.va];
    switch (e.op) {
      case 'R': {
        const own = queue.findLast(([p]) => p === page);
        return [{ ...state, next, reads: { ...state.reads, [e.id]: own ? own[1] : state.mem[page] } }];
      }
      case 'W': {
        if (!buffers) return [{ ...state, next, mem: { ...state.mem, [page]: e.value } }];
        return [{ ...state, next, queues: replaced(state.queues, t, [...queue, [page, e.value]]) }];
      }
      case 'RMW': {
        if (queue.length > 0) return [];
        const reads = { ...state.reads, [e.id]: state.mem[page] };
        return [{ ...state, next, reads, mem: { ...state.mem, [page]: e.value } }];
      }
    }
  }
}

export function shownOutcome(
  reads: Readonly<Record<string, number>>,
  mem: Readonly<Record<string, number>> = {},
): string {
  const text = (of: object) =>
    Object.entries(of)
      .sort()
      .map(([k, v]) => `${k}=${v}`)
      .join(' ');
  return `${text(reads)} | ${text(mem)}`;
}

function drain(state: State, t: number): State[] {
  const [first, ...rest] = state.queues[t];
  if (first === undefined) return [];
  return [{ ...state, mem: { ...state.mem, [first[0]]: first[1] }, queues: replaced(state.queues, t, rest) }];
}

function replaced<T>(list: readonly T[], at: number, by: T): T[] {
  return list.map((one, i) => (i === at ? by : one));
}
