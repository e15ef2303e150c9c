import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Layout } from '#tlblab/memory/layout.js';
import { NOWHERE, SharedMemory } from '#tlblab/memory/memory.js';
import { OneAccessError, SteppedMemory } from '#tlblab/memory/stepped-memory.js';
import { table } from '#tlblab/memory/table.js';

interface Sizes {
  rows: number;
}
const BOX = table<number, Sizes>()('box', (s) => s.rows, {
  lock: 'shared',
  guarded: { guardedBy: 'lock' },
  both: { guardedBy: ['lock', { via: 'owner', table: 'owner', lock: 'gate' }] },
  owner: 'shared',
  once: 'once',
  mine: { private: 'cpu' },
  ghost: 'oracle',
  even: 'shared',
  pair: { owner: 'shared', width: () => 2 },
});
const OWNER = table<number, Sizes>()('owner', (s) => s.rows, { gate: 'shared', task: { private: 'task' } });

function build() {
  const layout = new Layout<Sizes>({ rows: 3 });
  layout.place(BOX);
  layout.place(OWNER);
  const range = layout.range('box');
  const mem = new SteppedMemory(layout as Layout<unknown>, range);
  return { layout, mem, box: layout.columns(BOX, mem), owner: layout.columns(OWNER, mem) };
}

describe('the one-access rule', () => {
  let m: ReturnType<typeof build>;
  beforeEach(() => {
    m = build();
  });

  it('allows the announced word once', () => {
    m.mem.beginStep(0, 0, m.box.lock.at(1));
    m.box.lock.store(1, 7);
    expect(m.mem.touched).toBe(m.box.lock.at(1));
    expect(m.mem.touchedWrite).toBe(true);
    expect(() => m.box.lock.load(1)).toThrow(/second contended word.*box\[1\]\.lock/);
  });

  it('refuses a word that was not announced and names both', () => {
    m.mem.beginStep(0, 0, m.box.lock.at(1));
    expect(() => m.box.lock.load(2)).toThrow(
      'touched a contended word that was not announced (announced: box[1].lock): box[2].lock',
    );
  });

  it('refuses any contended word when none was announced', () => {
    m.mem.beginStep(0, 0, NOWHERE);
    expect(() => m.box.lock.cas(0, 0, 1)).toThrow(OneAccessError);
  });

  it('frees the words of the CPU that steps, and only of it', () => {
    m.mem.beginStep(1, 0, NOWHERE);
    m.box.mine.put(1, 5);
    expect(m.box.mine.load(1)).toBe(5);
    expect(() => m.box.mine.put(2, 5)).toThrow(/not private to this CPU/);
    expect(() => m.box.mine.load(2)).toThrow(/not announced/);
  });

  it('frees the words of the task that runs', () => {
    m.mem.beginStep(0, 2, NOWHERE);
    m.owner.task.put(2, 9);
    expect(() => m.owner.task.load(1)).toThrow(OneAccessError);
    m.mem.switchTask(1);
    expect(m.owner.task.load(1)).toBe(0);
  });

  it('frees a guarded word for reading under the lock, for writing only if it is held exclusively', () => {
    m.mem.beginStep(0, 0, NOWHERE);
    expect(() => m.box.guarded.load(0)).toThrow(OneAccessError);
    m.mem.acquired(m.box.lock.at(0), false);
    expect(m.box.guarded.load(0)).toBe(0);
    expect(() => m.box.guarded.store(0, 1)).toThrow(OneAccessError);
    expect(() => m.box.guarded.load(1)).toThrow(OneAccessError);
    m.mem.released(m.box.lock.at(0));
    m.mem.acquired(m.box.lock.at(0), true);
    m.box.guarded.store(0, 1);
    m.mem.released(m.box.lock.at(0));
    expect(() => m.box.guarded.load(0)).toThrow(OneAccessError);
  });

  it('follows a lock through a row number: one lock to read, all of them to write', () => {
    m.mem.beginStep(0, 0, m.box.owner.at(0));
    m.box.owner.store(0, 2);
    m.mem.acquired(m.owner.gate.at(1), true);
    expect(() => m.box.both.load(0)).toThrow(OneAccessError);
    m.mem.acquired(m.owner.gate.at(2), true);
    expect(m.box.both.load(0)).toBe(0);
    expect(() => m.box.both.store(0, 1)).toThrow(OneAccessError);
    m.mem.acquired(m.box.lock.at(0), true);
    m.box.both.store(0, 1);
  });

  it('keeps held locks with the task, not with the CPU', () => {
    m.mem.beginStep(0, 1, NOWHERE);
    m.mem.acquired(m.box.lock.at(0), true);
    m.mem.beginStep(0, 2, NOWHERE);
    expect(() => m.box.guarded.load(0)).toThrow(OneAccessError);
    m.mem.beginStep(1, 1, NOWHERE);
    expect(m.box.guarded.load(0)).toBe(0);
    expect(m.mem.locksHeldBy(1)).toEqual(['box[0].lock']);
  });

  it('refuses to release what is not held', () => {
    m.mem.beginStep(0, 0, NOWHERE);
    expect(() => m.mem.released(m.box.lock.at(0))).toThrow(/not held/);
  });

  it('lets a write-once word be set and given up, not changed', () => {
    m.mem.beginStep(0, 0, NOWHERE);
    m.box.once.store(0, 4);
    expect(m.box.once.load(0)).toBe(4);
    expect(() => m.box.once.store(0, 5)).toThrow(/write-once/);
    m.box.once.store(0, 0);
    m.box.once.store(0, 5);
  });

  it('keeps paths off oracle words and observers off the machine', () => {
    m.mem.beginStep(0, 0, NOWHERE);
    expect(() => m.box.ghost.load(0)).toThrow(/oracle word/);
    m.mem.observing = true;
    m.box.ghost.store(0, 1);
    expect(() => m.box.lock.load(0)).toThrow(/observer touched/);
  });

  it('counts the two halves of an announced page-table entry as one word', () => {
    const low = m.box.pair.at(0);
    expect(low % 2).toBe(0);
    m.mem.beginStep(0, 0, low);
    m.box.pair.store(0, 1, 1);
    m.box.pair.store(0, 2, 0);
    expect(() => m.box.pair.load(0, 1)).toThrow(OneAccessError);
  });
});

describe('reset, hash, snapshot', () => {
  const op = fc.record({ row: fc.integer({ min: 0, max: 2 }), value: fc.integer() });

  it('hashes equal states equally whatever led there, and resets to the base', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 20 }), (ops) => {
        const { mem, box } = build();
        for (const { row, value } of ops) {
          mem.beginStep(0, 0, box.lock.at(row));
          box.lock.store(row, value);
          mem.hash();
        }
        const stepwise = mem.hash();
        const final = [0, 1, 2].map((row) => box.lock.peek(row));
        mem.reset();
        expect([0, 1, 2].map((row) => box.lock.peek(row))).toEqual([0, 0, 0]);
        expect(mem.hash()).toBe('0'.repeat(16));
        for (const row of [2, 1, 0]) {
          mem.beginStep(0, 0, box.lock.at(row));
          box.lock.store(row, final[row]);
        }
        expect(mem.hash()).toBe(stepwise);
      }),
    );
  });

  it('tells states apart', () => {
    const { mem, box } = build();
    const seen = new Set<string>();
    for (let value = 0; value < 2000; value++) {
      mem.beginStep(0, 0, box.lock.at(value % 3));
      box.lock.store(value % 3, value);
      seen.add(mem.hash());
    }
    expect(seen.size).toBe(2000);
  });

  it('restores a snapshot', () => {
    const { mem, box } = build();
    mem.beginStep(0, 0, box.lock.at(1));
    box.lock.store(1, 42);
    const snapshot = mem.snapshot();
    const hash = mem.hash();
    mem.beginStep(0, 0, box.lock.at(2));
    box.lock.store(2, 1);
    mem.restore(snapshot);
    expect([0, 1, 2].map((row) => box.lock.peek(row))).toEqual([0, 42, 0]);
    expect(mem.hash()).toBe(hash);
  });

  it('rebases: later resets return to the state of then', () => {
    const { mem, box } = build();
    mem.words[box.lock.at(0)] = 3;
    mem.rebase();
    mem.beginStep(0, 0, box.lock.at(0));
    box.lock.store(0, 4);
    mem.reset();
    expect(box.lock.peek(0)).toBe(3);
  });
});

describe('names', () => {
  it('maps every word to a name and back', () => {
    const { layout } = build();
    const names = new Set<string>();
    for (let word = 0; word < layout.words; word++) {
      const name = layout.nameOf(word as never);
      if (name.startsWith('word')) continue;
      names.add(name);
      expect(layout.wordNamed(name)).toBe(word);
    }
    expect(names.has('box[2].pair[1]')).toBe(true);
    expect(layout.wordNamed('box[9].lock')).toBeUndefined();
    expect(layout.wordNamed('nothing')).toBeUndefined();
  });
});

describe('SharedMemory', () => {
  it('gives the same results as the stepped flavour, verb by verb', () => {
    const verbs = fc.constantFrom('store', 'exchange', 'cas', 'add', 'or', 'and') as fc.Arbitrary<'add'>;
    fc.assert(
      fc.property(fc.array(fc.tuple(verbs, fc.integer(), fc.integer()), { maxLength: 30 }), (ops) => {
        const { mem, box } = build();
        const shared = new SharedMemory(new Int32Array(new SharedArrayBuffer(64)));
        const word = box.lock.at(0);
        for (const [verb, a, b] of ops) {
          mem.beginStep(0, 0, word);
          const args = verb === ('cas' as string) ? [a, b] : [a];
          const stepped = (mem[verb] as (...x: number[]) => unknown)(word, ...args);
          const real = (shared[verb] as (...x: number[]) => unknown).call(shared, 0, ...args);
          expect(stepped).toBe(real);
          expect(box.lock.peek(0)).toBe(shared.words[0]);
        }
      }),
    );
  });
});
