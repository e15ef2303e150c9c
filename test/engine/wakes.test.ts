import { describe, expect, it } from 'vitest';
import { MachineShape } from '#tlblab/engine/machine-shape.js';
import { type Resting, Rounds } from '#tlblab/engine/threads/rounds.js';
import {
  LOG_ACTS,
  LOG_DELIVER,
  LOG_RUN,
  logAction,
  logKind,
  logTicket,
  RoundLog,
} from '#tlblab/engine/threads/rounds-log.js';
import { bindControl, bootImage, ThreadMachine } from '#tlblab/engine/threads/worker-machine.js';
import { WorkerPace } from '#tlblab/engine/threads/worker-pace.js';
import { STOP_AT_REST } from '#tlblab/engine/threads/worker-tables.js';
import type { AdversaryAction } from '#tlblab/hardware/adversary.js';
import { apicHasPending, sendIpi } from '#tlblab/hardware/apic.js';
import { type CpuId, VECTOR_CALL_FUNCTION } from '#tlblab/hardware/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { point } from '#tlblab/memory/point.js';
import { policyNamed } from '#tlblab/policy/index.js';

const LIMITS = { repeat: true, restart: false, roundOperations: 0, operations: 0, logEntries: 8 };
const REST = point('wakes.test: may rest');
const BUSY = point('wakes.test: may not rest');
const [CPU0, CPU1] = [0 as CpuId, 1 as CpuId];
/** Long enough to tell a wake-up that was missed from one that came first; nothing here sleeps that long. */
const LONG_MS = 20_000;

/** A booted machine of two CPUs in this one thread, seen as CPU 0 sees it. */
function machine() {
  const plan = {
    program: { name: 'none', machine: { cpus: 2 }, tasks: [], history: [] },
    policy: policyNamed('mainline'),
    patches: [],
    oracle: undefined,
    costs: 'timeless',
  };
  const shared = bootImage(plan, LIMITS, false);
  const shape = new MachineShape(plan);
  const { control, wakes } = bindControl(shape, LIMITS, shared);
  const injection = { seed: 1, chaos: 0, tickEvery: 0, breathes: false };
  const image = new Int32Array(shared.image);
  const pace = new WorkerPace(CPU0, control, image, wakes, injection, [REST], () => 0);
  const core = new ThreadMachine(shape, shared, LIMITS, pace, () => false, wakes);
  pace.attach(core.handles[0], core.hooks);
  return { core, control, wakes, pace, cpu: core.handles[0] };
}

describe('a sleeping CPU', () => {
  it('is woken by an interrupt', () => {
    const { cpu, wakes, core } = machine();
    const before = wakes.prepare(CPU1, core.columns.mm.mmapLock.at(1 as never));
    sendIpi(cpu, CPU1, VECTOR_CALL_FUNCTION);
    expect(wakes.doze(CPU1, before, LONG_MS)).toBe('not-equal');
    wakes.arise(CPU1, core.columns.mm.mmapLock.at(1 as never));
    expect(apicHasPending(core.handles[1])).toBe(true);
  });

  it('is woken by the store that releases the lock it waits for, and by no other', () => {
    const { wakes, core } = machine();
    const { mem, columns } = core;
    const lock = columns.folio.ptl.at(5 as never);
    for (const write of [
      () => mem.store(lock, 1),
      () => mem.exchange(lock, 0),
      () => mem.cas(lock, 0, 3),
      () => mem.add(lock, -1),
      () => mem.or(lock, 8),
      () => mem.and(lock, 8),
    ]) {
      const before = wakes.prepare(CPU1, lock);
      mem.store(columns.folio.ptl.at(6 as never), 1);
      expect(wakes.doze(CPU1, before, 1)).toBe('timed-out');
      write();
      expect(wakes.doze(CPU1, before, LONG_MS)).toBe('not-equal');
      wakes.arise(CPU1, lock);
    }
  });

  it('costs those who write nothing once it is awake', () => {
    const { wakes, core, control } = machine();
    const lock = core.columns.folio.ptl.at(5 as never);
    const before = wakes.prepare(CPU1, lock);
    wakes.arise(CPU1, lock);
    core.mem.store(lock, 1);
    expect(control.board.wake.peek(CPU1)).toBe(before);
    expect(control.run.sleepers.peek(0)).toBe(0);
  });
});

describe('WorkerPace', () => {
  it('goes on at a point where nothing is due, and stops at one for an interrupt with interrupts on', () => {
    const { cpu, pace, core } = machine();
    const { irr } = core.columns.apic;
    core.columns.regs.irqOff.put(CPU0, 0);
    pace.due(cpu);
    pace.inject(cpu, []);
    expect(cpu.at(BUSY, NOWHERE)).toBe(false);
    irr.or(CPU0, 1);
    expect(cpu.at(BUSY, NOWHERE)).toBe(true);
    core.columns.regs.irqOff.put(CPU0, 1);
    expect(cpu.at(BUSY, NOWHERE)).toBe(false);
  });

  it('stops for a round only where the CPU may rest', () => {
    const { cpu, pace, control } = machine();
    pace.due(cpu);
    pace.inject(cpu, []);
    new Rounds(control, machine().wakes, CPU0, 2).ask();
    expect(cpu.at(BUSY, NOWHERE)).toBe(false);
    expect(cpu.at(REST, NOWHERE)).toBe(true);
  });
});

describe('Rounds', () => {
  const idle: Resting = {
    called: () => false,
    watched: () => NOWHERE,
    nothingHappened: () => {},
    betweenRounds: () => true,
  };

  it('lets the last CPU that comes to rest act alone, and then all go on', () => {
    const { control, wakes } = machine();
    const [zero, one] = [new Rounds(control, wakes, CPU0, 2), new Rounds(control, wakes, CPU1, 2)];
    zero.ask();
    expect(one.asked()).toBe(true);
    // CPU 1 leaves its rest for an interrupt: it no longer counts
    expect(one.rest({ ...idle, called: () => true })).toBe('called');
    let alone = 0;
    // CPU 1 comes to rest; in its place the test counts it
    control.run.arrived.add(0, 1);
    expect(zero.rest({ ...idle, betweenRounds: () => ++alone > 0 })).toBe('over');
    expect(alone).toBe(1);
    expect(zero.asked()).toBe(false);
    expect(control.run.rounds.peek(0)).toBe(1);
  });

  it('ends the run for those at rest when it is to be stopped', () => {
    const { control, wakes } = machine();
    const alone = new Rounds(control, wakes, CPU0, 1);
    control.run.stop.store(0, STOP_AT_REST);
    alone.ask();
    expect(alone.rest(idle)).toBe('stopped');
  });
});

describe('RoundLog', () => {
  it('orders steps by ticket: behind the step that took a lock, and behind an interrupt at the point', () => {
    const { control } = machine();
    const [zero, one] = [new RoundLog(control, CPU0, 8), new RoundLog(control, CPU1, 8)];
    const logOf = (cpu: CpuId): [number, number][] =>
      Array.from({ length: control.board.logged.peek(cpu) }, (_, k) => {
        const entry = control.log.entry.peek(cpu, k);
        return [logTicket(entry), logKind(entry)];
      });
    zero.passed(BUSY); // ticket 0, before the lock is taken
    one.passed(BUSY); // ticket 1, the step that releases it
    zero.acquired(); // ticket 2
    expect(logOf(CPU0)).toEqual([[2, LOG_RUN]]);
    one.passed(BUSY); // ticket 3: a point at which an interrupt is taken
    one.retract();
    one.delivered(VECTOR_CALL_FUNCTION);
    one.passed(BUSY);
    expect(logOf(CPU1)).toEqual([
      [1, LOG_RUN],
      [4, LOG_DELIVER + VECTOR_CALL_FUNCTION],
      [5, LOG_RUN],
    ]);
    zero.clear();
    expect(logOf(CPU0)).toEqual([]);
  });

  it('keeps what hardware was made to do whole, in two entries', () => {
    const { control } = machine();
    const log = new RoundLog(control, CPU0, 8);
    const action = 0xabcde as AdversaryAction;
    log.passed(BUSY);
    log.retract();
    log.acts(action);
    const [low, high] = [0, 1].map((k) => control.log.entry.peek(CPU0, k));
    expect(control.board.logged.peek(CPU0)).toBe(2);
    expect([logKind(low), logKind(high)]).toEqual([LOG_ACTS, LOG_ACTS + 1]);
    expect(logAction(low, high)).toBe(action);
  });

  it('has nothing to take back where the step was announced before a rest, and writes to no other word', () => {
    const { control } = machine();
    const log = new RoundLog(control, CPU0, 8);
    log.passed(BUSY);
    log.clear();
    const before = control.log.entry.mem.words.slice(0, control.log.entry.at(CPU0));
    log.retract();
    log.delivered(VECTOR_CALL_FUNCTION);
    expect(control.board.logged.peek(CPU0)).toBe(1);
    const ticket = control.run.ticket.at(0);
    const after = control.log.entry.mem.words.slice(0, before.length);
    const others = [...after.keys()].filter((w) => after[w] !== before[w] && w !== ticket);
    expect(others).toEqual([control.board.logged.at(CPU0)]);
  });

  it('counts what does not fit and keeps the rest', () => {
    const { control } = machine();
    const log = new RoundLog(control, CPU0, 8);
    for (let i = 0; i < 20; i++) log.passed(BUSY);
    expect(control.board.logged.peek(CPU0)).toBe(20);
    expect(control.log.entry.peek(CPU1, 0)).toBe(0);
  });
});
