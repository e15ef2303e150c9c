import { describe, expect, it } from 'vitest';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { RWSEM_WAITERS } from '#tlblab/kernel/locking/rwsem.js';
import { FAST_NODE, type MmId } from '#tlblab/kernel/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver, type TestTask } from './driver.ts';

const INSIDE = point('test: inside the critical section');
const STAYS = point('test: stays where it is');
const MM = 1 as MmId;

/** Who is inside, as the bodies see it, and what they saw that must not be. */
class Watch {
  readers = 0;
  writers = 0;
  entered = 0;
  readonly wrong: string[] = [];

  *read(): Path<void> {
    this.readers++;
    yield* this.stay();
    this.readers--;
  }
  *write(): Path<void> {
    this.writers++;
    yield* this.stay();
    this.writers--;
  }
  private *stay(): Path<void> {
    this.entered++;
    for (let i = 0; i < 3; i++) {
      if (this.writers > 1 || (this.writers === 1 && this.readers > 0)) {
        this.wrong.push(`${this.writers} writers, ${this.readers} readers`);
      }
      yield;
    }
  }
}

function inside(cpu: Cpu, path: Path<void>): Path<void> {
  cpu.at(INSIDE, NOWHERE);
  return path;
}

function reader(watch: Watch): Body {
  return function* (cpu) {
    const sem = cpu.mm.mmapLock.at(MM);
    for (let i = 0; i < 2; i++) {
      yield* cpu.kernel.downRead(cpu, sem);
      yield* inside(cpu, watch.read());
      yield* cpu.kernel.upRead(cpu, sem);
    }
  };
}

function writer(watch: Watch): Body {
  return function* (cpu) {
    const sem = cpu.mm.mmapLock.at(MM);
    for (let i = 0; i < 2; i++) {
      yield* cpu.kernel.downWrite(cpu, sem);
      yield* inside(cpu, watch.write());
      yield* cpu.kernel.upWrite(cpu, sem);
    }
  };
}

function downgrader(watch: Watch): Body {
  return function* (cpu) {
    const sem = cpu.mm.mmapLock.at(MM);
    yield* cpu.kernel.downWrite(cpu, sem);
    yield* inside(cpu, watch.write());
    yield* cpu.kernel.downgradeWrite(cpu, sem);
    yield* inside(cpu, watch.read());
    yield* cpu.kernel.upRead(cpu, sem);
  };
}

function* stays(cpu: Cpu): Path<void> {
  cpu.at(STAYS, NOWHERE);
  yield;
}

/** Two tasks on each of two CPUs and a writer of higher priority: owners get preempted by those who wait for them. */
function crowd(watch: Watch): TestTask[] {
  return [
    { cpu: 0, mm: 1, body: writer(watch) },
    { cpu: 0, mm: 1, body: reader(watch) },
    { cpu: 0, mm: 1, body: writer(watch), priority: 1 },
    { cpu: 1, mm: 1, body: downgrader(watch) },
    { cpu: 1, mm: 1, body: reader(watch) },
  ];
}

describe('rwsem', () => {
  it('excludes, hands over to everybody, and leaves nothing behind, in any order and with owners preempted', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const watch = new Watch();
      const d = new KernelDriver({ cpus: 2, tasks: crowd(watch) });
      d.run({ choose: atRandom(seed * 7919), tickEvery: seed % 3 === 0 ? 0 : 9 + (seed % 11) });
      expect(d.allDone(), `seed ${seed}: ${d.whoWaits()}`).toBe(true);
      expect(watch.wrong, `seed ${seed}`).toEqual([]);
      expect(watch.entered).toBe(2 + 2 + 2 + 2 + 2);
      expect(d.columns.mm.mmapLock.peek(MM)).toBe(0);
      expect(d.columns.mm.mmapLockOwner.peek(MM)).toBe(0);
      expect(d.columns.parking.count.peek(0)).toBe(0);
    }
  });

  it('the same crowd convicts a reader that does not look for writers', () => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= 50 && wrong.length === 0; seed++) {
      const watch = new Watch();
      const routines = {
        *downRead(cpu: Cpu) {
          void cpu;
        },
        *upRead(cpu: Cpu) {
          void cpu;
        },
      };
      const d = new KernelDriver({ cpus: 2, tasks: crowd(watch).filter((_, i) => i !== 3), routines });
      d.run({ choose: atRandom(seed * 7919), tickEvery: 13 });
      wrong.push(...watch.wrong);
    }
    expect(wrong).not.toEqual([]);
  });

  it('a writer waits awake while the owner runs elsewhere, and sleeps when the owner does not run', () => {
    const watch = new Watch();
    const d = new KernelDriver({
      cpus: 3,
      tasks: [
        { cpu: 0, mm: 1, body: writer(watch) },
        { cpu: 0, mm: 1, body: stays },
        { cpu: 1, mm: 1, body: writer(watch) },
        { cpu: 2, mm: 1, body: writer(watch) },
      ],
    });
    d.runTo(0, 'inside');
    d.runTo(1, 'owner runs');
    expect(d.columns.tasks.polling.peek(d.cpuOf(2).current)).toBe(1);
    // the owner loses its CPU to the other task there
    d.tick(0);
    d.step({ cpu: d.cpuAt(0).id, deliver: true });
    d.runTo(0, 'stays where it is');
    expect(d.columns.tasks.onCpu.peek(d.cpuOf(0).current)).toBe(0);
    d.runTo(2, 'nothing to run');
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(watch.wrong).toEqual([]);
  });

  it('newcomers queue behind a sleeping writer', () => {
    const watch = new Watch();
    const d = new KernelDriver({
      cpus: 3,
      tasks: [
        { cpu: 0, mm: 1, body: reader(watch) },
        { cpu: 1, mm: 1, body: writer(watch) },
        { cpu: 2, mm: 1, body: reader(watch) },
      ],
    });
    d.runTo(0, 'inside');
    // the owner is a reader: the writer sleeps and its CPU goes idle
    d.runTo(1, 'nothing to run');
    expect(d.columns.mm.mmapLock.peek(MM)).toBe(1 + RWSEM_WAITERS);
    d.runTo(2, 'nothing to run');
    expect(watch.entered).toBe(1);
    expect(d.columns.parking.count.peek(0)).toBe(2);
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(watch.wrong).toEqual([]);
  });
});

describe('spinlock', () => {
  it('keeps the holder on its CPU: a tick inside takes effect at the unlock', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            const lock = cpu.zone.lock.at(FAST_NODE);
            yield* cpu.kernel.spinLock(cpu, lock);
            cpu.at(INSIDE, NOWHERE);
            yield;
            order.push('unlocks');
            yield* cpu.kernel.spinUnlock(cpu, lock);
            order.push('unlocked');
          },
        },
        {
          cpu: 0,
          mm: 1,
          *body() {
            order.push('other runs');
          },
        },
      ],
    });
    d.runTo(0, 'inside');
    d.tick(0);
    d.run();
    expect(order).toEqual(['unlocks', 'other runs', 'unlocked']);
  });

  it('a lock taken twice by one CPU is a kernel bug', () => {
    const d = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* cpu.kernel.spinLock(cpu, cpu.zone.lock.at(FAST_NODE));
            yield* cpu.kernel.spinLock(cpu, cpu.zone.lock.at(FAST_NODE));
          },
        },
      ],
    });
    expect(() => d.run()).toThrow(/takes spinlock \d+ twice/);
  });

  it('to sleep with a spinlock held is a kernel bug', () => {
    const d = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* cpu.kernel.spinLock(cpu, cpu.zone.lock.at(FAST_NODE));
            yield* cpu.kernel.sysSleep(cpu);
          },
        },
      ],
    });
    expect(() => d.run()).toThrow(/schedules while atomic/);
  });
});
