/** The search of a small scope: every state of its machine, hardware acting on its own left out. */
import type { Stepper } from '../engine/stepper.ts';
import { SMALL_SCOPE } from './portfolio.ts';
import { StateSearch } from './strategies/state-search.ts';
import type { Strategy } from './strategies/strategy.ts';
import { StateHash } from './verify/state-hash.ts';
import { VisitedStates } from './verify/visited-states.ts';

/** @param stepper keeps a record of what its steps touch */
export function stateSearchOf(stepper: Stepper): Strategy {
  const hash = new StateHash();
  return new StateSearch(new VisitedStates(), () => hash.take(stepper), undefined, SMALL_SCOPE);
}
