/**
 * The words of CPU hotplug: Linux kernel/cpu.c, include/linux/cpumask.h, kernel/stop_machine.c. Only machines whose program takes CPUs
 * down or brings them up have the threads for it (CONFIG_HOTPLUG_CPU); on all others nothing here is ever looked at.
 */
import type { Geometry } from '../../hardware/geometry.ts';
import type { CpuId } from '../../hardware/types.ts';
import { table } from '../../memory/table.ts';
import { pcpWidth } from '../mm/zone-tables.ts';
import { NETDEV_MAX_BACKLOG } from '../net/tables.ts';

/** Linux: the masks of all CPUs, and the lock of those who change them. */
const CPU_MASKS = table<number, Geometry>()('cpuMasks', () => 1, {
  /**
   * cpu_online_mask. A bit goes while the machine is stopped: whoever reads it with preemption off and uses what he has read before
   * preemption comes back on never meets a CPU that has gone meanwhile. It comes back at any time.
   */
  online: { owner: 'shared', width: (g: Geometry) => g.maskWords },
  /** cpu_add_remove_lock, and with it cpu_hotplug_lock: 0, or the task that holds it plus one. */
  addRemoveLock: 'shared',
});

/** Linux: struct cpuhp_cpu_state and what else hotplug keeps per CPU. */
const CPUHP = table<CpuId, Geometry>()('cpuhp', (g) => g.cpus, {
  /** Its hotplug thread and its stopper, plus one; 0: a machine without hotplug. */
  thread: 'once',
  stopper: 'once',
  /** What its hotplug thread is to do, a CPUHP_* number; 0 when that is done. */
  asked: 'shared',
  /** The task that has asked, plus one. */
  by: 'once',
  /** 1 while the CPU is not in cpu_active_mask: what runs there is to leave. */
  inactive: { writtenBy: 'cpu' },
  /** rcuwait: its hotplug thread sleeps until no other task is there. */
  waitsEmpty: { private: 'cpu' },
  /** ap_sync_state: 1 from the last step of a CPU that goes to the first one of a CPU that is back. */
  dead: 'shared',
  /** Frames and packets that a CPU has left behind, one after the other; 0 ends them. Whoever has taken it down clears them away. */
  frames: { owner: 'once', width: (g: Geometry) => g.nodes * pcpWidth(g) + 1 },
  packets: { owner: 'once', width: () => NETDEV_MAX_BACKLOG + 1 },
  /** 1 while its stopper has the work of a stop_machine() to do. */
  stops: 'shared',
});

/** Linux: struct multi_stop_data, of the one stop_machine() that there can be at a time. */
const STOP_MACHINE = table<number, Geometry>()('stopMachine', () => 1, {
  /** A MULTI_STOP_* number. */
  state: 'shared',
  /** CPUs that have not come to the present state. */
  threadAck: 'shared',
  /** CPUs that are stopped, the one that goes (plus one), and the task that waits (plus one). */
  numThreads: 'once',
  active: 'once',
  by: 'once',
  /** cpu_stop_done: stoppers that are not through. */
  nrTodo: 'shared',
});

export const HOTPLUG_TABLES = { cpuMasks: CPU_MASKS, cpuhp: CPUHP, stopMachine: STOP_MACHINE } as const;
