import { describe, expect, it } from 'vitest';
import { makesSense } from '#tlblab/hunt/check-machine.js';
import { Corpus } from '#tlblab/hunt/corpus.js';
import { type Drawn, Fuzz } from '#tlblab/hunt/fuzz.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { allTraits, generateProgram } from '#tlblab/hunt/generate/generator.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mutate } from '#tlblab/hunt/mutate.js';
import type { StrategyName } from '#tlblab/hunt/portfolio.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { policyNamed } from '#tlblab/policy/index.js';
import type { Program } from '#tlblab/program/program.js';
import { stuckTasks } from '../program/runs-to-end.ts';

/** Mutants of mutants, each with the program it came from. */
function mutants(count: number, seed: number): { from: Program; mutant: Program }[] {
  const { bits } = randomFrom(seed);
  const draw = new Draw(bits);
  const drawn = (): Program => generateProgram(bits, allTraits());
  const made: { from: Program; mutant: Program }[] = [];
  while (made.length < count) {
    const from = draw.chance(0.5) && made.length > 0 ? draw.pick(made).mutant : drawn();
    const mutant = mutate(from, drawn(), draw);
    if (mutant) made.push({ from, mutant });
  }
  return made;
}

describe('mutate', () => {
  const made = mutants(400, 5);

  it('makes the same mutants from the same numbers, and leaves the original as it was', () => {
    expect(mutants(400, 5)).toEqual(made);
    for (const { from, mutant } of made) expect(makesSense(from) && makesSense(mutant)).toBe(true);
  });

  it('changes nearly all of them in what they do or on which machine', () => {
    const essence = ({ machine, tasks, history, files }: Program) => JSON.stringify({ machine, tasks, history, files });
    const same = made.filter(({ from, mutant }) => essence(from) === essence(mutant));
    expect(same.length / made.length).toBeLessThan(0.15);
  });

  it('makes programs that end under any schedule', () => {
    const { below } = randomFrom(3);
    for (const { mutant } of made) expect(stuckTasks(mutant, below)).toEqual([]);
  });
});

const SETTINGS = { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'bare-metal' } as const;

describe('Fuzz', () => {
  it('draws every origin once the corpus is filled, and only new programs without feedback', () => {
    const origins = (feedback: boolean): Set<string> => {
      const fuzz = new Fuzz({ seed: 1, feedback });
      const drawn: Drawn[] = [];
      for (let i = 0; i < 300; i++) {
        const next = fuzz.next();
        fuzz.had(next, { gain: 1, steps: 100, choices: [] });
        drawn.push(next);
      }
      expect(fuzz.corpus.size).toBe(drawn.length);
      return new Set(drawn.map((d) => d.origin));
    };
    expect(origins(true)).toEqual(new Set(['encounter', 'fresh', 'mutated', 'replayed']));
    expect(origins(false)).toEqual(new Set(['encounter', 'fresh']));
  });

  it('draws scopes if asked for, alone or now and then, and keeps none of them', () => {
    const scopes = (strategies: readonly StrategyName[]): number => {
      const fuzz = new Fuzz({ seed: 2, feedback: true, strategies });
      const drawn = Array.from({ length: 200 }, () => {
        const next = fuzz.next();
        if (next.origin === 'scope') fuzz.had(next, { gain: 1, steps: 100, choices: [] });
        return next;
      });
      expect(fuzz.corpus.size).toBe(0);
      expect(drawn.every(({ origin, menu }) => (origin === 'scope') === (menu !== undefined))).toBe(true);
      return drawn.filter(({ origin }) => origin === 'scope').length;
    };
    expect(scopes(['small-scope'])).toBe(200);
    expect(scopes(['pct-2'])).toBe(0);
    const few = scopes(['pct-2', 'small-scope']);
    expect(few).toBeGreaterThan(0);
    expect(few).toBeLessThan(20);
  });

  it.each([false, true])('goes on in another process as if it had never stopped, directed: %s', (directed) => {
    const options = { seed: 4, feedback: true, directed };
    const whole = new Fuzz(options);
    const first = hunt({
      ...SETTINGS,
      source: 'fuzz',
      seed: 4,
      schedules: 48 * 30,
      fuzz: whole,
      outOfTime: () => false,
    });
    expect(first.programs).toBeGreaterThan(30);
    const place = JSON.parse(JSON.stringify(whole.place()));
    const other = new Fuzz(options);
    other.goOn(place);
    for (const { entry, picks } of whole.corpus.all()) other.corpus.add(JSON.parse(JSON.stringify(entry)), picks);
    const ends = [whole, other].map((fuzz) => {
      const { strategies: _, ...end } = hunt({
        ...SETTINGS,
        ...{ source: 'fuzz', seed: 9, schedules: 48 * 12, fuzz, outOfTime: () => false },
      });
      return { end, place: fuzz.place() };
    });
    expect(ends[1]).toEqual(ends[0]);
  });

  it('draws directed programs in a directed hunt, and keeps to what patches make a difference in', () => {
    const fuzz = new Fuzz({ seed: 6, feedback: false, directed: true });
    const idle = { begun: new Set<string>(), isKnown: false, isStale: false, hasMet: false };
    const worked = { ...idle, begun: new Set(['zapPte in munmap']), isKnown: true };
    const drawn = Array.from({ length: 600 }, () => {
      const next = fuzz.next();
      const made = next.directed?.first === 'munmap' ? worked : idle;
      fuzz.had(next, { gain: 0, steps: 100, choices: [], made });
      return next;
    });
    const late = drawn.slice(300).filter(({ origin }) => origin === 'aimed' || origin === 'opening');
    expect(late.length).toBeGreaterThan(50);
    expect(late.filter(({ directed }) => directed?.first === 'munmap').length / late.length).toBeGreaterThan(0.5);
    const crossings = drawn.filter(({ origin }) => origin === 'crossing');
    expect(crossings.length).toBeGreaterThan(50);
    expect(crossings.every(({ directed }) => directed?.first === 'munmap')).toBe(true);
  });

  it('turns to each routine that patches change alike, however seldom it is begun', () => {
    const fuzz = new Fuzz({ seed: 8, feedback: false, directed: true });
    const begun = (first: string | undefined): string[] =>
      first === 'munmap' ? ['rare'] : first === 'store' || first === 'mprotect' || first === 'free' ? ['common'] : [];
    const drawn = Array.from({ length: 1500 }, () => {
      const next = fuzz.next();
      const of = new Set(begun(next.directed?.first));
      const made = { begun: of, isKnown: of.size > 0, isStale: true, hasMet: true };
      fuzz.had(next, { gain: 0, steps: 100, choices: [], made });
      return next;
    });
    const crossings = drawn.slice(500).filter(({ origin }) => origin === 'crossing');
    expect(crossings.length).toBeGreaterThan(200);
    const share = crossings.filter(({ directed }) => directed?.first === 'munmap').length / crossings.length;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.7);
  });
});

describe('Corpus', () => {
  it('picks what gained most for its steps most often, and everything at last', () => {
    const corpus = new Corpus();
    const program = (name: string): Program => ({ name, machine: { cpus: 1 }, tasks: [], history: [] });
    corpus.add({ program: program('dear'), choices: [], gain: 1, steps: 1000 });
    corpus.add({ program: program('cheap'), choices: [], gain: 8, steps: 1000 });
    const draw = new Draw(randomFrom(1).bits);
    const picked = Array.from({ length: 100 }, () => corpus.pick(draw).program.name);
    const cheap = picked.filter((name) => name === 'cheap').length;
    expect(cheap).toBeGreaterThan(60);
    expect(cheap).toBeLessThan(100);
  });
});
