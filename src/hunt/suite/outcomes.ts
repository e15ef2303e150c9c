/** Every outcome of a suite's program that the emulated hardware can reach. */
import type { MemoryModel } from '../../memory/tso-memory.ts';
import type { SuiteOutcome } from '../../program/suite.ts';
import type { SuiteProgram } from '../../program/suite-program.ts';
import { StateSearch } from '../strategies/state-search.ts';
import { VisitedStates } from '../verify/visited-states.ts';
import { SuiteRun, type SuiteRunOptions } from './suite-run.ts';

export interface OutcomesOptions extends SuiteRunOptions {
  /** Ends the search at the first outcome of which this holds. */
  readonly until?: (outcome: SuiteOutcome) => boolean;
}

export interface Outcomes {
  readonly outcomes: readonly SuiteOutcome[];
  /** The one that ended the search. */
  readonly found: SuiteOutcome | undefined;
  readonly states: number;
}

export function outcomesOf(program: SuiteProgram, memory: MemoryModel, options: OutcomesOptions = {}): Outcomes {
  const run = new SuiteRun(program, memory, options);
  const visited = new VisitedStates();
  const search = new StateSearch(visited, () => run.state());
  const outcomes = new Map<string, SuiteOutcome>();
  let found: SuiteOutcome | undefined;
  while (found === undefined && search.begin()) {
    const outcome = run.execute(() => search.choose(run));
    search.end(run);
    if (outcome === undefined) continue;
    outcomes.set(JSON.stringify(outcome), outcome);
    if (options.until?.(outcome)) found = outcome;
  }
  return { outcomes: [...outcomes.values()], found, states: visited.size };
}
