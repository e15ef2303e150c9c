/** Machines for generated programs: small, and different each time, so that limits are met early. */
import type { GeometryName } from '../../hardware/geometry.ts';
import type { MachineSwitches } from '../../hardware/switches.ts';
import type { MachineSpec } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import { drawSwapSlots } from './swap.ts';
import type { Traits } from './traits.ts';

/** Values that a size may take instead of the default of geometry `tiny`. */
const SIZES: Partial<Record<GeometryName, readonly number[]>> = {
  levels: [32, 14, 122, 113, 1112],
  tlbSets: [2, 4],
  tlbWays: [1, 2, 4],
  pscEntries: [1, 4],
  asids: [1, 3, 6],
  cpumaskBits: [1, 2],
  pcpBatch: [2, 4],
  pcpHigh: [0, 1, 4, 8],
  gatherBatch: [1, 2, 3, 4],
  files: [2, 3],
  filePages: [4, 16],
  reclaimBatch: [1, 2, 4],
  pteWalkLimit: [1, 2, 8],
  flushCeiling: [0, 1, 2, 8, 33],
  qhimark: [1, 1, 2],
};

/** Frames beyond the root tables. Few make operations fail half-way; most programs get enough to do their work. */
const SPARE_FRAMES = [2, 4, 6, 8, 10, 12, 12, 16, 16, 24, 24, 32, 32, 48, 64];

/**
 * Enough for three address spaces in full, tables, batches and lists. A fork that fails leaves a task that never starts,
 * for which others may wait, so programs that fork get this much.
 */
const ENOUGH = { frames: 320, vmas: 96 };

/**
 * Variants of hardware and of the kernel's configuration. Not of the kernel: those are older versions, and a policy names the version
 * that it belongs to.
 */
const VARIANTS: Partial<MachineSwitches> = { pcid: false, spuriousFaults: false, initOnFree: true };

/** Free frames at which daemons wake and stop, and below which whoever allocates reclaims. */
const WATERMARKS = [
  { watermarkMin: 0, watermarkLow: 1, watermarkHigh: 2 },
  { watermarkMin: 1, watermarkLow: 2, watermarkHigh: 4 },
  { watermarkMin: 0, watermarkLow: 2, watermarkHigh: 3 },
  { watermarkMin: 4, watermarkLow: 5, watermarkHigh: 7 },
] as const;

/** What generated programs ask of memory: nodes, and daemons with watermarks. */
export interface Memory {
  readonly nodes: 1 | 2;
  readonly daemons: boolean;
  /** Of the swap device; 0: there is none. */
  readonly swapSlots: number;
}

/** May this size take any of its values in any program? */
export function isFreeSize(name: string): boolean {
  return Object.hasOwn(SIZES, name) && name !== 'files' && name !== 'filePages';
}

export function drawMemory(draw: Draw, traits: Traits, files: number): Memory {
  const swapSlots = drawSwapSlots(draw, traits);
  if (files === 0 && swapSlots === 0) return { nodes: 1, daemons: false, swapSlots };
  const nodes = draw.chance(0.3 * traits.tiers) ? 2 : 1;
  return { nodes, daemons: draw.chance((nodes === 2 ? 0.6 : 0.15) * traits.kswapd), swapSlots };
}

/** @param mms address spaces at the start @param forks the program forks */
export function drawMachine(
  draw: Draw,
  traits: Traits,
  { cpus, mms, forks, memory }: { cpus: number; mms: number; forks: boolean; memory: Memory },
): MachineSpec {
  const override: Record<string, number> = {};
  if (draw.chance(0.8 * traits.smallMachine)) {
    for (const [name, values] of Object.entries(SIZES)) if (draw.chance(0.35)) override[name] = draw.pick(values);
    if (draw.chance(0.7)) override.frames = Math.max(8, mms + 1 + draw.pick(SPARE_FRAMES));
  }
  if (forks) Object.assign(override, ENOUGH);
  if (memory.swapSlots > 0) override.swapSlots = memory.swapSlots;
  if (memory.nodes === 2) {
    // root tables lie in the fast node, and little else has room there
    const fastFrames = mms + 4 + draw.below(16);
    Object.assign(override, { nodes: 2, fastFrames, frames: Math.max(override.frames ?? 40, fastFrames + 8) });
  }
  if (memory.daemons) Object.assign(override, draw.pick(WATERMARKS));
  const switches = Object.fromEntries(Object.entries(VARIANTS).filter(() => draw.chance(0.15 * traits.variants)));
  return {
    cpus,
    geometry: 'tiny',
    ...(Object.keys(override).length > 0 ? { override } : {}),
    ...(Object.keys(switches).length > 0 ? { switches } : {}),
  };
}
