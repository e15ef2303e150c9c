/** The routines of `cpuhp/` that go into the kernel record. */
import {
  archCpuIdleDead,
  cpuDeviceDown,
  cpuDown,
  cpuMapsUpdateBegin,
  cpuMapsUpdateDone,
  devCpuDead,
  finishCpu,
  fixupIrqs,
  nativeCpuDisable,
  pageAllocCpuDead,
  smpcfdDyingCpu,
  takeCpuDown,
  takedownCpu,
} from './down.ts';
import { cpumaskAndOnline } from './masks.ts';
import { cpuStopperThread, multiCpuStop, stopMachine } from './stop-machine.ts';
import { cpuhpKickAp, cpuhpThreadFun } from './threads.ts';
import { bringupCpu, cpuDeviceUp, cpuUp, initializeTlbstateAndFlush, startSecondary } from './up.ts';

export const cpuhpRoutines = {
  cpumaskAndOnline,
  cpuMapsUpdateBegin,
  cpuMapsUpdateDone,
  cpuDeviceDown,
  cpuDown,
  cpuhpKickAp,
  cpuhpThreadFun,
  stopMachine,
  cpuStopperThread,
  multiCpuStop,
  takedownCpu,
  takeCpuDown,
  nativeCpuDisable,
  fixupIrqs,
  smpcfdDyingCpu,
  archCpuIdleDead,
  finishCpu,
  pageAllocCpuDead,
  devCpuDead,
  cpuDeviceUp,
  cpuUp,
  bringupCpu,
  startSecondary,
  initializeTlbstateAndFlush,
};
