import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Layout } from '#tlblab/memory/layout.js';
import type { Word } from '#tlblab/memory/memory.js';
import { SteppedMemory } from '#tlblab/memory/stepped-memory.js';
import { table } from '#tlblab/memory/table.js';
import { UndoLog } from '#tlblab/memory/undo-log.js';

const WORDS = 8;
const BOX = table<number, { rows: number }>()('box', (s) => s.rows, { word: 'shared' });

function build(log: boolean): SteppedMemory {
  const layout = new Layout<{ rows: number }>({ rows: WORDS });
  layout.place(BOX);
  return new SteppedMemory(layout as Layout<unknown>, { from: 0, to: 0 }, { access: false, hash: true, log });
}

const writes = fc.array(fc.record({ word: fc.nat(WORDS - 1), value: fc.integer() }), { maxLength: 40 });

describe('the log of what was written', () => {
  it('leads back to any moment, and forward again', () => {
    fc.assert(
      fc.property(writes, fc.nat(), (all, at) => {
        const log = new UndoLog();
        const words = new Int32Array(WORDS);
        const moments = all.map(({ word, value }) => {
          const here = { written: log.length, words: words.slice() };
          log.note(word, words[word], value);
          words[word] = value;
          return here;
        });
        const last = words.slice();
        if (moments.length === 0) return;
        const { written, words: then } = moments[at % moments.length];
        log.undo(words, written);
        expect(words).toEqual(then);
        log.redo(words, written, log.length);
        expect(words).toEqual(last);
      }),
    );
  });

  it('holds more than it had room for at first', () => {
    const log = new UndoLog();
    const words = new Int32Array(1);
    for (let i = 1; i <= 10_000; i++) {
      log.note(0, words[0], i);
      words[0] = i;
    }
    log.undo(words, 0);
    expect(words[0]).toBe(0);
  });
});

describe('an image that goes back', () => {
  it('has words and hash of the moment, and of what is written then', () => {
    fc.assert(
      fc.property(writes, writes, writes, (before, given, instead) => {
        const mem = build(true);
        const other = build(false);
        const write = (to: SteppedMemory, { word, value }: { word: number; value: number }) =>
          to.store(word as Word, value);
        for (const w of before) {
          write(mem, w);
          write(other, w);
        }
        const moment = mem.moment();
        for (const w of given) write(mem, w);
        mem.goBack(moment);
        expect(mem.hash()).toBe(other.hash());
        for (const w of instead) {
          write(mem, w);
          write(other, w);
        }
        expect(mem.words).toEqual(other.words);
        expect(mem.hash()).toBe(other.hash());
        mem.reset();
        expect(mem.words.every((value) => value === 0)).toBe(true);
      }),
    );
  });

  it('forgets what was taken back', () => {
    const mem = build(true);
    mem.store(1 as Word, 5);
    const moment = mem.moment();
    mem.remember();
    mem.store(1 as Word, 6);
    mem.takeBack();
    mem.store(2 as Word, 7);
    mem.goBack(moment);
    expect([...mem.words.subarray(0, 3)]).toEqual([0, 5, 0]);
  });

  it('needs a log', () => {
    const mem = build(false);
    expect(() => mem.goBack(mem.moment())).toThrow('without a log');
  });
});
