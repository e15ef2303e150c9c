import { beforeEach, describe, expect, it } from 'vitest';
import { Layout } from '#tlblab/memory/layout.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { table } from '#tlblab/memory/table.js';
import { type BufferSizes, STORE_BUFFER, TsoMemory } from '#tlblab/memory/tso-memory.js';

const BOX = table<number, BufferSizes>()('box', () => 4, {
  word: 'shared',
  lock: 'shared',
  guarded: { guardedBy: 'lock' },
  mine: { private: 'cpu' },
  ghost: 'oracle',
});
const PTE = table<number, BufferSizes>()('pte', () => 2, { half: { owner: 'shared', width: () => 2 } });

function build() {
  const layout = new Layout<BufferSizes>({ cpus: 2, storeBuffer: 2 });
  for (const t of [BOX, PTE, STORE_BUFFER]) layout.place(t as never);
  const mem = new TsoMemory(layout as Layout<unknown>, layout.range('pte'));
  return { mem, box: layout.columns(BOX, mem), pte: layout.columns(PTE, mem) };
}

describe('store buffers (B-31)', () => {
  let m: ReturnType<typeof build>;
  const step = <T>(cpu: number, word: number, act: () => T): T => {
    m.mem.beginStep(cpu, cpu, word as never);
    return act();
  };
  const store = (cpu: number, row: number, value: number) =>
    step(cpu, m.box.word.at(row), () => m.box.word.store(row, value));
  const load = (cpu: number, row: number) => step(cpu, m.box.word.at(row), () => m.box.word.load(row));
  beforeEach(() => {
    m = build();
  });

  it('show a store to its own CPU at once, to others when it drains', () => {
    store(0, 1, 7);
    expect([load(0, 1), load(1, 1), m.mem.pending(0), m.mem.pending(1)]).toEqual([7, 0, 1, 0]);
    m.mem.drainStep(0, 0);
    expect([load(1, 1), m.mem.pending(0)]).toEqual([7, 0]);
    expect(m.mem.drainWord(0)).toBe(NOWHERE);
  });

  it('drain in order; a full one drains its oldest entry before it takes another', () => {
    for (const row of [1, 2, 3]) store(0, row, row);
    expect([1, 2, 3].map((row) => load(1, row))).toEqual([1, 0, 0]);
    m.mem.drainStep(0, 0);
    expect([1, 2, 3].map((row) => load(1, row))).toEqual([1, 2, 0]);
  });

  it('forward the newest of several stores to one word', () => {
    store(0, 1, 5);
    store(0, 1, 6);
    expect(load(0, 1)).toBe(6);
    m.mem.drainStep(0, 0);
    expect([load(0, 1), load(1, 1)]).toEqual([6, 5]);
  });

  it('are drained by a locked operation and by a fence, of their own CPU only', () => {
    store(0, 1, 7);
    store(1, 2, 8);
    expect(step(0, m.box.word.at(3), () => m.box.word.add(3, 1))).toBe(0);
    expect([m.mem.pending(0), m.mem.pending(1)]).toEqual([0, 1]);
    step(1, NOWHERE, () => m.mem.fence());
    expect(load(0, 2)).toBe(8);
  });

  it('do not hold private words, nor those under a lock that is held', () => {
    step(0, NOWHERE, () => m.box.mine.put(0, 3));
    step(0, m.box.lock.at(0), () => m.box.lock.cas(0, 0, 1));
    m.mem.acquired(m.box.lock.at(0), true);
    step(0, NOWHERE, () => m.box.guarded.store(0, 4));
    expect([m.mem.pending(0), m.box.mine.peek(0), m.box.guarded.peek(0)]).toEqual([0, 3, 4]);
  });

  it('are no business of an observer', () => {
    store(0, 1, 7);
    m.mem.observing = true;
    m.box.ghost.add(0, 1);
    m.mem.observing = false;
    expect([m.box.ghost.peek(0), m.mem.pending(0)]).toEqual([1, 1]);
  });

  it('hold an entry as one store, seen by the walker when it drains (B-32), and tell of it then', () => {
    const heard: number[][] = [];
    m.mem.pairChanges = (...args) => heard.push(args);
    const word = m.pte.half.at(1);
    step(0, word, () => m.mem.storePair(word, 5, 6));
    expect([step(0, word, () => m.mem.load(word)), heard]).toEqual([5, []]);
    m.mem.walks(true);
    expect(step(0, word, () => m.mem.load(word))).toBe(0);
    m.mem.walks(false);
    m.mem.drainStep(0, 0);
    expect(heard).toEqual([[0, word, 5, 6]]);
    expect([m.pte.half.peek(1), m.pte.half.peek(1, 1)]).toEqual([5, 6]);
  });

  it('are part of the image: reset, snapshot and hash know them', () => {
    const before = m.mem.hash();
    store(0, 1, 7);
    const snapshot = m.mem.snapshot();
    const buffered = m.mem.hash();
    expect(buffered).not.toBe(before);
    m.mem.drainStep(0, 0);
    expect(m.mem.hash()).not.toBe(buffered);
    m.mem.restore(snapshot);
    expect([m.mem.hash(), m.mem.pending(0), load(0, 1)]).toEqual([buffered, 1, 7]);
    m.mem.reset();
    expect([m.mem.hash(), m.mem.pending(0)]).toEqual([before, 0]);
  });
});
