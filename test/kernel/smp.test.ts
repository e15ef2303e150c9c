import { describe, expect, it } from 'vitest';
import { localIrqRestore, localIrqSave } from '#tlblab/hardware/apic.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { preemptDisable, preemptEnable } from '#tlblab/kernel/locking/preempt.js';
import { CALL_SYNC } from '#tlblab/kernel/smp/calls.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver } from './driver.ts';

const IRQS_OFF = point('test: interrupts off');

/** Calls `targets`, then notes that every one of them has run the call. */
function callTo(targets: number[], returned: () => void = () => {}): Body {
  return function* (cpu) {
    preemptDisable(cpu);
    yield* cpu.kernel.smpCallFunctionMany(cpu, targets as CpuId[], CALL_SYNC);
    returned();
    yield* preemptEnable(cpu);
  };
}

function countingCalls(ran: string[]) {
  return {
    *runCall(cpu: Cpu, initiator: CpuId): Path<void> {
      ran.push(`${initiator}->${cpu.id}`);
    },
  };
}

describe('smpCallFunctionMany', () => {
  it('sends to every target, this CPU left out, in the published order, and waits', () => {
    const ran: string[] = [];
    let whenReturned: string[] = [];
    const body = callTo([0, 1, 2], () => {
      whenReturned = [...ran];
    });
    const d = new KernelDriver({
      cpus: 3,
      tasks: [
        { cpu: 0, mm: 1, body },
        { cpu: 1, mm: 1 },
      ],
      routines: countingCalls(ran),
    });
    d.run();
    expect(whenReturned.sort()).toEqual(['0->1', '0->2']);
    const mine = d.trace.filter((line) => line.startsWith('CPU0 smpCallFunctionMany'));
    expect(mine.map((line) => line.replace('CPU0 smpCallFunctionMany: ', ''))).toEqual([
      'call record wanted',
      'call written, not queued',
      'call record wanted',
      'call written, not queued',
      'queued, no interrupt sent yet',
      'queued, no interrupt sent yet',
      'waits for the call to be run',
      'waits for the call to be run',
    ]);
  });

  it('merges the calls of two initiators into one interrupt', () => {
    const ran: string[] = [];
    const holdsInterruptsOff: Body = function* (cpu) {
      localIrqSave(cpu);
      cpu.at(IRQS_OFF, NOWHERE);
      yield;
      localIrqRestore(cpu);
    };
    const d = new KernelDriver({
      cpus: 3,
      tasks: [
        { cpu: 0, mm: 1, body: callTo([2]) },
        { cpu: 1, mm: 1, body: callTo([2]) },
        { cpu: 2, mm: 1, body: holdsInterruptsOff },
      ],
      routines: countingCalls(ran),
    });
    d.runTo(2, 'interrupts off');
    d.runTo(0, 'waits for the call');
    d.runTo(1, 'waits for the call');
    expect(d.columns.csd.queue.peek(2 as CpuId)).toBe(0b11);
    expect(ran).toEqual([]);
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(ran.sort()).toEqual(['0->2', '1->2']);
    const { ipisSent, interrupts } = d.columns.count;
    expect(ipisSent.peek(0 as CpuId) + ipisSent.peek(1 as CpuId)).toBe(1);
    expect(interrupts.peek(2 as CpuId)).toBe(1);
  });

  it('two CPUs that call each other both get through: who waits serves', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const ran: string[] = [];
      const twice: (to: number) => Body = (to) =>
        function* (cpu) {
          yield* callTo([to])(cpu);
          yield* callTo([to])(cpu);
        };
      const d = new KernelDriver({
        cpus: 2,
        tasks: [
          { cpu: 0, mm: 1, body: twice(1) },
          { cpu: 1, mm: 1, body: twice(0) },
        ],
        routines: countingCalls(ran),
      });
      d.run({ choose: atRandom(seed * 7919) });
      expect(d.allDone(), `seed ${seed}: ${d.whoWaits()}`).toBe(true);
      expect(ran.sort()).toEqual(['0->1', '0->1', '1->0', '1->0']);
    }
  });

  it('an acknowledgement that is forgotten hangs the initiator, and only it', () => {
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: callTo([1]) },
        { cpu: 1, mm: 1, *body() {} },
      ],
      routines: {
        *flushSmpCallFunctionQueue(cpu: Cpu) {
          cpu.at(IRQS_OFF, cpu.csd.queue.at(cpu.id));
          yield;
          cpu.csd.queue.exchange(cpu.id, 0);
        },
      },
    });
    d.run();
    expect(d.allDone()).toBe(false);
    expect(d.whoWaits()).toContain(
      'CPU0 task 2 at "smpCallFunctionMany: waits for the call to be run" csd[0].locked[1]',
    );
  });

  it('a queue with several mask words is drained whole', () => {
    const ran: string[] = [];
    const d = new KernelDriver({
      cpus: 4,
      override: { cpumaskBits: 1 },
      tasks: [0, 1, 2].map((cpu) => ({ cpu, mm: 1, body: callTo([3]) })),
      routines: countingCalls(ran),
    });
    for (const cpu of [0, 1, 2]) d.runTo(cpu, 'waits for the call');
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(ran.sort()).toEqual(['0->3', '1->3', '2->3']);
  });

  it('refuses to wait with interrupts off', () => {
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            localIrqSave(cpu);
            yield* callTo([1])(cpu);
          },
        },
      ],
    });
    expect(() => d.run()).toThrow('cross-call with IRQs off on CPU0');
  });

  it('the handler may read the flush record of its initiator until it acknowledges, and not longer', () => {
    const reads = (when: 'inside' | 'behind') => ({
      *runCall(cpu: Cpu, initiator: CpuId): Path<void> {
        const record = cpu.flushInfo.owner.at(initiator);
        cpu.mem.acquired(record, false);
        if (when === 'inside') cpu.flushInfo.mm.load(initiator);
        cpu.mem.released(record);
        if (when === 'behind') cpu.flushInfo.mm.load(initiator);
      },
    });
    const machine = (when: 'inside' | 'behind') =>
      new KernelDriver({
        cpus: 2,
        tasks: [
          { cpu: 0, mm: 1, body: callTo([1]) },
          { cpu: 1, mm: 1 },
        ],
        routines: reads(when),
      });
    const inside = machine('inside');
    inside.run();
    expect(inside.allDone()).toBe(true);
    expect(() => machine('behind').run()).toThrow(/flushInfo\[0\]\.mm/);
  });
});
