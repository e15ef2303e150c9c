/** Operations that come by what is stale are drawn sooner, and what was learnt survives the end of a hunt. */
import { expect, it } from 'vitest';
import { Rivals } from '#tlblab/hunt/directed/rivals.js';
import { bothOf, kindIn, targetIn, whileStale } from '#tlblab/hunt/directed/target.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { OPERATIONS } from '#tlblab/hunt/generate/encounter-traits.js';
import { randomFrom } from '#tlblab/hunt/random.js';

it('has all kinds alike at first, and no kind never', () => {
  const rivals = new Rivals();
  expect(rivals.chanceOf('fork')).toBe(rivals.chanceOf('munmap'));
  for (let i = 0; i < 50; i++) rivals.had(['fork', 'munmap'], false);
  for (let i = 0; i < 50; i++) rivals.had(['truncate', 'truncate'], true);
  expect(rivals.chanceOf('truncate')).toBeGreaterThan(4 * rivals.chanceOf('fork'));
  expect(rivals.chanceOf('fork')).toBeGreaterThan(0.1);
  // a program counts once
  expect(rivals.place()).toContainEqual(['truncate', 50, 50]);
});

it('has all kinds in some order, and those that come by what is stale mostly before others', () => {
  const rivals = new Rivals();
  for (let i = 0; i < 50; i++) rivals.had(['fork'], false);
  for (let i = 0; i < 50; i++) rivals.had(['truncate'], true);
  const draw = new Draw(randomFrom(3).bits);
  const orders = Array.from({ length: 200 }, () => rivals.inOrder(draw));
  for (const order of orders) expect([...order].sort()).toEqual([...OPERATIONS].sort());
  const first = orders.filter((order) => order.indexOf('truncate') < order.indexOf('fork')).length;
  expect(first).toBeGreaterThan(150);
  expect(first).toBeLessThan(200);
});

it('goes on where it was', () => {
  const rivals = new Rivals();
  rivals.had(['fork'], false);
  rivals.had(['truncate'], true);
  const other = new Rivals();
  other.goOn(JSON.parse(JSON.stringify(rivals.place())));
  expect(other.place()).toEqual(rivals.place());
  expect(other.chanceOf('truncate')).toBe(rivals.chanceOf('truncate'));
});

it('knows a target by the kind of operation in which it is', () => {
  expect(kindIn(targetIn('zapPte', 'madvise dontneed'))).toBe('madvise dontneed');
  expect(kindIn(whileStale(targetIn('zapPte answers otherwise', 'munmap')))).toBe('munmap');
  expect(kindIn(bothOf('movePte', 'zapPte'))).toBeUndefined();
  expect(bothOf('zapPte', 'movePte')).toBe(bothOf('movePte', 'zapPte'));
});
