/** The routines of `sched/` that go into the kernel record. */
import { contextSwitch, exitMm, mmdropLazyTlbSched, mmgrab } from './context-switch.ts';
import {
  balanceHotplugWait,
  balancePush,
  pushCurrent,
  schedCpuActivate,
  schedCpuDeactivate,
  schedCpuWaitEmpty,
  schedForceInitMm,
} from './hotplug.ts';
import { cpuIdleLoop } from './idle.ts';
import { wakeUpKthread } from './kthread.ts';
import { pollBegin, pollEnd, pollYield, sleepIfOthersRunnable, yieldIfOthersRunnable } from './polling.ts';
import { doTaskDead, finishTaskSwitch, schedule, scheduleAs, scheduleTail, sleepOn } from './schedule.ts';
import { sysSchedSetaffinity, sysSchedYield, sysSleep, sysWake } from './syscalls.ts';
import { schedTick, schedulerIpi } from './tick.ts';
import { activateTask, isTaskDead, wakeUp, wakeUpNewTask } from './wake.ts';

export const schedRoutines = {
  schedule,
  scheduleAs,
  scheduleTail,
  finishTaskSwitch,
  contextSwitch,
  exitMm,
  mmgrab,
  mmdropLazyTlbSched,
  sleepOn,
  doTaskDead,
  wakeUp,
  wakeUpNewTask,
  wakeUpKthread,
  isTaskDead,
  activateTask,
  pollBegin,
  pollEnd,
  pollYield,
  yieldIfOthersRunnable,
  sleepIfOthersRunnable,
  cpuIdleLoop,
  schedTick,
  schedulerIpi,
  sysSchedYield,
  sysSchedSetaffinity,
  sysSleep,
  sysWake,
  balancePush,
  pushCurrent,
  balanceHotplugWait,
  schedForceInitMm,
  schedCpuDeactivate,
  schedCpuWaitEmpty,
  schedCpuActivate,
};
