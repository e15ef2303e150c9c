/** What a hunt that found nothing may claim, and no more. */
import { UNMADE } from '../hunt/hunt-sums.ts';
import type { SessionResult } from '../report/session.ts';

const FOLLOWING: ReadonlySet<string> = new Set(Object.values(UNMADE));

/**
 * One line per strategy used, and one on whether anything new still came. `cpus` is that of the machine; generated programs differ,
 * and of them PCT's bound holds for one that had its average of schedules.
 */
export function confidence(result: SessionResult, cpus: number | undefined): string[] {
  if (result.verdict !== 'clean') return ['a violation was found: nothing is claimed about what else there is'];
  if (result.complete)
    return [
      'every schedule of this scenario, or one equal to it, was run (hardware acting on its own left out): complete',
    ];
  const perStrategy = result.strategies.map(({ name, schedules, k, n, preemptions, scopes, closed }) => {
    if (FOLLOWING.has(name))
      return `${name}: 0 of ${schedules} schedules failed, which follow from others: nothing more is claimed`;
    if (name === 'exhaustive' || preemptions === -1)
      return `${name}: ${schedules} schedules run, which are not all: nothing follows for the others`;
    if (preemptions !== undefined)
      return `${name}: every schedule with at most ${preemptions} preemptions was run (hardware acting on its own left out)`;
    const depth = Number(/^pct-(\d)$/.exec(name)?.[1] ?? 0);
    if (depth > 0 && k !== undefined && n !== undefined) {
      const programs = cpus === undefined ? result.programs : 1;
      return pct(depth, { n, k, schedules, programs });
    }
    if (scopes !== undefined)
      return `${name}: all programs of ${closed} of ${scopes} scopes were searched to the end (hardware acting on its own left out)`;
    const rate = schedules > 0 ? 3 / schedules : 1;
    return (
      `${name}: 0 of ${schedules} schedules failed; if failing ones have more than ${percent(Math.min(1, rate))} of this ` +
      `distribution, that had a chance below 5 % (rule of three)`
    );
  });
  return [...perStrategy, growth(result.coverage)];
}

/** Burckhardt et al.: a bug of depth d is hit with probability at least 1 / (n k^(d-1)) in each run. */
function pct(
  depth: number,
  { n, k, schedules, programs }: { n: number; k: number; schedules: number; programs: number },
): string {
  const hit = 1 / (n * k ** (depth - 1));
  const runs = schedules / programs;
  const missed = percent((1 - hit) ** runs);
  const most = programs > 1 ? 'at most ' : '';
  const hits =
    `pct-${depth}: a bug of depth ${depth} is hit with at least 1/(n k^${depth - 1}) = ${hit.toPrecision(2)} a run ` +
    `(n = ${most}${n} threads, k = ${most}${k} measured)`;
  if (programs <= 1) return `${hits}; missed by all ${schedules} runs with at most ${missed}`;
  return `${hits}; one that a program has was missed by its ${runs.toPrecision(2)} runs, on average, with at most ${missed}`;
}

/** What the last tenth added to what was seen says whether the rest is worth the time. */
function growth({ conflicts, ledgerStates, newInLastTenth, newStatesInLastTenth }: SessionResult['coverage']): string {
  const share = (fresh: number, all: number): string => `${fresh} of ${all} (${percent(all > 0 ? fresh / all : 0)})`;
  const ended = newInLastTenth + newStatesInLastTenth === 0;
  return (
    `coverage: the last tenth of the schedules was the first to show ${share(newInLastTenth, conflicts)} of the conflicting pairs and ` +
    `${share(newStatesInLastTenth, ledgerStates)} of the states of what is owed: ` +
    (ended ? 'more of the same would hardly show anything else' : 'more schedules would show more')
  );
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
