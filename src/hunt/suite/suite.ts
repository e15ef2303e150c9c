/**
 * Litmus suites from elsewhere: every outcome that the emulated hardware can reach, found by visiting every state, against
 * what the suite says of it.
 */
import type { MemoryModel } from '../../memory/tso-memory.ts';
import type { SuiteCase, SuiteOutcome, SuiteSection, SuiteTest, Undecided } from '../../program/suite.ts';
import { type Judged, judgeReads, judgeShape, judgeTable } from './judges.ts';

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
  /** undefined: the test is not decided. */
  readonly agrees: boolean | undefined;
  /** Why not. */
  readonly undecided: Undecided | undefined;
  /** Without an outcome: a permitted shape that was not reached. */
  readonly disagreements: readonly { readonly is: Disagreement; readonly outcome: SuiteOutcome | undefined }[];
  readonly states: number;
}

/** Runs one test. */
export function suiteRow({ section, id, cases }: SuiteTest, memory: MemoryModel): SuiteRow {
  const judged = cases.map((c) => judge(c, memory));
  const disagreements = judged.flatMap((j) => j.disagreements);
  const states = judged.reduce((sum, j) => sum + j.states, 0);
  const why = cases.length === 0 ? 'shape-open' : judged.find((j) => j.undecided !== undefined)?.undecided;
  const undecided = disagreements.length > 0 ? undefined : why;
  const agrees = undecided === undefined ? disagreements.length === 0 : undefined;
  return { section, id, agrees, undecided, disagreements, states };
}

function judge(one: SuiteCase, memory: MemoryModel): Judged {
  switch (one.is) {
    case 'table':
      return judgeTable(one, memory);
    case 'reads':
      return judgeReads(one, memory);
    case 'shape':
      return judgeShape(one, memory);
  }
}
