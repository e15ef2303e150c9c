import { expect, it } from 'vitest';
import { COST_PROFILES, type CostProfile, ipiRoundTrip } from '#tlblab/hardware/costs.js';
import type { CpuId } from '#tlblab/hardware/types.js';

const profile = (name: string): CostProfile => COST_PROFILES[name] as CostProfile;
const microseconds = (costs: CostProfile, targets: number[]): number =>
  ipiRoundTrip(costs, 0 as CpuId, targets as CpuId[]) / costs.cyclesPerMicrosecond;
const others = Array.from({ length: 79 }, (_, i) => i + 1);

it('bare-metal: one remote target takes 2.2 us, the mean of near and far; 79 take 80 to 95 us', () => {
  const costs = profile('bare-metal');
  const near = microseconds(costs, [1]);
  const far = microseconds(costs, [79]);
  expect((near + far) / 2).toBeCloseTo(2.2, 5);
  expect(far).toBeGreaterThan(near);
  const all = microseconds(costs, others);
  expect(all).toBeGreaterThanOrEqual(80);
  expect(all).toBeLessThanOrEqual(95);
});

it('virtualised: one remote target takes 36 to 44 us more than none, a further one 2.5 us', () => {
  const costs = profile('virtualised');
  for (const target of [1, 79]) {
    expect(microseconds(costs, [target])).toBeGreaterThanOrEqual(36);
    expect(microseconds(costs, [target])).toBeLessThanOrEqual(44);
  }
  const further = (microseconds(costs, others) - microseconds(costs, [79])) / 78;
  expect(further).toBeGreaterThan(2.4);
  expect(further).toBeLessThan(2.6);
});

it('every profile prices every event; timeless at nothing', () => {
  const events = Object.keys(profile('bare-metal')).sort();
  for (const [name, costs] of Object.entries(COST_PROFILES)) {
    expect(costs?.name).toBe(name);
    expect(Object.keys(costs ?? {}).sort()).toEqual(events);
    for (const [event, cycles] of Object.entries(costs ?? {})) {
      if (event !== 'name') expect(cycles, `${name} ${event}`).toBeGreaterThanOrEqual(0);
    }
  }
  expect(ipiRoundTrip(profile('timeless'), 0 as CpuId, others as CpuId[])).toBe(0);
});

it('prices that an ordering of hardware depends on keep their order', () => {
  for (const name of ['bare-metal', 'virtualised']) {
    const c = profile(name);
    expect(c.tlbHit).toBeLessThan(c.tlbHitSecondLevel);
    expect(c.walkLevel).toBeLessThan(c.walkLevelDram);
    expect(c.cr3NoFlush).toBeLessThan(c.cr3Flush);
    expect(c.deliveryNear).toBeLessThanOrEqual(c.deliveryFar);
    expect(c.lockedRmw).toBeLessThan(c.lockedRmwContended);
    // the ceiling of 33 pages: about 3.3 us of INVLPG (Linux arch/x86/mm/tlb.c)
    expect((33 * c.invlpg) / c.cyclesPerMicrosecond).toBeCloseTo(3.3, 5);
  }
});
