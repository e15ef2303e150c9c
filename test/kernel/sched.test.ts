import { describe, expect, it } from 'vitest';
import type { CpuId } from '#tlblab/hardware/types.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { INIT_MM, type MmId, TASK_RUNNING, type TaskId, WAKE_KERNEL, WAKE_USER } from '#tlblab/kernel/types.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver, type TestTask } from './driver.ts';

const WORKS = point('test: works');

/** `turns` steps of work, each noted. */
const works = (order: string[], name: string, turns = 1): Body =>
  function* (cpu) {
    for (let i = 0; i < turns; i++) {
      cpu.at(WORKS, NOWHERE);
      yield;
      order.push(`${name}@${cpu.id}`);
    }
  };

/** What must be true of the run queues between any two steps: what is wrong, or nothing. */
function queueFault(d: KernelDriver): string | undefined {
  const { rq, tasks, regs } = d.columns;
  const where = new Map<number, number>();
  for (let id = 0 as CpuId; id < d.geometry.cpus; id++) {
    const placed = [rq.curr.peek(id)];
    for (let i = 0; i < rq.nrQueued.peek(id); i++) placed.push(rq.queue.peek(id, i));
    for (const task of placed) {
      if (where.has(task)) return `task ${task} is on CPU${id} and on CPU${where.get(task)}`;
      where.set(task, id);
    }
    if (rq.preemptCount.peek(id) < 0 || regs.irqOff.peek(id) < 0) return `a count of CPU${id} is below 0`;
  }
  for (const [task, id] of where) {
    if (task < d.geometry.cpus && task !== id) return `idle task ${task} is on CPU${id}`;
    // in the middle of a switch the old task still sits here, asleep
    if (rq.lock.peek(id as CpuId) === 0 && tasks.state.peek(task as TaskId) !== TASK_RUNNING)
      return `task ${task} sleeps and is on CPU${id}`;
  }
  return undefined;
}

/** At rest: nothing pending, and each mm is referenced by its users together and by each CPU that borrows it. */
function checkRest(d: KernelDriver): void {
  const { rq, tasks, mm, regs, tlbState } = d.columns;
  for (let id = 0 as CpuId; id < d.geometry.cpus; id++) {
    expect([rq.lock.peek(id), rq.preemptCount.peek(id), regs.irqOff.peek(id), regs.irqDepth.peek(id)]).toEqual([
      0, 0, 0, 0,
    ]);
    expect([rq.moving.peek(id), rq.prevMm.peek(id)]).toEqual([0, 0]);
    const curr = rq.curr.peek(id) as TaskId;
    const own = tasks.mm.peek(curr);
    if (own !== INIT_MM) expect(rq.activeMm.peek(id)).toBe(own);
    if (own !== INIT_MM) expect(tlbState.isLazy.peek(id)).toBe(0);
    expect([rq.activeMm.peek(id), INIT_MM]).toContain(tlbState.loadedMm.peek(id));
  }
  for (let row = 1 as MmId; row <= d.geometry.mms; row++) {
    let borrowers = 0;
    for (let id = 0 as CpuId; id < d.geometry.cpus; id++) {
      if (rq.activeMm.peek(id) === row && tasks.mm.peek(rq.curr.peek(id) as TaskId) === INIT_MM) borrowers++;
    }
    const users = mm.users.peek(row) > 0 ? 1 : 0;
    expect(mm.count.peek(row), `mm_count of mm ${row}`).toBe(users + borrowers);
  }
}

describe('sleep and wake', () => {
  const sleeper = (order: string[]): Body =>
    function* (cpu) {
      order.push('sleeps');
      yield* cpu.kernel.sysSleep(cpu);
      order.push('awake');
    };
  const waker = (why: number): Body =>
    function* (cpu) {
      yield* cpu.kernel.wakeUp(cpu, (cpu.current - 1) as TaskId, why);
    };

  it('no wake is lost, in any order of sleep and wake', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const order: string[] = [];
      const d = new KernelDriver({
        cpus: 2,
        tasks: [
          { cpu: 0, mm: 1, body: sleeper(order) },
          { cpu: seed % 2, mm: 1, body: waker(WAKE_USER) },
        ],
      });
      d.run({ choose: atRandom(seed * 7919) });
      expect(d.allDone(), `seed ${seed}: ${d.whoWaits()}`).toBe(true);
      expect(order).toEqual(['sleeps', 'awake']);
      checkRest(d);
    }
  });

  it('a wake of the other kind does not end the sleep', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        { cpu: 0, mm: 1, body: sleeper(order) },
        { cpu: 1, mm: 1, body: waker(WAKE_KERNEL) },
      ],
    });
    d.run();
    expect(order).toEqual(['sleeps']);
    expect(d.columns.tasks.wakePending.peek(d.cpuOf(0).current)).toBe(WAKE_KERNEL);
  });

  it('two wakes before a sleep are one', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 1,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* cpu.kernel.wakeUp(cpu, cpu.current, WAKE_USER);
            yield* cpu.kernel.wakeUp(cpu, cpu.current, WAKE_USER);
            yield* sleeper(order)(cpu);
            yield* sleeper(order)(cpu);
          },
        },
      ],
    });
    d.run();
    expect(order).toEqual(['sleeps', 'awake', 'sleeps']);
  });

  it('an idle CPU notices without an interrupt, a busy one is interrupted if the woken task ranks higher', () => {
    const run = (priority: number, other: boolean): { order: string[]; ipis: number } => {
      const order: string[] = [];
      const tasks: TestTask[] = [
        {
          cpu: 0,
          mm: 1,
          priority,
          *body(cpu) {
            yield* cpu.kernel.sysSleep(cpu);
            order.push('woken');
          },
        },
        { cpu: 1, mm: 1, body: waker(WAKE_USER) },
      ];
      if (other) tasks.push({ cpu: 0, mm: 1, body: works(order, 'other', 30) });
      const d = new KernelDriver({ cpus: 2, tasks });
      while (d.columns.tasks.state.peek(d.cpuOf(0).current) === TASK_RUNNING)
        d.step(d.choices().filter((c) => c.cpu === 0)[0]);
      d.run();
      expect(d.allDone()).toBe(true);
      return { order, ipis: d.columns.count.ipisSent.peek(1 as CpuId) };
    };
    expect(run(0, false)).toEqual({ order: ['woken'], ipis: 0 });
    const higher = run(1, true);
    expect(higher.ipis).toBe(1);
    expect(higher.order.indexOf('woken')).toBeLessThan(29);
    const equal = run(0, true);
    expect(equal.ipis).toBe(0);
    expect(equal.order.indexOf('woken')).toBe(30);
  });
});

describe('schedule', () => {
  it('the end of a slice passes the CPU on, but not to a lower priority', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 1,
      tasks: [
        { cpu: 0, mm: 1, priority: 1, body: works(order, 'a', 20) },
        { cpu: 0, mm: 2, priority: 1, body: works(order, 'b', 20) },
        { cpu: 0, mm: 1, priority: 0, body: works(order, 'low', 2) },
      ],
    });
    d.run({ tickEvery: 20 });
    expect(d.allDone()).toBe(true);
    expect(order.indexOf('a@0')).toBeLessThan(order.lastIndexOf('b@0'));
    expect(order.indexOf('b@0')).toBeLessThan(order.lastIndexOf('a@0'));
    expect(order.slice(-2)).toEqual(['low@0', 'low@0']);
  });

  it('a moved task goes on where it was sent, with its mm loaded there', () => {
    const order: string[] = [];
    const d = new KernelDriver({
      cpus: 2,
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* works(order, 'a')(cpu);
            expect(yield* cpu.kernel.sysSchedSetaffinity(cpu, 1)).toBe(0);
            yield* works(order, 'a')(cpu);
            expect(cpu.tlbState.loadedMm.load(cpu.id)).toBe(1);
            expect(yield* cpu.kernel.sysSchedSetaffinity(cpu, 2)).toBe(-22);
          },
        },
      ],
    });
    d.run();
    expect(d.allDone(), d.whoWaits()).toBe(true);
    expect(order).toEqual(['a@0', 'a@1']);
    expect(d.columns.mm.cpumask.peek(1 as MmId)).toBe(0b11);
    checkRest(d);
  });

  it('an mm lives as long as a CPU borrows it, and goes with the last that does', () => {
    const freed: number[] = [];
    const routines = {
      *mmFree(_cpu: Cpu, mm: MmId): Path<void> {
        freed.push(mm);
      },
    };
    const exits: Body = function* (cpu) {
      yield* cpu.kernel.sysExit(cpu);
      expect(freed).toEqual([]);
      yield* cpu.kernel.doTaskDead(cpu);
    };
    const d = new KernelDriver({
      cpus: 1,
      routines,
      tasks: [
        { cpu: 0, mm: 1, body: exits },
        { cpu: 0, body: (cpu) => cpu.kernel.sysSleep(cpu) },
      ],
    });
    d.run();
    // the kernel thread, then the idle task borrowed it
    expect(d.columns.rq.activeMm.peek(0 as CpuId)).toBe(1);
    expect(d.columns.mm.count.peek(1 as MmId)).toBe(1);
    expect(freed).toEqual([]);
  });

  it('the last borrower drops it', () => {
    const freed: number[] = [];
    const d = new KernelDriver({
      cpus: 1,
      routines: {
        *mmFree(_cpu: Cpu, mm: MmId): Path<void> {
          freed.push(mm);
        },
      },
      tasks: [
        {
          cpu: 0,
          mm: 1,
          *body(cpu) {
            yield* cpu.kernel.sysExit(cpu);
            yield* cpu.kernel.doTaskDead(cpu);
          },
        },
        { cpu: 0, mm: 2, body: function* () {} },
      ],
    });
    d.run();
    expect(freed).toEqual([1]);
    checkRest(d);
  });

  it('keeps queues, references and counts right under random sleeping, waking, moving, yielding and ticks', () => {
    const restless = (seed: number): Body =>
      function* (cpu) {
        const tasks = 5;
        const first = cpu.geometry.cpus;
        let state = seed | 1;
        for (let i = 0; i < 6; i++) {
          state = Math.imul(state, 1103515245) + 12345;
          const dice = (state >>> 16) & 7;
          if (dice < 2) yield* cpu.kernel.sysSchedYield(cpu);
          else if (dice < 4) yield* cpu.kernel.sysSchedSetaffinity(cpu, (state >>> 20) % cpu.geometry.cpus);
          else if (dice < 7) yield* cpu.kernel.sysWake(cpu, (first + ((state >>> 20) % tasks)) as TaskId);
          // nobody is left asleep: each sleep is preceded by a wake of the sleeper itself
          else {
            yield* cpu.kernel.sysWake(cpu, cpu.current);
            yield* cpu.kernel.sysSleep(cpu);
          }
        }
      };
    for (let seed = 1; seed <= 80; seed++) {
      const tasks: TestTask[] = [0, 1, 2, 3].map((n) => ({
        cpu: n % 3,
        mm: 1 + (n % 2),
        priority: n & 1,
        body: restless(seed * 31 + n),
      }));
      tasks.push({ cpu: 0, body: restless(seed) });
      const d = new KernelDriver({ cpus: 3, mms: 2, tasks, switches: { lazyTlb: seed % 4 !== 0 } });
      const choose = atRandom(seed * 7919);
      let fault: string | undefined;
      d.run({
        tickEvery: seed % 2 === 0 ? 17 : 0,
        choose: (choices) => {
          fault ??= queueFault(d);
          return choose(choices);
        },
      });
      expect(fault, `seed ${seed}`).toBeUndefined();
      expect(d.allDone(), `seed ${seed}: ${d.whoWaits()}`).toBe(true);
      checkRest(d);
    }
  });
});
