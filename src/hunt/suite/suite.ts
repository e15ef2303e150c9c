/**
 * Litmus suites from elsewhere: every outcome that the emulated hardware can reach, found by visiting every state, against
 * what the suite says of it.
 */
import type { MemoryModel } from '../../memory/tso-memory.ts';
import type { SuiteCase, SuiteOutcome, SuiteSection, SuiteTest } from '../../program/suite.ts';
import { StateSearch } from '../strategies/state-search.ts';
import { VisitedStates } from '../visited-states.ts';
import { SuiteRun } from './suite-run.ts';
import { type Renaming, symmetries } from './symmetry.ts';

export type Disagreement =
  /** An outcome that the suite forbids, or that is not among those it permits, was reached. */
  | 'forbidden'
  /** An outcome that it permits was not. */
  | 'unreached'
  /** Another one than the required was. */
  | 'not-required';

export interface SuiteRow {
  readonly section: SuiteSection;
  readonly id: string;
  /** undefined: values do not decide the test. */
  readonly agrees: boolean | undefined;
  readonly disagreements: readonly { readonly is: Disagreement; readonly outcome: SuiteOutcome }[];
  readonly states: number;
}

/** Runs one test. */
export function suiteRow({ section, id, cases }: SuiteTest, memory: MemoryModel): SuiteRow {
  const judged = cases.map((c) => judge(c, memory));
  const disagreements = judged.flatMap((j) => j.disagreements);
  const decided = judged.length > 0 && judged.every((j) => j.decided);
  const states = judged.reduce((sum, j) => sum + j.states, 0);
  return { section, id, agrees: decided ? disagreements.length === 0 : undefined, disagreements, states };
}

/** Every outcome of the program that can be reached, and how many states there are. */
export function outcomesOf(
  program: SuiteCase['program'],
  memory: MemoryModel,
): { outcomes: SuiteOutcome[]; states: number } {
  const run = new SuiteRun(program, memory);
  const visited = new VisitedStates();
  const search = new StateSearch(visited, () => run.state());
  const outcomes = new Map<string, SuiteOutcome>();
  while (search.begin()) {
    const outcome = run.execute(() => search.choose(run));
    search.end(run);
    if (outcome) outcomes.set(JSON.stringify(outcome), outcome);
  }
  return { outcomes: [...outcomes.values()], states: visited.size };
}

function judge(
  { program, permitted, forbidden, required, complete, ambiguous }: SuiteCase,
  memory: MemoryModel,
): Pick<SuiteRow, 'disagreements' | 'states'> & { decided: boolean } {
  const { outcomes, states } = outcomesOf(program, memory);
  const renamings = symmetries(program);
  const isAmong = (list: readonly SuiteOutcome[], outcome: SuiteOutcome): boolean =>
    list.some((listed) => covers(renamings, listed, outcome));
  const wrong = outcomes.filter((o) => isAmong(forbidden, o) || (complete && !isAmong(permitted, o)));
  if (ambiguous && wrong.length > 0) return { decided: false, disagreements: [], states };
  const missing = permitted.filter((listed) => !outcomes.some((o) => covers(renamings, listed, o)));
  const others = required.length === 0 ? [] : outcomes.filter((o) => !isAmong(required, o));
  const disagreements = [
    ...wrong.map((outcome) => ({ is: 'forbidden' as const, outcome })),
    ...missing.map((outcome) => ({ is: 'unreached' as const, outcome })),
    ...others.map((outcome) => ({ is: 'not-required' as const, outcome })),
  ];
  return { decided: true, disagreements, states };
}

/** Is the outcome, under some renaming, the listed one, as far as that goes? */
function covers(renamings: readonly Renaming[], listed: SuiteOutcome, outcome: SuiteOutcome): boolean {
  return renamings.some((rename) => {
    const { reads, mem = {}, map = {} } = rename(listed);
    return agree(reads, outcome.reads) && agree(mem, outcome.mem ?? {}) && agree(map, outcome.map ?? {});
  });
}

function agree<T>(asked: Readonly<Record<string, T>>, given: Readonly<Record<string, T>>): boolean {
  return Object.entries(asked).every(([key, value]) => given[key] === value);
}
