import { expect, it } from 'vitest';
import { GEOMETRIES, GEOMETRY_BOUNDS, GeometryError, geometry, pteIndex } from '#tlblab/hardware/geometry.js';
import { tlbHints } from '#tlblab/hardware/tables.js';
import { vpn } from './machine.ts';

it('derives levels, pages, frame and mask sizes', () => {
  const g = geometry('tiny', { cpus: 33, wordsPerPage: 17, cpumaskBits: 16, levels: 1123 });
  expect([g.levelBits, g.levelShift, g.pages, g.frameWords, g.maskWords]).toEqual([
    [1, 1, 2, 3],
    [6, 5, 3, 0],
    128,
    18,
    3,
  ]);
  expect([0, 1, 2, 3].map((level) => pteIndex(g, vpn(0b1_0_10_011), level))).toEqual([1, 0, 2, 3]);
  const full = geometry('full');
  expect(full.pages).toBe(2 ** 32);
  // page numbers are unsigned, and an index never negative
  expect([0, 1, 2, 3].map((level) => pteIndex(full, vpn(0xffff_ffff), level))).toEqual([31, 511, 511, 511]);
});

it('knows its presets, all within bounds', () => {
  for (const name of Object.keys(GEOMETRIES) as (keyof typeof GEOMETRIES)[]) {
    expect(geometry(name, { ...GEOMETRIES[name] }).levelBits.length).toBeGreaterThan(0);
  }
});

it('sizes the way predictor to the power of two above the number of entries', () => {
  expect([
    tlbHints(geometry('tiny', { tlbSets: 1, tlbWays: 1 })),
    tlbHints(geometry('tiny', { tlbSets: 3, tlbWays: 3 })),
    tlbHints(geometry('small')),
  ]).toEqual([1, 16, 256]);
});

it('says in one line what is wrong with a parameter, and what was expected', () => {
  const message = (name: string, override: Record<string, number> = {}) => {
    try {
      geometry(name as 'tiny', override);
    } catch (error) {
      expect(error).toBeInstanceOf(GeometryError);
      return (error as Error).message;
    }
    return undefined;
  };
  expect(message('huge')).toBe('geometry "huge": expected tiny, small, full');
  expect(message('toString')).toBe('geometry "toString": expected tiny, small, full');
  expect(message('tiny', { cores: 2 })).toMatch(/^geometry parameter "cores": expected cpus, levels, /);
  expect(message('tiny', { valueOf: 2 })).toMatch(/^geometry parameter "valueOf": expected /);
  expect(message('tiny', { cpus: 0 })).toBe('geometry parameter cpus = 0: expected an integer from 1 to 64');
  expect(message('tiny', { cpus: 1.5 })).toBe('geometry parameter cpus = 1.5: expected an integer from 1 to 64');
  expect(message('tiny', { cpus: Number.NaN })).toMatch(/cpus = NaN/);
  const levels = 'expected 1 to 5 digits from 1 to 9, at most 32 bits in all';
  expect(message('tiny', { levels: 203 })).toBe(`geometry parameter levels = 203: ${levels}`);
  expect(message('tiny', { levels: 9999 })).toBe(`geometry parameter levels = 9999: ${levels}`);
  expect(message('full', { frames: 1 << 20 })).toBe(
    'geometry parameter frames = 1048576: expected at most 262144 with frames of 1024 words',
  );
  for (const [name, [low, high]] of Object.entries(GEOMETRY_BOUNDS)) {
    expect(message('tiny', { [name]: low - 1 })).toBeDefined();
    expect(message('tiny', { [name]: high + 1 })).toBeDefined();
  }
});
