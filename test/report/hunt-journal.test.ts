import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Corpus, type CorpusEntry } from '#tlblab/hunt/corpus.js';
import { Fuzz } from '#tlblab/hunt/fuzz.js';
import { load, mmap, munmap, race } from '#tlblab/program/builder.js';
import { Causes, causeOf } from '#tlblab/report/causes.js';
import { HuntJournal } from '#tlblab/report/hunt-journal.js';
import { NO_SUMS } from '#tlblab/report/hunt-sums.js';
import { neverFinding } from './munmap-touch.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tlblab-corpus-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const entry = (gain: number): CorpusEntry => ({
  program: race({ cpus: 2 }, { setup: [mmap(8, gain, 'rw')], P0: [munmap(8)], P1: [load(8)] }, { name: 'x' }),
  choices: [1, 2, 3],
  gain,
  steps: 10,
});
const standing = (schedules: number) => ({
  fuzz: new Fuzz({ seed: 1, feedback: true }).place(),
  causes: new Causes().place(),
  sums: { ...NO_SUMS, schedules },
});
const filled = (...gains: number[]): Corpus => {
  const corpus = new Corpus();
  for (const gain of gains) corpus.add(entry(gain));
  return corpus;
};
const entriesOf = (corpus: Corpus) => [...corpus.all()].map((e) => e.entry.gain);

describe('the journal of a hunt', () => {
  it('gives back what was saved last, in its order', async () => {
    const finding = await neverFinding();
    const journal = new HuntJournal(dir, 'this hunt');
    journal.save(filled(2), standing(48));
    journal.keep(finding);
    journal.save(filled(2, 1, 3), standing(96));
    const corpus = new Corpus();
    const again = new HuntJournal(dir, 'this hunt');
    expect(again.load(corpus)).toMatchObject({ sums: { schedules: 96 }, findings: [{ id: finding.id }] });
    expect(entriesOf(corpus)).toEqual([2, 1, 3]);
    expect([...corpus.all()][0].entry).toEqual(entry(2));
    expect(again.notes).toEqual([]);
  });

  it('of another hunt is none, but its programs are there to begin with', () => {
    new HuntJournal(dir, 'this hunt').save(filled(2, 1), standing(48));
    const corpus = new Corpus();
    expect(new HuntJournal(dir, 'another one').load(corpus)).toBeUndefined();
    expect(entriesOf(corpus).sort()).toEqual([1, 2]);
  });

  it('says in one line each what is torn or foreign, and leaves it out', () => {
    new HuntJournal(dir, 'this hunt').save(filled(2, 1), standing(48));
    const names = readdirSync(dir);
    const torn = names.find((name) => /^[0-9a-f]{16}\.json$/.test(name))!;
    writeFileSync(join(dir, torn), readFileSync(join(dir, torn), 'utf8').slice(0, 40));
    writeFileSync(join(dir, 'shopping.txt'), 'milk');
    writeFileSync(join(dir, `${torn}.4711.tmp`), 'half of');
    const corpus = new Corpus();
    const again = new HuntJournal(dir, 'this hunt');
    expect(again.load(corpus)).toMatchObject({ sums: { schedules: 48 } });
    expect(corpus.size).toBe(1);
    expect(again.notes).toHaveLength(2);
    expect(again.notes.join('\n')).toMatch(/shopping\.txt: not a file of a corpus.*\n.*its text is not the one/s);

    const journal = join(dir, names.find((name) => name.startsWith('hunt-'))!);
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"schedules":48', '"schedules":49'));
    const damaged = new HuntJournal(dir, 'this hunt');
    expect(damaged.load(new Corpus())).toBeUndefined();
    expect(damaged.notes.join('\n')).toContain('damaged; the hunt begins again');
  });
});

describe('causes', () => {
  it('are one where findings differ only in numbers, and two where another operation owed the flush', async () => {
    const finding = await neverFinding();
    const later = { ...finding, owed: finding.owed.replace(/\d+/g, '77') };
    expect(finding.owed).toMatch(/^munmap/);
    expect(causeOf(later)).toBe(causeOf(finding));
    expect(causeOf({ ...finding, owed: finding.owed.replace('munmap', 'mprotect') })).not.toBe(causeOf(finding));
    expect(causeOf({ ...finding, harm: 'stale-read' })).not.toBe(causeOf(finding));
  });
});
