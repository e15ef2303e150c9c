/** CPUs that go offline and come back: the order of events as published, what moves, and what is left on a CPU that has gone. */
import { describe, expect, it } from 'vitest';
import { adversaryActions } from '#tlblab/hardware/adversary.js';
import { isHalted } from '#tlblab/hardware/startup.js';
import { type CpuId, VECTOR_DEVICE, type Vpn } from '#tlblab/hardware/types.js';
import { OWNER_KERNEL } from '#tlblab/kernel/observer.js';
import {
  EBUSY,
  EINVAL,
  FAST_NODE,
  GFP_KERNEL,
  INIT_MM,
  type MmId,
  TASK_RUNNING,
  type TaskId,
  WAKE_USER,
} from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import { atRandom, type Body, KernelDriver, type TestTask } from './driver.ts';
import { inOrder } from './labels.ts';
import { freeFrames, load, RW, store } from './mm/task.ts';

const PAGE = 8 as Vpn;
const CPU0 = 0 as CpuId;
const CPU1 = 1 as CpuId;
const MM = 1 as MmId;

/** The tasks, behind them the threads of hotplug, and what a run of all of them leaves. */
function machine(cpus: number, tasks: TestTask[], more: { routines?: object; override?: Record<string, number> } = {}) {
  const threads = Array.from({ length: cpus }, (_, cpu): TestTask[] => [
    { cpu, perCpu: 'thread', priority: 1 },
    { cpu, perCpu: 'stopper', priority: 2 },
  ]).flat();
  const override = { tasks: tasks.length + threads.length, ...more.override };
  return new KernelDriver({ cpus, tasks: [...tasks, ...threads], ...more, override });
}

/** CPU1 uses a page of mm 1 and has nothing to do then; CPU0 takes it offline, and does the rest. */
function unplugged(rest: Body, more: Parameters<typeof machine>[2] = {}) {
  let used = false;
  const driver: KernelDriver = machine(
    2,
    [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
          yield* store(cpu, PAGE, 1);
          yield* cpu.kernel.sysWake(cpu, (driver.geometry.cpus + 1) as TaskId);
          yield* cpu.kernel.sysSleep(cpu);
          expect(yield* cpu.kernel.cpuDeviceDown(cpu, CPU1)).toBe(0);
          yield* rest(cpu);
        },
      },
      {
        cpu: 1,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysSleep(cpu);
          yield* load(cpu, PAGE);
          used = true;
          yield* cpu.kernel.sysWake(cpu, driver.geometry.cpus as TaskId);
          yield* cpu.kernel.sysSleep(cpu);
        },
      },
    ],
    more,
  );
  driver.run();
  expect(used).toBe(true);
  expect(driver.done(0)).toBe(true);
  return driver;
}

const isOnline = ({ columns }: KernelDriver, id: number) => (columns.cpuMasks.online.peek(0) & (1 << id)) !== 0;

describe('a CPU goes offline', () => {
  it('in the published order: tasks, borrowed mm, machine stopped, mask, interrupts, calls, RCU, death', () => {
    const { trace } = unplugged(function* () {});
    inOrder(trace, [
      'CPU0 cpuMapsUpdateBegin: lock wanted',
      'CPU0 cpuhpKickAp: hotplug thread to be asked',
      'CPU1 cpuhpThreadFun: what is to be done?',
      'CPU1 schedCpuDeactivate: CPU still in cpu_active_mask',
      'CPU1 synchronizeRcuExpedited: state of a CPU not noted',
      'CPU1 switchMm: about to leave the loaded mm',
      'CPU1 switchMm: CR3 loaded',
      'CPU1 mmdrop: one reference less',
      'CPU1 cpuhpThreadFun: done, not said yet',
      'CPU0 stopMachine: about to stop every CPU',
      'CPU0 stopMachine: work for a stopper',
      'CPU0 multiCpuStop: state reached',
      'CPU1 nativeCpuDisable: machine stopped, CPU still in cpu_online_mask',
      'CPU1 fixupIrqs: CPU out of cpu_online_mask',
      'CPU1 flushSmpCallFunctionQueue: call interrupt taken',
      'CPU1 multiCpuStop: through',
      'CPU1 cpuOnline: is the CPU online?',
      'CPU1 rcu: CPU goes idle',
      'CPU1 cpuhpReportIdleDead: nothing left to do',
      'CPU0 cpuMapsUpdateDone: set of CPUs changed',
    ]);
  });

  it('while every other CPU has its interrupts off', () => {
    const others: number[] = [];
    const routines = {
      *takeCpuDown(cpu: Parameters<Body>[0]): Path<void> {
        for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) others.push(cpu.hw.regs.irqOff.peek(id));
        yield* cpu.kernel.nativeCpuDisable(cpu);
      },
    };
    unplugged(function* () {}, { routines });
    expect(others).toEqual([1, 1]);
  });

  it('and leaves nothing: TLB empty, no mm, no frames of its own, nobody waits for it', () => {
    const driver = unplugged(function* (cpu) {
      expect(yield* cpu.kernel.rcuBarrier(cpu)).toBe(0);
      yield* cpu.kernel.sysMunmap(cpu, PAGE, 2);
      yield* cpu.kernel.rcuBarrier(cpu);
    });
    const { tlb, tlbState, pcp, mm, rq, csd } = driver.columns;
    expect(isOnline(driver, 1)).toBe(false);
    const slots = driver.geometry.tlbSets * driver.geometry.tlbWays;
    for (let slot = 0; slot < slots; slot++) expect(tlb.lo.peek(CPU1, slot)).toBe(0);
    expect([tlbState.loadedMm.peek(CPU1), rq.activeMm.peek(CPU1), pcp.count.peek(CPU1)]).toEqual([INIT_MM, INIT_MM, 0]);
    // no switch takes a CPU out of the set of an mm; calls look at those that are online
    expect(mm.cpumask.peek(MM) & 2).toBe(2);
    expect([csd.queue.peek(CPU1), csd.locked.peek(CPU0, 1)]).toEqual([0, 0]);
    expect(mm.count.peek(MM)).toBe(1);
  });

  it('is halted then: hardware does nothing on its own', () => {
    const driver = unplugged(function* () {});
    const cpu = driver.cpuAt(1);
    expect(isHalted(cpu)).toBe(true);
    expect(adversaryActions(cpu, [PAGE], [])).toBe(0);
    expect(isHalted(driver.cpuAt(0))).toBe(false);
  });

  it('but not the last one', () => {
    let results: number[] = [];
    const driver = machine(2, [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          const first = yield* cpu.kernel.cpuDeviceDown(cpu, CPU0);
          // the task is on the other CPU now
          results = [
            first,
            cpu.id,
            yield* cpu.kernel.cpuDeviceDown(cpu, CPU1),
            yield* cpu.kernel.cpuDeviceDown(cpu, CPU0),
          ];
        },
      },
    ]);
    driver.run();
    expect(results).toEqual([0, CPU1, EBUSY, 0]);
    expect([isOnline(driver, 0), isOnline(driver, 1)]).toEqual([false, true]);
  });

  it('hands frames on its lists, packets in its backlog, and an interrupt it has not taken to others', () => {
    const driver: KernelDriver = machine(2, [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysSleep(cpu);
          yield* cpu.kernel.cpuDeviceDown(cpu, CPU1);
        },
      },
      {
        cpu: 1,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.netifRx(cpu, yield* cpu.kernel.getFreePages(cpu, GFP_KERNEL));
          const pfn = yield* cpu.kernel.allocPagesNode(cpu, OWNER_KERNEL, FAST_NODE, GFP_KERNEL);
          yield* cpu.kernel.freePage(cpu, pfn);
          expect(cpu.pcp.count.own(CPU1)).toBeGreaterThan(0);
          yield* cpu.kernel.sysWake(cpu, driver.geometry.cpus as TaskId);
        },
      },
    ]);
    const { apic, softnet, pcp } = driver.columns;
    driver.runPast(1, 'nativeCpuDisable: machine stopped');
    driver.mem.words[apic.irr.at(CPU1)] |= 1 << VECTOR_DEVICE;
    const before = freeFrames(driver);
    driver.run();
    expect([apic.irr.peek(CPU1), softnet.qlen.peek(CPU1), pcp.count.peek(CPU1)]).toEqual([0, 0, 0]);
    // the packet, and the one of the interrupt, which CPU0 has taken
    expect(softnet.qlen.peek(CPU0)).toBe(2);
    expect(freeFrames(driver)).toBe(before - 1);
  });
});

describe('tasks of a CPU that goes', () => {
  it('move, whether they run, wait for their turn, sleep, or are forked later', () => {
    const ran: string[] = [];
    const tells = (name: string): Body =>
      function* (cpu): Path<void> {
        ran.push(`${name} on CPU${cpu.id}`);
      };
    const first = 2 as TaskId;
    const driver = machine(2, [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.cpuDeviceDown(cpu, CPU1);
          for (const task of [1, 2, 3]) yield* cpu.kernel.wakeUp(cpu, (first + task) as TaskId, WAKE_USER);
          yield* cpu.kernel.wakeUpNewTask(cpu, (first + 4) as TaskId);
        },
      },
      ...['running', 'queued', 'asleep'].map(
        (name): TestTask => ({
          cpu: 1,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysSleep(cpu);
            yield* tells(name)(cpu);
          },
        }),
      ),
      { cpu: 1, dead: true, body: tells('forked') },
    ]);
    driver.run();
    expect(ran.sort()).toEqual(['asleep', 'forked', 'queued', 'running'].map((name) => `${name} on CPU0`));
    const { tasks } = driver.columns;
    for (let task = first; task < first + 5; task++) expect(tasks.cpu.peek(task)).toBe(CPU0);
  });

  it('finish what they do in the kernel elsewhere, under any order of steps', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const seen: number[] = [];
      const driver = machine(3, [
        {
          cpu: 0,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.cpuDeviceDown(cpu, CPU1);
            yield* cpu.kernel.cpuDeviceUp(cpu, CPU1);
          },
        },
        {
          cpu: 1,
          mm: 1,
          *body(cpu): Path<void> {
            yield* cpu.kernel.sysMmap(cpu, PAGE, 4, RW, 1);
            for (let i = 0; i < 4; i++) yield* store(cpu, PAGE + i, i + 1);
            for (let i = 0; i < 4; i++) seen.push(yield* load(cpu, PAGE + i));
            yield* cpu.kernel.sysMunmap(cpu, PAGE, 4);
          },
        },
        { cpu: 2, mm: 1 },
      ]);
      driver.run({ choose: atRandom(seed) });
      expect(seen).toEqual([1, 2, 3, 4]);
      expect(driver.done(1)).toBe(true);
      expect(isOnline(driver, 1)).toBe(true);
    }
  });

  it('cannot be moved back before it is online again', () => {
    const results: number[] = [];
    const driver = unplugged(function* (cpu) {
      results.push(yield* cpu.kernel.sysSchedSetaffinity(cpu, CPU1), cpu.id);
      yield* cpu.kernel.cpuDeviceUp(cpu, CPU1);
      results.push(yield* cpu.kernel.sysSchedSetaffinity(cpu, CPU1), cpu.id);
      results.push(yield* load(cpu, PAGE));
    });
    expect(results).toEqual([EINVAL, CPU0, 0, CPU1, 1]);
    expect(driver.columns.tasks.state.peek(2 as TaskId)).toBe(TASK_RUNNING);
  });
});

describe('a CPU comes back', () => {
  it('in the published order: started, TLB state, mask, interrupts on, tasks allowed', () => {
    const driver = unplugged((cpu) => cpu.kernel.cpuDeviceUp(cpu, CPU1));
    inOrder(driver.trace.slice(driver.trace.lastIndexOf('CPU0 cpuMapsUpdateBegin: lock wanted')), [
      'CPU0 cpuMapsUpdateBegin: lock wanted',
      'CPU0 nativeKickAp: CPU to be started',
      'CPU1 playDead: halted until it is started',
      'CPU1 startSecondary: started',
      'CPU1 initializeTlbstateAndFlush',
      'CPU1 startSecondary: TLB state set up, CPU not yet in cpu_online_mask',
      'CPU1 cpuhpOnlineIdle: online, not reported',
      'CPU0 cpuhpKickAp: hotplug thread to be asked',
      'CPU1 schedCpuActivate: CPU not yet in cpu_active_mask',
      'CPU1 cpuhpThreadFun: done, not said yet',
      'CPU0 cpuMapsUpdateDone: set of CPUs changed',
    ]);
    const { tlbState, regs } = driver.columns;
    expect(isOnline(driver, 1)).toBe(true);
    expect(regs.irqOff.peek(CPU1)).toBe(0);
    for (let asid = 1; asid < driver.geometry.asids; asid++) expect(tlbState.ctxId.peek(CPU1, asid)).toBe(0);
  });

  it('and has forgotten what it knew of flushes: what changed meanwhile is seen', () => {
    let value = 0;
    unplugged(function* (cpu) {
      yield* cpu.kernel.sysMunmap(cpu, PAGE, 2);
      yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
      yield* store(cpu, PAGE, 2);
      yield* cpu.kernel.cpuDeviceUp(cpu, CPU1);
      yield* cpu.kernel.sysSchedSetaffinity(cpu, CPU1);
      value = yield* load(cpu, PAGE);
    });
    expect(value).toBe(2);
  });

  it('is left as it is if it is there, or gone, already', () => {
    const driver = unplugged(function* (cpu) {
      expect(yield* cpu.kernel.cpuDeviceDown(cpu, CPU1)).toBe(0);
      expect(yield* cpu.kernel.cpuDeviceUp(cpu, CPU1)).toBe(0);
      expect(yield* cpu.kernel.cpuDeviceUp(cpu, CPU1)).toBe(0);
    });
    expect(driver.trace.filter((l) => l.includes('nativeKickAp'))).toHaveLength(1);
    expect(driver.trace.filter((l) => l.includes('nativeCpuDisable'))).toHaveLength(1);
  });
});

it('a machine without the threads of hotplug looks at no mask', () => {
  const driver = new KernelDriver({
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* cpu.kernel.sysMmap(cpu, PAGE, 2, RW, 1);
          yield* store(cpu, PAGE, 1);
          yield* cpu.kernel.sysSchedSetaffinity(cpu, CPU1);
          yield* cpu.kernel.sysMunmap(cpu, PAGE, 2);
        },
      },
      { cpu: 1, mm: 1 },
    ],
  });
  driver.run();
  expect(driver.done(0)).toBe(true);
  expect(driver.trace.filter((l) => /Online|Active|balancePush|Offline/.test(l))).toEqual([]);
});
