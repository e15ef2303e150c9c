/**
 * A hunt until enough is found: hunts follow each other with seeds of their own until the schedules are used up; every
 * conviction becomes a finding, and a second one of the same kind is counted but not reported.
 */
import { LOAD, STORE } from '../hardware/types.ts';
import { type HuntOptions, type HuntResult, hunt, type RawFinding, type StrategyUse } from '../hunt/hunt.ts';
import { opName } from '../oracle/oracle.ts';
import type { Finding } from '../program/finding.ts';
import { buildFinding, type FindingOrigin, FULL_BUDGET, NO_BUDGET } from './build-finding.ts';

export interface SessionOptions {
  readonly hunt: Omit<HuntOptions, 'seed' | 'schedules' | 'outOfTime' | 'progress'>;
  readonly origin: FindingOrigin;
  readonly schedules: number;
  /** Findings of different kinds after which the session ends. */
  readonly findings: number;
  /** Polled between schedules; true ends the hunt, not the work on a finding. */
  outOfTime(): boolean;
  /** Polled while a finding is worked on; true ends that early. */
  abandoned(): boolean;
  progress(at: { schedules: number; steps: number; programs: number; findings: number }): void;
  /** A finding: first as found (`final` false), then shrunk and graded. The second replaces the first. */
  found(finding: Finding, final: boolean): void;
}

export interface SessionResult {
  readonly verdict: 'clean' | 'violation' | 'diverged';
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
  readonly strategies: readonly StrategyUse[];
  readonly windows: HuntResult['windows'];
  readonly coverage: HuntResult['coverage'];
  readonly complete: boolean;
  /** Convictions of a kind that was reported already. */
  readonly duplicates: number;
}

/** Runs the session. @throws PathError when a plug-in breaks the rules of paths. */
export function huntSession(options: SessionOptions): SessionResult {
  const { origin } = options;
  const kinds = new Set<string>();
  const results: HuntResult[] = [];
  let duplicates = 0;
  const sum = (of: (r: HuntResult) => number): number => results.reduce((total, r) => total + of(r), 0);
  const left = (): number => options.schedules - sum((r) => r.schedules);
  do {
    const before = { schedules: sum((r) => r.schedules), steps: sum((r) => r.steps), programs: sum((r) => r.programs) };
    const result = hunt({
      ...options.hunt,
      seed: (origin.seed + Math.imul(results.length, 0x9e3779b1)) >>> 0,
      schedules: left(),
      outOfTime: () => options.outOfTime(),
      progress: (now) =>
        options.progress({
          schedules: before.schedules + now.schedules,
          steps: before.steps + now.steps,
          programs: before.programs + now.programs,
          findings: kinds.size,
        }),
    });
    results.push(result);
    if (!result.found || result.diverged) break;
    const kind = kindOf(result.found);
    if (kinds.has(kind)) {
      duplicates++;
      continue;
    }
    kinds.add(kind);
    options.found(buildFinding(result.found, origin, NO_BUDGET), false);
    options.found(
      buildFinding(result.found, origin, FULL_BUDGET, () => options.abandoned()),
      true,
    );
  } while (kinds.size < options.findings && left() > 0 && !options.outOfTime());
  const last = results[results.length - 1];
  return {
    verdict: last.diverged ? 'diverged' : kinds.size > 0 ? 'violation' : 'clean',
    schedules: sum((r) => r.schedules),
    steps: sum((r) => r.steps),
    programs: sum((r) => r.programs),
    strategies: merged(
      results.flatMap((r) => r.strategies),
      (s) => s.name,
      joined,
    ),
    windows: merged(
      results.flatMap((r) => r.windows),
      (w) => w.path,
      (a, b) => ({ ...a, count: a.count + b.count, longestSteps: Math.max(a.longestSteps, b.longestSteps) }),
    ),
    coverage: results.map((r) => r.coverage).reduce((a, b) => (b.conflicts > a.conflicts ? b : a)),
    complete: results.length === 1 && last.complete,
    duplicates,
  };
}

/** Two convictions of one kind: the same harm, ended by the same sort of operation, seen by the same sort of access. */
export function kindOf({ conviction: { harm, violation, says }, plan }: RawFinding): string {
  if (!violation) return `${plan.program.machine.cpus} ${harm} ${says.replace(/\d+/g, 'n')}`;
  const { kind, endedBy } = violation;
  const access = kind < 0 ? 'read back' : kind === STORE ? 'store' : kind === LOAD ? 'load' : 'fetch';
  return `${harm}: ${access}${endedBy ? ` behind ${opName(endedBy.op)}` : ''}`;
}

function joined(a: StrategyUse, b: StrategyUse): StrategyUse {
  return {
    ...a,
    ...b,
    schedules: a.schedules + b.schedules,
    steps: a.steps + b.steps,
    newPairs: a.newPairs + b.newPairs,
    found: [...a.found, ...b.found],
    k: larger(a.k, b.k),
  };
}

function merged<T>(all: readonly T[], key: (one: T) => string, join: (a: T, b: T) => T): T[] {
  const byKey = new Map<string, T>();
  for (const one of all) {
    const known = byKey.get(key(one));
    byKey.set(key(one), known === undefined ? one : join(known, one));
  }
  return [...byKey.values()];
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
