/** What each policy does where a frame that owes a flush is wanted and nobody can be told to flush. */
import { describe, expect, it } from 'vitest';
import { definePatch } from '#tlblab/bugs/patch.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { FIXES } from '#tlblab/fixes/index.js';
import type { Conviction } from '#tlblab/hunt/execute.js';
import { execute } from '#tlblab/hunt/execute.js';
import { type HuntOptions, hunt } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { by, device, kalloc, kfree, load, mmap, race, reclaim } from '#tlblab/program/builder.js';
import type { Op, Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';
import { ENOUGH } from '../hunt/harm.ts';

/** A kernel without lockdep: what it would have said comes true. */
const NO_LOCKDEP = definePatch({
  name: 'no-lockdep',
  says: 'a cross-call with interrupts off is not told',
  source: 'CONFIG_PROVE_LOCKING=n',
  *lockdepAssertIrqsEnabled() {},
});

function found(policy: string, source: Program, more: Partial<HuntOptions> = {}): Conviction | undefined {
  return hunt({
    policy: POLICIES[policy],
    patches: [],
    source,
    seed: 7,
    schedules: 400,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
    ...more,
  }).found?.conviction;
}

describe('with interrupts off', () => {
  const scenario = loadScenario('alloc-irqs-off');

  it.each(['mainline', 'eager', 'xen-clock', 'luf-v12', 'luf-v12-flag'])('%s flushes nothing', (policy) => {
    expect(found(policy, scenario)).toBeUndefined();
  });

  it.each(['luf-v11', 'luf-coordinated'])('%s makes a cross-call', (policy) => {
    expect(found(policy, scenario)).toMatchObject({ harm: 'kernel-assert' });
    expect(found(policy, scenario)?.says).toMatch(/cross-call with IRQs off/);
  });

  it('luf-v11: two CPUs then wait for each other, where nothing tells', () => {
    const conviction = found('luf-v11', scenario, { patches: [NO_LOCKDEP] });
    expect(conviction?.harm).toBe('deadlock');
    expect(conviction?.says).toMatch(/CPU[01] waits at "smpCallFunctionMany: waits for the call to be run"/);
    expect(conviction?.says).toMatch(/CPU[01] waits at "checkLufFlush: another demanded flush is under way"/);
  });

  it('luf-v11 with v11-atomic flushes nothing', () => {
    expect(found('luf-v11', scenario, { patches: [FIXES['v11-atomic']] })).toBeUndefined();
  });

  it('never: the frame is used again under a translation', () => {
    expect(found('never', scenario)?.harm).toBe('frame-reuse');
  });
});

describe('in an interrupt handler', () => {
  const scenario = loadScenario('alloc-in-interrupt');

  it.each(['mainline', 'eager', 'xen-clock'])('%s flushes nothing', (policy) => {
    expect(found(policy, scenario)).toBeUndefined();
  });

  it('luf-v11 waits for the flush that it has interrupted, where nothing tells', () => {
    const conviction = found('luf-v11', scenario, { patches: [NO_LOCKDEP] });
    expect(conviction?.harm).toBe('deadlock');
    expect(conviction?.says).toMatch(/CPU1 waits at "checkLufFlush: another demanded flush is under way"/);
  });

  it.each(['luf-v12', 'luf-v12-flag'])('%s ends the takeoff of the task that it has interrupted', (policy) => {
    expect(found(policy, scenario, { schedules: ENOUGH })).toMatchObject({ harm: 'kernel-assert' });
  });

  it.each(['luf-v12', 'luf-v12-flag'])(
    '%s refuses frames that owe a flush to a handler that interrupts none',
    (policy) => {
      const quiet = {
        ...scenario,
        tasks: scenario.tasks.map((t) => ({ ...t, ops: t.ops.filter((op) => op.do !== 'kalloc') })),
      };
      expect(found(policy, quiet)).toBeUndefined();
    },
  );
});

/** What a history leaves: pages that the kernel has, packets of CPU 1, interrupts sent. */
function leaves(policy: string, then: { task: string; op: Op }[]) {
  const program = race(
    { cpus: 2, override: { frames: 24 } },
    {
      setup: [mmap(8, 2, 'r', { fixed: true, shared: true, file: 'f' }), load(8), load(9), ...then],
      P0: [],
      K: { kthread: true, ops: [] },
    },
    { files: [{ name: 'f', pages: 2 }] },
  );
  const of = { policy: POLICIES[policy], patches: [], strict: false, costs: 'bare-metal' };
  const stepper = new Stepper(huntingPlan(program, of));
  expect(stepper.historyFailure).toBeUndefined();
  expect(stepper.historyViolation).toBeUndefined();
  const { kernelPages, softnet, count } = stepper.machine.columns;
  const ipis = [0, 1].reduce((sum, id) => sum + count.ipisSent.peek(id as never), 0);
  return { pages: kernelPages.count.peek(0), packets: softnet.qlen.peek(1 as never), ipis };
}

describe('when only frames that owe a flush are free', () => {
  const reclaimed = by('K', reclaim('f', 0, 2));
  /** All frames that were free are the kernel's; then those of the file are free. */
  const all = by('K', kalloc(24, { context: 'irqoff' }));
  const full = [...all, ...reclaimed];
  const taken = leaves('mainline', all).pages;

  it.each(['luf-v12', 'luf-v12-flag', 'xen-clock'])('%s: the allocation fails, and nothing is sent', (policy) => {
    const atomic = leaves(policy, [...full, ...by('K', kalloc(1, { context: 'irqoff' })), ...by('P0', device(1))]);
    expect(atomic).toEqual({ pages: taken, packets: 0, ipis: 0 });
    // a task may flush, and gets one
    expect(leaves(policy, [...full, ...by('K', kalloc())])).toMatchObject({ pages: taken + 1, ipis: 1 });
    // and there is one that owes nothing
    expect(leaves(policy, [...full, ...by('K', kfree(), kalloc(1, { context: 'irqoff' }))])).toMatchObject({
      pages: taken,
      ipis: 0,
    });
  });

  it.each(['mainline', 'eager'])('%s: no frame owes anything, and there are two', (policy) => {
    const before = leaves(policy, full).ipis;
    const atomic = leaves(policy, [...full, ...by('K', kalloc(1, { context: 'irqoff' })), ...by('P0', device(1))]);
    expect(atomic).toEqual({ pages: taken + 1, packets: 1, ipis: before });
  });

  it.each(['luf-v12', 'xen-clock'])('%s: one that owes nothing is taken before those that do', (policy) => {
    const atomic = leaves(policy, [...reclaimed, ...by('K', kalloc(2, { context: 'irqoff' }))]);
    expect(atomic).toMatchObject({ pages: 2, ipis: 0 });
  });
});

describe('frames under interrupts', () => {
  const busy = race(
    { cpus: 2, override: { frames: 20, pcpBatch: 2, pcpHigh: 2 } },
    {
      setup: [mmap(8, 2, 'r', { fixed: true, shared: true, file: 'f' }), load(8), load(9)],
      P0: [device(1), kalloc(2, { context: 'irqoff' }), device(1), kfree(3)],
      K: { cpu: 1, kthread: true, ops: [reclaim('f', 0, 2), kalloc(2), kfree(2)] },
    },
    { files: [{ name: 'f', pages: 2 }] },
  );

  it.each(['mainline', 'xen-clock', 'luf-v12', 'luf-v12-flag'])('%s loses none and hands none out twice', (policy) => {
    const of = { policy: POLICIES[policy], patches: [], strict: false, costs: 'bare-metal' };
    const stepper = new Stepper(huntingPlan(busy, of));
    const { below } = randomFrom(5);
    const { columns, geometry, handles } = stepper.machine;
    let ended = 0;
    for (let run = 0; run < 150; run++) {
      stepper.reset();
      const { convicted } = execute(stepper, (s) => s.choices[below(s.choices.length)]);
      if (convicted) {
        expect(convicted).toMatchObject({ harm: 'kernel-assert' });
        expect(policy).toMatch(/^luf-v12/);
        continue;
      }
      ended++;
      const listed: number[] = [];
      const { zone, pcp } = columns;
      const pend = (handles[0].extra.luf12Zone ?? {}) as Record<string, { peek(row: number, k?: number): number }>;
      for (let i = 0; i < zone.nrFree.peek(0 as never); i++) listed.push(zone.free.peek(0 as never, i));
      for (let i = 0; i < (pend.nrPend?.peek(0) ?? 0); i++) listed.push(pend.pend.peek(0, i));
      for (let id = 0; id < 2; id++) {
        for (let i = 0; i < pcp.count.peek(id as never); i++) listed.push(pcp.list.peek(id as never, i));
      }
      const free = Array.from({ length: geometry.frames - 1 }, (_, i) => i + 1).filter(
        (pfn) => columns.folio.refcount.peek(pfn as never) === 0,
      );
      expect(listed.sort((a, b) => a - b)).toEqual(free);
    }
    expect(ended).toBeGreaterThan(75);
  });
});
