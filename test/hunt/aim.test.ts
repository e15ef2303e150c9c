/** What a directed hunt has learnt of operations survives its end. */
import { expect, it } from 'vitest';
import { Aim } from '#tlblab/hunt/directed/aim.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { randomFrom } from '#tlblab/hunt/random.js';

it('turns to the same targets, and draws the same operations, after a restart', () => {
  const aim = new Aim();
  aim.had('munmap', ['b in munmap'], { did: ['munmap'] });
  aim.had('store', ['a in store'], { did: ['store'] });
  aim.had('munmap', ['c in munmap', 'b in munmap'], { did: ['munmap'] });
  aim.had('fork', [], { did: ['fork'] });
  const other = new Aim();
  other.goOn(JSON.parse(JSON.stringify(aim.place())));
  const drawn = (from: Aim) => {
    const draw = new Draw(randomFrom(7).bits);
    return Array.from({ length: 200 }, () => {
      const target = from.target(draw);
      return [target, from.draw(draw, target, 'met'), from.target(draw, { last: target })];
    });
  };
  expect(drawn(other)).toEqual(drawn(aim));
  expect(new Set(drawn(aim).map(([target]) => target)).size).toBe(3);
});

it('has more turns for what is seldom begun, and openings for what one operation begins, or may', () => {
  const aim = new Aim();
  for (let i = 0; i < 100; i++) aim.had('store', ['often'], { did: ['store'], alone: true });
  aim.had('munmap', ['seldom'], { did: ['munmap'] });
  const draw = new Draw(randomFrom(7).bits);
  const shareOf = (target: string, alone: boolean): number => {
    const drawn = Array.from({ length: 400 }, () => aim.target(draw, { alone }));
    return drawn.filter((t) => t === target).length / drawn.length;
  };
  expect(shareOf('seldom', false)).toBeGreaterThan(0.8);
  expect(shareOf('seldom', true)).toBeGreaterThan(0.8);
  for (let i = 0; i < 100; i++) aim.missed('seldom');
  expect(shareOf('seldom', false)).toBeGreaterThan(0.8);
  expect(shareOf('seldom', true)).toBe(0);
  expect([aim.isRare('seldom'), aim.isRare('often')]).toEqual([true, false]);
});

it('has fewer turns for what patches make no difference with, once they make one with something else', () => {
  const aim = new Aim();
  const draw = new Draw(randomFrom(7).bits);
  const shareOf = (target: string): number => {
    const drawn = Array.from({ length: 400 }, () => aim.target(draw));
    return drawn.filter((t) => t === target).length / drawn.length;
  };
  for (let i = 0; i < 50; i++) {
    aim.had('munmap', ['idle'], { did: ['munmap'], parted: false });
    aim.had('mprotect', ['other'], { did: ['mprotect'], parted: false });
  }
  expect(Math.abs(shareOf('idle') - 0.5)).toBeLessThan(0.1);
  for (let i = 0; i < 50; i++) aim.had('mprotect', ['other'], { did: ['mprotect'], parted: true });
  expect(shareOf('idle')).toBeLessThan(0.35);
  expect(shareOf('idle')).toBeGreaterThan(0.1);
});

it('begins mostly with what comes to the operation in which the target is, once that is known', () => {
  const aim = new Aim();
  aim.had('free', ['zapPte in madvise dontneed, a TLB being stale'], { did: ['madvise free'] });
  const draw = new Draw(randomFrom(7).bits);
  const shareOf = (how: 'alone' | 'met'): number => {
    const drawn = Array.from({ length: 400 }, () =>
      aim.draw(draw, 'zapPte in madvise dontneed, a TLB being stale', how),
    );
    return drawn.filter((kind) => kind === 'dontneed').length / drawn.length;
  };
  expect(shareOf('alone')).toBeLessThan(0.3);
  aim.had('dontneed', [], { did: ['madvise dontneed'] });
  expect(shareOf('alone')).toBeGreaterThan(0.8);
  // there others may come by it
  expect(shareOf('met')).toBeLessThan(shareOf('alone'));
  expect(shareOf('met')).toBeGreaterThan(0.4);
});
