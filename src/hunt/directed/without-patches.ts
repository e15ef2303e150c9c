/** Is a conviction about the patches of a hunt, or would the policy be convicted without them? */
import type { Program } from '../../program/program.ts';
import { type HuntOptions, hunt } from '../hunt.ts';

/** Schedules that begin like that of a finding: enough to meet its harm again, if it is there without the patches. */
const ALIKE = 64;

/** Is there a conviction without the patches by schedules that begin like this one? Then it says nothing about them. */
export function convictsWithout(
  { policy, strict, memory, costs }: Pick<HuntOptions, 'policy' | 'strict' | 'memory' | 'costs'>,
  { program, choices }: { readonly program: Program; readonly choices: readonly number[] },
  seed: number,
): boolean {
  const { found } = hunt({
    policy,
    patches: [],
    source: program,
    seed,
    schedules: ALIKE,
    strategies: ['replay'],
    recorded: choices,
    strict,
    memory,
    costs,
    outOfTime: () => false,
  });
  return found !== undefined;
}
