/** Swap in generated programs: the device, and the duties that take what an address space maps away from it. */
import type { Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import { FILE_SHARES, type FileOp, isFileOp } from './files.ts';
import type { AddressSpace } from './pages.ts';
import type { TraitName, Traits } from './traits.ts';

/** Sizes of the device: mostly room for all, sometimes for too little. */
const SLOTS = [1, 2, 4, 8, 16, 32, 96, 96];

/** Slots of the machine's swap device; 0 if the trait is off. */
export function drawSwapSlots(draw: Draw, traits: Traits): number {
  return draw.chance(0.45 * traits.swap) ? draw.pick(SLOTS) : 0;
}

const SHARES = { swapout: 3, relocate: 2 } satisfies Partial<Record<TraitName, number>>;

export type SwapOp = keyof typeof SHARES;

/** Shares of the duties, compaction among them, which needs no file; none on a machine without swap. */
export function swapShares(traits: Traits, slots: number): Partial<Record<SwapOp | 'compaction', number>> {
  if (slots === 0) return {};
  const all = { ...SHARES, compaction: FILE_SHARES.compaction };
  return Object.fromEntries(Object.entries(all).map(([name, share]) => [name, share * traits[name as TraitName]]));
}

function isSwapOp(name: string): name is SwapOp {
  return Object.hasOwn(SHARES, name);
}

/** An operation on a file, or one of swap: kernel threads do them, too. */
export function isDuty(name: string): name is FileOp | SwapOp {
  return isFileOp(name) || isSwapOp(name);
}

/** @param space whose pages they are @param of a task that has it; undefined: the acting one */
export function drawSwapOp(
  name: SwapOp,
  draw: Draw,
  space: AddressSpace,
  { sharing, of, nodes }: { sharing: number; of: string | undefined; nodes: number },
): Op {
  const { page, pages } = space.rangeToChange(draw, sharing);
  space.remember(page);
  const range = { page, ...(pages > 1 ? { pages } : {}), ...(of === undefined ? {} : { of }) };
  if (name === 'swapout') return { do: 'reclaim', ...range };
  const slow = nodes > 1 && draw.chance(0.7) ? { node: 1 } : {};
  return { do: 'migrate', ...range, ...(draw.chance(0.3) ? { sync: true } : {}), ...slow };
}
