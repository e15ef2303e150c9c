/**
 * Linux: kernel/cpu.c cpu_device_up(), _cpu_up(), bringup_cpu(), and arch/x86/kernel/smpboot.c start_secondary(): a CPU comes back with
 * nothing cached and the kernel's own tables loaded. The order: INIT and STARTUP, TLB state set up anew, into cpu_online_mask,
 * interrupts on, then, by its hotplug thread, into cpu_active_mask.
 */
import { localIrqRestore } from '../../hardware/apic.ts';
import { toggleCr4Pge, writeCr3 } from '../../hardware/invalidate.ts';
import { sendStartup } from '../../hardware/startup.ts';
import type { CpuId, Pcid, Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskSet, maskWord } from '../cpumask.ts';
import { kernPcid } from '../tlb/switch-mm.ts';
import { type Asid, INIT_MM, type MmId } from '../types.ts';
import { onlineCpus } from './masks.ts';
import { CPUHP_UP } from './threads.ts';

const ROW = 0;
/** PCID of the tables that the trampoline loads: the bits of CR3 are 0. */
const NO_PCID = 0 as Pcid;

const SENDS = point('nativeKickAp: CPU to be started');
const ALIVE_AWAITED = point('bringupWaitForApOnline: is the CPU online?');
const HALTED = point('playDead: halted until it is started');
const STARTED = point('startSecondary: started, interrupts from before to be forgotten');
const TLB_STATE = point('initializeTlbstateAndFlush: generation of the kernel not read');
const COMES = point('startSecondary: TLB state set up, CPU not yet in cpu_online_mask');
const REPORTS = point('cpuhpOnlineIdle: online, not reported');

/** 1 written to /sys/devices/system/cpu/cpuN/online: when it returns, `target` is online. Task context. */
export function* cpuDeviceUp(cpu: Cpu, target: CpuId): Path<number> {
  const { kernel } = cpu;
  yield* kernel.cpuMapsUpdateBegin(cpu);
  if (!(yield* onlineCpus(cpu)).includes(target)) yield* kernel.cpuUp(cpu, target);
  yield* kernel.cpuMapsUpdateDone(cpu);
  return 0;
}

/** Linux: _cpu_up(). Caller holds addRemoveLock. */
export function* cpuUp(cpu: Cpu, target: CpuId): Path<void> {
  const { kernel } = cpu;
  yield* kernel.bringupCpu(cpu, target);
  yield* kernel.cpuhpKickAp(cpu, target, CPUHP_UP);
}

/** Linux: bringup_cpu(), native_kick_ap(): starts the CPU and waits until it runs its idle loop. */
export function* bringupCpu(cpu: Cpu, target: CpuId): Path<void> {
  const { dead } = cpu.cpuhp;
  if (cpu.at(SENDS, cpu.hw.apic.startup.at(target))) yield;
  sendStartup(cpu, target);
  do yield cpu.waitWhile(ALIVE_AWAITED, dead.at(target), 1);
  while (dead.load(target) !== 0);
}

/** Linux: start_secondary(), from the halt in which the CPU is to the idle loop. Interrupts off until it is online. */
export function* startSecondary(cpu: Cpu): Path<void> {
  const { cpuMasks, cpuhp, kernel } = cpu;
  const { startup, irr } = cpu.hw.apic;
  const me = cpu.id;
  do yield cpu.waitWhile(HALTED, startup.at(me), 0);
  while (startup.exchange(me, 0) === 0);
  if (cpu.at(STARTED, irr.at(me))) yield;
  irr.store(me, 0);
  writeCr3(cpu, cpu.mm.pgd.load(INIT_MM) as Pfn, NO_PCID, false);
  toggleCr4Pge(cpu);
  yield* kernel.initializeTlbstateAndFlush(cpu);
  if (cpu.at(COMES, maskWord(cpu, cpuMasks.online, ROW, me))) yield;
  cpumaskSet(cpu, cpuMasks.online, ROW, me);
  localIrqRestore(cpu);
  if (cpu.at(REPORTS, cpuhp.dead.at(me))) yield;
  cpuhp.dead.store(me, 0);
}

/**
 * Linux: arch/x86/mm/tlb.c initialize_tlbstate_and_flush(), of cpu_init(): the CPU has not heard of any flush while it was away, and its
 * CR3 does not have the PCID that the kernel believes in. Interrupts off, the kernel's tables loaded.
 */
export function* initializeTlbstateAndFlush(cpu: Cpu): Path<void> {
  const { tlbState, mm, geometry, hw } = cpu;
  const me = cpu.id;
  const pgd = mm.pgd.load(tlbState.loadedMm.load(me) as MmId) as Pfn;
  if (hw.regs.cr3Pgd.own(me) !== pgd) cpu.bug(`CPU${me} comes back with other page tables than it believes to have`);
  if (cpu.at(TLB_STATE, mm.tlbGen.at(INIT_MM))) yield;
  const tlbGen = mm.tlbGen.load(INIT_MM);
  writeCr3(cpu, pgd, cpu.switches.pcid ? kernPcid(0 as Asid) : NO_PCID, false);
  tlbState.loadedMmAsid.put(me, 0);
  tlbState.nextAsid.put(me, 1);
  tlbState.ctxId.put(me, mm.ctxId.load(INIT_MM));
  tlbState.ctxTlbGen.put(me, tlbGen);
  for (let asid = 1; asid < geometry.asids; asid++) tlbState.ctxId.put(me, 0, asid);
}
