/** What a hunt that found nothing may claim, and no more. */
import type { SessionResult } from '../report/session.ts';

/** One line per strategy used. `cpus` is that of the machine; generated programs differ, so PCT's bound is per program. */
export function confidence(result: SessionResult, cpus: number | undefined): string[] {
  if (result.verdict !== 'clean') return ['a violation was found: nothing is claimed about what else there is'];
  if (result.complete)
    return [
      'every schedule of this scenario, or one equal to it, was run (hardware acting on its own left out): complete',
    ];
  return result.strategies.map(({ name, schedules, k, preemptions }) => {
    if (name === 'exhaustive' || preemptions === -1)
      return `${name}: ${schedules} schedules run, which are not all: nothing follows for the others`;
    if (preemptions !== undefined)
      return `${name}: every schedule with at most ${preemptions} preemptions was run (hardware acting on its own left out)`;
    const depth = Number(/^pct-(\d)$/.exec(name)?.[1] ?? 0);
    if (depth > 0 && cpus !== undefined && k !== undefined) return pct(depth, cpus * 2, k, schedules);
    const rate = schedules > 0 ? 3 / schedules : 1;
    return (
      `${name}: 0 of ${schedules} schedules failed; if failing ones have more than ${percent(Math.min(1, rate))} of this ` +
      `distribution, that had a chance below 5 % (rule of three)`
    );
  });
}

/** Burckhardt et al.: a bug of depth d is hit with probability at least 1 / (n k^(d-1)) in each run. */
function pct(depth: number, n: number, k: number, schedules: number): string {
  const hit = 1 / (n * k ** (depth - 1));
  const missed = (1 - hit) ** schedules;
  return (
    `pct-${depth}: a bug of depth ${depth} is hit with at least 1/(n k^${depth - 1}) = ${hit.toPrecision(2)} a run ` +
    `(n = ${n} threads, k = ${k} measured); missed by all ${schedules} runs with at most ${percent(missed)}`
  );
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
