/** Device interrupts and what their handlers allocate, in both engines. */
import { afterAll, describe, expect, it } from 'vitest';
import { definePatch } from '#tlblab/bugs/patch.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { stress } from '#tlblab/engine/threads/threads.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { by, device, kalloc, kfree, load, mmap, munmap, race, write } from '#tlblab/program/builder.js';

/** CPUs that map, allocate and free, and interrupt each other and a CPU on which nothing runs. */
const BUSY = race(
  { cpus: 4, geometry: 'small' },
  Object.fromEntries(
    [0, 1, 2].map((i) => [
      `P${i}`,
      [
        mmap(32 * (i + 1), 3, 'rw', { fixed: true }),
        write(32 * (i + 1), 3),
        device(3),
        kalloc(2),
        device((i + 1) % 3),
        munmap(32 * (i + 1), 3),
        kalloc(1, { context: 'irqoff' }),
        kfree(3),
      ],
    ]),
  ),
  { name: 'busy' },
);

const plan = (policy: string) => ({ policy: POLICIES[policy], patches: [], strict: false, costs: 'bare-metal' });

afterAll(() => POOL.close());

describe('in threads', () => {
  it.each(['mainline', 'eager', 'xen-clock', 'luf-v12-flag'])('%s is clean, and handlers run', async (policy) => {
    const oracle = { strict: false, threads: true };
    const run = { program: BUSY, policy, patches: [], oracle, costs: 'timeless' };
    const result = await stress({ plan: run, seed: 3, operations: 3000, chaos: 0.01, keepRounds: true });
    expect(result).toMatchObject({ verdict: 'clean', says: '' });
    const { layout } = new Stepper(huntingPlan(BUSY, plan(policy))).machine.shape;
    // the idle CPU has packets at the start of the last round
    expect(result.round?.image[layout.wordNamed('softnet[3].qlen') as number]).toBeGreaterThan(0);
  });
});

describe('in the stepper', () => {
  it('a device of the history interrupts at once, an idle CPU too, and is no interrupt of another CPU', () => {
    const program = race({ cpus: 2 }, { setup: [device(1), device(0), load(4)], P0: [] });
    const { columns } = new Stepper(huntingPlan(program, plan('mainline'))).machine;
    expect([0, 1].map((id) => columns.softnet.qlen.peek(id as CpuId))).toEqual([1, 1]);
    expect([0, 1].map((id) => columns.count.interrupts.peek(id as CpuId))).toEqual([1, 1]);
    expect([0, 1].map((id) => columns.count.ipisSent.peek(id as CpuId))).toEqual([0, 0]);
  });

  it('its delivery is a choice: before, in the middle of, and after what the CPU does', () => {
    const program = race({ cpus: 2 }, { P0: [device(1)], P1: [kalloc()] });
    const stepper = new Stepper(huntingPlan(program, plan('mainline')));
    const orders = new Set<string>();
    for (let wait = 0; wait < 40; wait++) {
      stepper.reset();
      let left = wait;
      const end = stepper.run(({ choices }) => {
        const p0 = choices.find((c) => c >>> 20 === 0);
        const handler = choices.find((c) => c >>> 26 === 1);
        return p0 ?? (left-- > 0 ? choices[0] : (handler ?? choices[0]));
      }, 1000);
      expect(end).toBe('finished');
      const { kernelPages, softnet } = stepper.machine.columns;
      orders.add(`${kernelPages.list.peek(0)} ${softnet.packets.peek(1 as CpuId)}`);
    }
    // whoever comes first gets the frame on top
    expect(orders.size).toBe(2);
  });

  it('a packet that nobody keeps is a leak', () => {
    const lost = definePatch({ name: 'lost', says: 'packets are forgotten', source: 'this test', *netifRx() {} });
    const source = race({ cpus: 2 }, { setup: by('P0', kalloc()), P0: [device(1)] });
    const options = { seed: 1, schedules: 5, strict: false, costs: 'bare-metal', outOfTime: () => false, source };
    const found = (patches: (typeof lost)[]) => hunt({ policy: POLICIES.mainline, patches, ...options }).found;
    expect(found([])).toBeUndefined();
    expect(found([lost])?.conviction).toMatchObject({ harm: 'leak' });
    expect(found([lost])?.conviction.says).toMatch(/page of the kernel that nothing leads to/);
  });
});
