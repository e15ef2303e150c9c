/** What a suite says of a program against what its program reaches: one judge for each way of saying it. */
import type { MemoryModel } from '../../memory/tso-memory.ts';
import type { ReadsCase, ShapeCase, SuiteOutcome, TableCase, Undecided } from '../../program/suite.ts';
import type { SuiteProgram } from '../../program/suite-program.ts';
import { covers } from './covers.ts';
import { type Outcomes, outcomesOf } from './outcomes.ts';
import { against, readingsOf } from './readings.ts';
import type { SuiteRow } from './suite.ts';
import { symmetries } from './symmetry.ts';

export type Judged = Pick<SuiteRow, 'disagreements' | 'states'> & { readonly undecided: Undecided | undefined };

export function judgeTable(
  { program, permitted, forbidden, complete, undecided }: TableCase,
  memory: MemoryModel,
): Judged {
  const { outcomes, states } = outcomesOf(program, memory);
  const renamings = symmetries(program);
  const isAmong = (list: readonly SuiteOutcome[], outcome: SuiteOutcome): boolean =>
    list.some((listed) => covers(renamings, listed, outcome));
  const wrong = outcomes.filter((o) => isAmong(forbidden, o) || (complete && !isAmong(permitted, o)));
  const isOpen = undecided === 'legality-unknown' && wrong.length > 0;
  const missing = permitted.filter((listed) => !outcomes.some((o) => covers(renamings, listed, o)));
  const disagreements = [
    ...(isOpen ? [] : wrong).map((outcome) => ({ is: 'forbidden' as const, outcome })),
    ...missing.map((outcome) => ({ is: 'unreached' as const, outcome })),
  ];
  return { disagreements, states, undecided: isOpen || undecided === 'not-user-visible' ? undecided : undefined };
}

const SPEAKS = { forbidden: 'forbidden', permitted: 'unreached', required: 'not-required' } as const;

export function judgeReads(one: ReadsCase, memory: MemoryModel): Judged {
  const { verdict } = one;
  const { list, isInstance } = readingsOf(one);
  const runs = new Map<SuiteProgram, Outcomes>();
  for (const { program } of list) if (!runs.has(program)) runs.set(program, outcomesOf(program, memory));
  const states = [...runs.values()].reduce((sum, run) => sum + run.states, 0);
  const judged = list.map(({ program, asked }) =>
    against(verdict, asked, (runs.get(program) as Outcomes).outcomes, symmetries(program)),
  );
  const wrong = judged.filter((outcomes) => outcomes.length > 0);
  if (list.length > 0 && wrong.length === 0) return { disagreements: [], states, undecided: undefined };
  // whatever is meant, it is not so; of one execution among several that are meant only a forbidden one can say that
  const isWrong = wrong.length === list.length && list.length > 0 && (!isInstance || verdict === 'forbidden');
  if (!isWrong) return { disagreements: [], states, undecided: 'outcome-open' };
  const shown = new Map(wrong.flat().map((outcome) => [JSON.stringify(outcome), outcome]));
  const disagreements = [...shown.values()].map((outcome) => ({ is: SPEAKS[verdict], outcome }));
  return { disagreements, states, undecided: undefined };
}

/**
 * A permitted shape must be reached by some program that can have it, a forbidden one by none. Reached nevertheless, it is a
 * disagreement if an invalidation that was owed forbids its pages, whatever is read; else legal executions may have it, too.
 */
export function judgeShape({ verdict, programs, same, different }: ShapeCase, memory: MemoryModel): Judged {
  const hasShape = ({ pages = {} }: SuiteOutcome): boolean =>
    same.every(([a, b]) => pages[a] === pages[b]) && different.every(([a, b]) => pages[a] !== pages[b]);
  let states = 0;
  let undecided: Undecided | undefined = programs.length === 0 ? 'shape-open' : undefined;
  for (const program of programs) {
    const until = (o: SuiteOutcome): boolean =>
      hasShape(o) && (verdict === 'permitted' || breaksInvalidation(program, o));
    const run = outcomesOf(program, memory, { pages: true, until });
    states += run.states;
    if (run.found && verdict === 'permitted') return { disagreements: [], states, undecided };
    if (run.found) return { disagreements: [{ is: 'forbidden', outcome: run.found }], states, undecided: undefined };
    if (run.outcomes.some(hasShape)) undecided = 'pages-only';
  }
  const missing = verdict === 'permitted' && programs.length > 0;
  return { disagreements: missing ? [{ is: 'unreached', outcome: undefined }] : [], states, undecided };
}

/**
 * Does an access go to another page than the one that its page leads to since an INVLPG before it? That is sure where one
 * store alone remaps the page, and the INVLPG is owed to it and follows it.
 */
function breaksInvalidation({ threads }: SuiteProgram, { pages = {} }: SuiteOutcome): boolean {
  const remaps = threads.flat().flatMap((e) => (e.op === 'WPTE' ? [e] : []));
  return threads.some((events) =>
    events.some((access, at) => {
      if (!Object.hasOwn(pages, access.id) || !('va' in access)) return false;
      const [only, ...others] = remaps.filter(({ va }) => va === access.va);
      if (only === undefined || others.length > 0) return false;
      const own = events.findIndex(({ id }) => id === only.id);
      const follows = events.slice(own + 1, at).some((e) => e.op === 'INVLPG' && e.after === only.id);
      return follows && pages[access.id] !== only.pa;
    }),
  );
}
