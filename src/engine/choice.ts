/** What a scheduler picks: the next event of the machine, as one integer. */
import type { CpuId } from '../hardware/types.ts';

/** Kind in bits 26-30, CPU in bits 20-25, argument in bits 0-19. */
export type Choice = number & { readonly brand: 'Choice' };

/** The running path of a CPU goes on to its next point. */
export const RUN = 0;
/** A pending interrupt is delivered. */
export const DELIVER = 1;
/** Hardware acts on its own: an action of `hardware/adversary.ts` in the argument. */
export const ADVERSARY = 2;
/** The timer of a CPU fires (its interrupt is then delivered as any other). */
export const TICK = 3;

/** The oldest store in the buffer of a CPU becomes visible. */
export const DRAIN = 4;

/** The task that runs on a CPU begins one of the operations that are left to choice: its number in the argument. */
export const PICK = 5;

export type ChoiceKind = typeof RUN | typeof DELIVER | typeof ADVERSARY | typeof TICK | typeof DRAIN | typeof PICK;

export function choice(kind: ChoiceKind, cpu: CpuId | number, argument = 0): Choice {
  return ((kind << 26) | (cpu << 20) | argument) as Choice;
}
export function choiceKind(c: Choice): ChoiceKind {
  return (c >>> 26) as ChoiceKind;
}
export function choiceCpu(c: Choice): CpuId {
  return ((c >>> 20) & 63) as CpuId;
}
/** Does the path of a CPU go on, and not hardware on its own? */
export function isOfPath(c: Choice): boolean {
  const kind = choiceKind(c);
  return kind === RUN || kind === PICK || kind === DELIVER;
}
export function choiceArgument(c: Choice): number {
  return c & 0xfffff;
}

/** In place of a choice: a task goes on, in the midst of a step, because another one has switched to it. */
export const SWITCHED_TO = -1;

/** Why a path goes on. */
export type Turn = Choice | typeof SWITCHED_TO;
