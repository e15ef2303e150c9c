/** What was before programs is had again, and what pages are like behind it is told apart. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { type Past, Pasts } from '#tlblab/hunt/generate/pasts.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { pageStates } from '#tlblab/hunt/page-states.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { by, fork, load, mmap, munmap, type RaceSpec, race, reclaimMemory, store } from '#tlblab/program/builder.js';

describe('Pasts', () => {
  const draw = new Draw(randomFrom(3).bits);
  const past = (seed: number): Past => ({ seed });
  const drawn = (pasts: Pasts<string>): number[] => Array.from({ length: 2000 }, () => pasts.any(draw)!.seed);

  it('draws what is rare as often as what is not', () => {
    const pasts = new Pasts<string>();
    for (let seed = 1; seed <= 100; seed++) pasts.had(past(seed), ['common']);
    pasts.had(past(0), ['rare']);
    const rare = drawn(pasts).filter((seed) => seed === 0).length;
    expect(rare).toBeGreaterThan(850);
    expect(rare).toBeLessThan(1150);
    expect(pasts.leadingTo('rare', draw)).toEqual(past(0));
    expect(pasts.leadingTo('never', draw)).toBeUndefined();
  });

  it('keeps the last few of each, and none twice', () => {
    const pasts = new Pasts<string>();
    for (let seed = 1; seed <= 20; seed++) for (let twice = 0; twice < 2; twice++) pasts.had(past(seed), ['one']);
    expect([...new Set(drawn(pasts))].sort((a, b) => a - b)).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  });

  it('goes on from its place', () => {
    const pasts = new Pasts<string>();
    for (let seed = 1; seed <= 11; seed++) pasts.had(past(seed), ['a', `b${seed % 3}`]);
    const other = new Pasts<string>();
    other.goOn(JSON.parse(JSON.stringify(pasts.place())));
    for (const one of [pasts, other]) one.had(past(99), ['a']);
    expect(other.place()).toEqual(pasts.place());
  });
});

describe('pageStates', () => {
  const child = { C: { cpu: 1, forkedBy: 'P0', ops: [] } };
  const statesOf = (setup: NonNullable<RaceSpec['setup']>, more: Partial<RaceSpec> = {}): Set<number> => {
    const program = race(
      { cpus: 2, override: { swapSlots: 4 } },
      { setup: [mmap(8, 1, 'rw', { fixed: true }), ...setup], P0: [munmap(8)], P1: [load(8)], ...more },
    );
    const settings = { policy: mainline, patches: [], strict: false, costs: 'bare-metal' };
    return pageStates(new Stepper(huntingPlan(program, settings)));
  };
  const histories: Record<string, NonNullable<RaceSpec['setup']>> = {
    nothing: [],
    read: [load(8)],
    stored: [store(8)],
    shared: [store(8), fork('C')],
    'in two TLBs': [store(8), ...by('P1', load(8))],
    'given up': [store(8), { do: 'madvise', page: 8, advice: 'free' } as const],
    'on the swap device': [store(8), reclaimMemory(8)],
    'in the swap cache': [store(8), reclaimMemory(8), load(8)],
  };

  it('tells apart what matters to those who come by', () => {
    const all = Object.entries(histories).map(([name, setup]) => ({
      name,
      states: statesOf(setup, name === 'shared' ? child : {}),
    }));
    for (const a of all) {
      for (const b of all) {
        if (a.name === b.name) continue;
        const alike = [...a.states].every((state) => b.states.has(state)) && a.states.size === b.states.size;
        expect(alike, `${a.name}, ${b.name}`).toBe(false);
      }
    }
  });

  it('does not tell by which page it was, nor by who did it', () => {
    expect(statesOf(by('P1', store(8)))).toEqual(statesOf([store(8)]));
  });
});
