import { expect, it } from 'vitest';
import {
  apicAcknowledge,
  apicHasPending,
  apicWord,
  ipiArrivesIn,
  irqsOff,
  localIrqRestore,
  localIrqSave,
  NO_VECTOR,
  sendIpi,
} from '#tlblab/hardware/apic.js';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import type { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import { VECTOR_CALL_FUNCTION, VECTOR_RESCHEDULE, VECTOR_TIMER } from '#tlblab/hardware/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { OneAccessError } from '#tlblab/memory/stepped-memory.js';
import { TestMachine } from './machine.ts';

const costs = COST_PROFILES['bare-metal'] as CostProfile;

function machine() {
  const m = new TestMachine({ override: { cpus: 3 } });
  const send = (from: LogicalCpu, to: LogicalCpu, vector: number) =>
    m.step(from, apicWord(to), () => sendIpi(from, to.id, vector));
  const take = (cpu: LogicalCpu) => m.step(cpu, apicWord(cpu), () => apicAcknowledge(cpu));
  const clock = (cpu: LogicalCpu) => cpu.hw.regs.cycles.peek(cpu.id);
  return { m, send, take, clock };
}

it('an interrupt is pending until it is taken; a second one before that merges with it', () => {
  const { m, send, take } = machine();
  const [a, b, c] = m.cpus;
  expect([apicHasPending(b), take(b)]).toEqual([false, NO_VECTOR]);
  expect(send(a, b, VECTOR_RESCHEDULE)).toBe(true);
  expect(send(c, b, VECTOR_RESCHEDULE)).toBe(false);
  expect([apicHasPending(a), apicHasPending(b), apicHasPending(c)]).toEqual([false, true, false]);
  expect([take(b), take(b)]).toEqual([VECTOR_RESCHEDULE, NO_VECTOR]);
  expect([a.hw.count.ipisSent.peek(a.id), b.hw.count.interrupts.peek(b.id)]).toEqual([1, 1]);
  expect(send(c, b, VECTOR_RESCHEDULE)).toBe(true);
});

it('vectors are taken by priority, one by one', () => {
  const { m, send, take } = machine();
  const [a, b] = m.cpus;
  for (const vector of [VECTOR_TIMER, VECTOR_CALL_FUNCTION, VECTOR_RESCHEDULE]) send(a, b, vector);
  expect([take(b), take(b), take(b), take(b)]).toEqual([
    VECTOR_CALL_FUNCTION,
    VECTOR_RESCHEDULE,
    VECTOR_TIMER,
    NO_VECTOR,
  ]);
});

it('sending and taking are contended accesses: unannounced, they break the one-access rule', () => {
  const { m } = machine();
  const [a, b] = m.cpus;
  expect(() => m.step(a, NOWHERE, () => sendIpi(a, b.id, VECTOR_TIMER))).toThrow(OneAccessError);
  m.step(a, apicWord(b), () => sendIpi(a, b.id, VECTOR_TIMER));
  expect(() => m.step(b, NOWHERE, () => apicAcknowledge(b))).toThrow(OneAccessError);
});

it('a message takes its delivery time, counted from the clock of the sender that raised it', () => {
  const { m, send, take, clock } = machine();
  const [a, b, c] = m.cpus;
  m.step(a, NOWHERE, () => a.spend(10_000));
  send(a, b, VECTOR_CALL_FUNCTION);
  m.step(c, NOWHERE, () => c.spend(90_000));
  send(c, b, VECTOR_CALL_FUNCTION);
  const arrives = 10_000 + costs.ipiSend + costs.deliveryNear;
  expect(ipiArrivesIn(b, VECTOR_CALL_FUNCTION)).toBe(arrives);
  take(b);
  expect(clock(b)).toBe(arrives + costs.handler);
  // taken is taken: nothing of it is left for the next message
  expect(ipiArrivesIn(b, VECTOR_CALL_FUNCTION)).toBe(0);
  send(a, b, VECTOR_CALL_FUNCTION);
  expect(ipiArrivesIn(b, VECTOR_CALL_FUNCTION)).toBe(clock(a) + costs.deliveryNear - clock(b));
});

it('a target whose clock is ahead of the message waits for nothing, also where clocks wrap', () => {
  const { m, send, take, clock } = machine();
  const [a, b] = m.cpus;
  m.step(b, NOWHERE, () => b.spend(50_000));
  send(a, b, VECTOR_CALL_FUNCTION);
  take(b);
  expect(clock(b)).toBe(50_000 + costs.handler);
  for (const cpu of [a, b]) m.step(cpu, NOWHERE, () => cpu.spend(2 ** 31 - 1 - clock(cpu)));
  send(a, b, VECTOR_CALL_FUNCTION);
  take(b);
  expect(clock(b)).toBe((2 ** 31 - 1 + costs.ipiSend + costs.deliveryNear + costs.handler) | 0);
});

it('further targets of one request cost what the profile says of them', () => {
  const { m, clock } = machine();
  const [a, b, c] = m.cpus;
  m.step(a, apicWord(b), () => sendIpi(a, b.id, VECTOR_CALL_FUNCTION, 0));
  m.step(a, apicWord(c), () => sendIpi(a, c.id, VECTOR_CALL_FUNCTION, 1));
  expect(clock(a)).toBe(costs.ipiSend + costs.ipiSendExtraNear);
});

it('a sender kicks the engine, so that a sleeping target wakes', () => {
  const { m } = machine();
  const [a, b] = m.cpus;
  const kicked: number[] = [];
  a.pace.kicked = (target) => kicked.push(target);
  m.step(a, apicWord(b), () => sendIpi(a, b.id, VECTOR_RESCHEDULE));
  expect(kicked).toEqual([b.id]);
});

it('interrupts stay off until the outermost save is restored', () => {
  const { m } = machine();
  const [a] = m.cpus;
  const seen: boolean[] = [];
  m.step(a, NOWHERE, () => {
    for (const change of [localIrqSave, localIrqSave, localIrqRestore, localIrqRestore]) {
      seen.push(irqsOff(a));
      change(a);
    }
    seen.push(irqsOff(a));
  });
  expect(seen).toEqual([false, true, true, true, false]);
});
