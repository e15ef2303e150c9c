/** Where traced threads run: an strace log names no CPU, so the CPU is chosen, and the choice is printed. */

/**
 * - `round-robin`: by order of creation.
 * - `by-tid`: thread id modulo the number of CPUs.
 * - `affinity`: as round-robin, and a thread that sets its own affinity moves to the first CPU it allows.
 * - `seeded`: at random, from the seed.
 */
export type Placement = (typeof PLACEMENTS)[number];

export const PLACEMENTS = ['round-robin', 'by-tid', 'affinity', 'seeded'] as const;

/** The CPU on which a thread starts. @param random unsigned 32-bit numbers */
export function placeThread(
  placement: Placement,
  thread: { tid: number; created: number },
  cpus: number,
  random: () => number,
): number {
  switch (placement) {
    case 'by-tid':
      return thread.tid % cpus;
    case 'seeded':
      return random() % cpus;
    default:
      return thread.created % cpus;
  }
}

/** The CPU to move to for an affinity such as `[0 1]` or `[2-5]`, on a machine that may have fewer CPUs. */
export function affinityCpu(mask: string | undefined, cpus: number): number | undefined {
  const first = /^\[(\d+)/.exec(mask ?? '')?.[1];
  return first === undefined ? undefined : Number(first) % cpus;
}
