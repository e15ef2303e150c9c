/**
 * The public surface: what plug-ins import. A policy, workload or patch is the default export of a module; the tool takes
 * the path of that module wherever it takes a name.
 */
export { definePatch } from './bugs/patch.ts';
export type { CpuId, Pfn, Vpn } from './hardware/types.ts';
export type { Cpu } from './kernel/cpu.ts';
export { type Kernel, MAINLINE } from './kernel/kernel.ts';
export type { MmId, TaskId, VmaId } from './kernel/types.ts';
export { NOWHERE, type Word } from './memory/memory.ts';
export { type Path, type Point, point } from './memory/point.ts';
export { type Column, type Owner, table } from './memory/table.ts';
export { withPoints } from './policy/flush-points.ts';
export { policyNamed } from './policy/index.ts';
export { definePolicy, type Gates, type Patch, type Policy } from './policy/policy.ts';
export * as build from './program/builder.ts';
export type { Op, Program, TaskProgram } from './program/program.ts';
export { defineWorkload, type Workload, type WorkloadParams } from './program/workload.ts';
