/**
 * The journal of a hunt over generated programs: one file in the directory of the corpus that says where the hunt stands. It is replaced
 * in one step, behind the entries and findings that it names. Whatever was done since is done again, with the same result, because
 * all of it follows from the seed: so no finding is lost and none is there twice, whenever the process is killed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Corpus } from '../hunt/corpus.ts';
import type { FuzzPlace } from '../hunt/fuzz.ts';
import type { HuntSums } from '../hunt/hunt-sums.ts';
import { type Finding, parseFinding } from '../program/finding.ts';
import type { CausesPlace } from './causes.ts';
import { entryNames, hashOf, readEntry, writeEntry } from './corpus-files.ts';
import { fileNameOf, readText, requireWritable, writeFinding, writeWhole } from './finding-file.ts';
import type { HuntRequest } from './hunter-protocol.ts';
import { hunterHash, modelHash } from './model-hash.ts';

/** Where a hunt stands between two programs. */
export interface HuntStanding {
  readonly fuzz: FuzzPlace;
  readonly causes: CausesPlace;
  readonly sums: HuntSums;
  /** Files of the findings. */
  readonly findings: readonly string[];
  /** Files of the entries in their order, and how often each was picked. */
  readonly entries: readonly (readonly [name: string, picks: number])[];
}

/** The journal of a hunt: what asks for anything else is another one. How long the hunt is to be makes no other. */
export function journalFor(request: HuntRequest): HuntJournal | undefined {
  const { corpus, plugins, schedules: _schedules, findings: _findings, ...asked } = request;
  if (corpus === undefined) return undefined;
  return new HuntJournal(corpus, JSON.stringify({ model: modelHash(plugins), hunter: hunterHash(), ...asked }));
}

export class HuntJournal {
  /** Lines about files that were left out. */
  readonly notes: string[] = [];
  private readonly file: string;
  private readonly names: string[] = [];
  private readonly findings: string[] = [];

  /** @param of everything that decides what is hunted, and how */
  constructor(
    private readonly dir: string,
    private readonly of: string,
  ) {
    requireWritable(dir, '--corpus');
    this.file = join(dir, `hunt-${hashOf(of).slice(0, 12)}.json`);
  }

  /** Where the hunt stood, its entries now in `corpus`. A hunt that begins has the entries of other hunts. */
  load(corpus: Corpus): (Pick<HuntStanding, 'fuzz' | 'causes' | 'sums'> & { findings: Finding[] }) | undefined {
    const odd = (says: string): void => void this.notes.push(says);
    const all = entryNames(this.dir, odd);
    const standing = this.read(odd);
    for (const [name, picks] of standing?.entries ?? all.map((name) => [name, 0] as const)) {
      const entry = readEntry(this.dir, name, odd);
      if (!entry) continue;
      corpus.add(entry, picks);
      this.names.push(name);
    }
    if (!standing) return undefined;
    return { ...standing, findings: standing.findings.flatMap((name) => this.kept(name, odd)) };
  }

  /** Keeps a finding; the next `save` names it. */
  keep(finding: Finding): void {
    writeFinding(finding, this.dir);
    const name = fileNameOf(finding);
    if (!this.findings.includes(name)) this.findings.push(name);
  }

  /** Writes the entries that are new, for other hunts; the next `save` names them. */
  keepEntries(corpus: Corpus): void {
    for (const [i, { entry }] of [...corpus.all()].entries()) this.names[i] ??= writeEntry(this.dir, entry);
  }

  save(corpus: Corpus, { fuzz, causes, sums }: Pick<HuntStanding, 'fuzz' | 'causes' | 'sums'>): void {
    this.keepEntries(corpus);
    const entries = [...corpus.all()].map(({ picks }, i) => [this.names[i], picks] as const);
    const standing: HuntStanding = { fuzz, causes, sums, findings: this.findings, entries };
    const text = JSON.stringify(standing);
    writeWhole(this.file, JSON.stringify({ schema: 1, of: this.of, hash: hashOf(text), standing }));
  }

  /** A finding as it was written, field by field, so that it is written again as the same bytes. */
  private kept(name: string, odd: (says: string) => void): Finding[] {
    const path = join(this.dir, name);
    try {
      const text = readText(path, 'a finding that was kept');
      parseFinding(text, path);
      this.findings.push(name);
      return [JSON.parse(text) as Finding];
    } catch (error) {
      odd(`${(error as Error).message}; left out`);
      return [];
    }
  }

  private read(odd: (says: string) => void): HuntStanding | undefined {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch {
      return undefined;
    }
    try {
      const { of, hash, standing } = JSON.parse(text);
      if (of === this.of && hash === hashOf(JSON.stringify(standing))) return standing;
    } catch {
      // told below
    }
    odd(`${this.file}: damaged; the hunt begins again`);
    return undefined;
  }
}
