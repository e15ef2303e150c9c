/**
 * A hunt until enough is found: hunts follow each other until the schedules are used up, and go on from what earlier ones saw;
 * every conviction becomes a finding, and one with a cause that was met before is counted but not reported. A hunt that is directed at its
 * patches goes on behind findings that are there without them, too. With a journal it can be killed at any moment and goes on where it was.
 */

import { convictsWithout } from '../hunt/directed/without-patches.ts';
import { Fuzz } from '../hunt/fuzz.ts';
import { type HuntOptions, type HuntResult, hunt, type RawFinding } from '../hunt/hunt.ts';
import type { HuntSums } from '../hunt/hunt-sums.ts';
import type { Finding } from '../program/finding.ts';
import { buildFinding, type FindingOrigin, FULL_BUDGET, NO_BUDGET } from './build-finding.ts';
import { Causes } from './causes.ts';
import type { HuntJournal } from './hunt-journal.ts';
import { added, NO_SUMS } from './hunt-sums.ts';

export interface SessionOptions {
  readonly hunt: Omit<HuntOptions, 'seed' | 'schedules' | 'outOfTime' | 'progress' | 'fuzz' | 'between'>;
  readonly origin: FindingOrigin;
  readonly schedules: number;
  /** Findings of different causes after which the session ends. */
  readonly findings: number;
  /** Programs are made from those of the corpus, too. */
  readonly feedback: boolean;
  /** Where the corpus and the state of the hunt are kept; undefined: nowhere. */
  readonly journal?: HuntJournal;
  /** Polled between schedules; true ends the hunt, not the work on a finding. */
  outOfTime(): boolean;
  /** Asked between two programs: is it time to save? */
  savesNow(): boolean;
  /** Polled while a finding is worked on; true ends that early. */
  abandoned(): boolean;
  progress(at: SessionProgress): void;
  /**
   * A finding: first as found (`final` false), then shrunk and graded. The second replaces the first; it is an earlier one if
   * that has the same cause.
   */
  found(finding: Finding, final: boolean): void;
}

export interface SessionProgress {
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
  readonly findings: number;
  /** What the hunt has seen, in pairs and states; programs of the corpus. */
  readonly coverage: number;
  readonly corpus: number;
}

export interface SessionResult extends HuntSums {
  readonly verdict: 'clean' | 'violation' | 'diverged';
  readonly coverage: HuntResult['coverage'];
  /** Programs that showed something new. */
  readonly corpus: number;
  readonly complete: boolean;
  /** Convictions of a cause that was reported already. */
  readonly duplicates: number;
  /** How often the cause of each finding was met, by the finding's id. */
  readonly times: ReadonlyMap<string, number>;
  /** The first finding of a directed hunt that says nothing of its patches, by its id: the policy is convicted without them, too. */
  readonly anyway: ReadonlySet<string>;
  /** Schedules that were run before, by a process that did not come to the end. */
  readonly resumedSchedules: number;
  /** Files that were left out, a line for each. */
  readonly notes: readonly string[];
}

/** Runs the session. @throws PathError when a plug-in breaks the rules of paths. */
export function huntSession(options: SessionOptions): SessionResult {
  return new Session(options).run();
}

class Session {
  private readonly fuzz: Fuzz;
  private readonly causes = new Causes();
  private readonly findings = new Map<string, Finding>();
  private readonly anyway = new Set<string>();
  private sums = NO_SUMS;
  private hunts = 0;

  constructor(private readonly options: SessionOptions) {
    const { origin, feedback } = options;
    const { cpus, strategies, patches, directed = patches.length > 0 } = options.hunt;
    this.fuzz = new Fuzz({ seed: origin.seed, cpus, strategies, feedback, directed });
  }

  run(): SessionResult {
    const { options, fuzz, causes } = this;
    this.goOn();
    const { schedules: resumedSchedules } = this.sums;
    let last: HuntResult | undefined;
    const isEnough = (): boolean =>
      causes.size - this.anyway.size >= options.findings || this.sums.schedules >= options.schedules;
    while (!isEnough() && !options.outOfTime()) {
      last = this.hunt();
      if (!last.found || last.diverged) break;
      this.report(last.found);
      this.save(this.sums);
    }
    options.journal?.keepEntries(fuzz.corpus);
    return {
      ...this.sums,
      verdict: last?.diverged ? 'diverged' : causes.size > 0 ? 'violation' : 'clean',
      coverage: fuzz.coverage.summary(),
      corpus: fuzz.corpus.size,
      complete: this.hunts === 1 && last?.complete === true,
      duplicates: causes.duplicates,
      times: causes.times(),
      anyway: this.anyway,
      resumedSchedules,
      notes: options.journal?.notes ?? [],
    };
  }

  private hunt(): HuntResult {
    const { options, fuzz, causes, sums: before } = this;
    const result = hunt({
      ...options.hunt,
      fuzz,
      seed: (options.origin.seed + Math.imul(this.hunts++, 0x9e3779b1)) >>> 0,
      schedules: options.schedules - before.schedules,
      outOfTime: () => options.outOfTime(),
      between: (sofar) => {
        if (options.savesNow()) this.save(added(before, sofar));
      },
      progress: (now) =>
        options.progress({
          schedules: before.schedules + now.schedules,
          steps: before.steps + now.steps,
          programs: before.programs + now.programs,
          findings: causes.size,
          coverage: fuzz.coverage.size,
          corpus: fuzz.corpus.size,
        }),
    });
    this.sums = added(before, result);
    return result;
  }

  private report(raw: RawFinding): void {
    const { options, causes } = this;
    const { origin, journal } = options;
    if (causes.isKnown(raw)) return;
    const isAnyway = this.isAnyway({ program: raw.plan.program, choices: raw.choices });
    // one says that there are such; to make each small takes the time that the patches are to have
    if (isAnyway && this.anyway.size > 0) return;
    options.found(buildFinding(raw, origin, NO_BUDGET), false);
    const finding = buildFinding(raw, origin, FULL_BUDGET, () => options.abandoned());
    const id = causes.idOf(raw, finding);
    if (id === finding.id) {
      journal?.keep(finding);
      // without the patches a long run may soon go other ways, and not come to the harm that a short one comes to there, too
      if (isAnyway || this.isAnyway(finding)) this.anyway.add(id);
    }
    this.show(this.findings.get(id) ?? finding);
  }

  /** Does it say nothing of the patches? */
  private isAnyway(of: Parameters<typeof convictsWithout>[1]): boolean {
    const { hunt: hunted, origin } = this.options;
    return this.fuzz.isDirected && hunted.source === 'fuzz' && convictsWithout(hunted, of, origin.seed);
  }

  private show(finding: Finding): void {
    this.findings.set(finding.id, finding);
    this.options.found(finding, true);
  }

  private goOn(): void {
    const from = this.options.journal?.load(this.fuzz.corpus);
    if (from) {
      this.fuzz.goOn(from.fuzz);
      this.causes.goOn(from.causes);
      this.sums = from.sums;
      for (const finding of from.findings) {
        if (this.isAnyway(finding)) this.anyway.add(finding.id);
        this.show(finding);
      }
    }
    // from here on the corpus is this hunt's own, whatever others add to the directory
    this.save(this.sums);
  }

  private save(sums: HuntSums): void {
    this.options.journal?.save(this.fuzz.corpus, { fuzz: this.fuzz.place(), causes: this.causes.place(), sums });
  }
}
