/** The bugs of the catalogue and how they are found, as Markdown. Seconds depend on the machine; all else on the seeds. */
import { type CatalogueEntry, isPatchOf } from '../bugs/catalogue.ts';
import { figure, median } from '../measure/statistics.ts';

/** Blind hunts for one bug, in generated programs, each with a seed of its own. */
export interface BlindHunts {
  readonly seeds: number;
  /** Of those that found it: schedules, and seconds, until the first conviction. */
  readonly schedules: readonly number[];
  readonly seconds: readonly number[];
  /** The finding with the fewest CPUs, and among those the fewest steps. */
  readonly smallest: { readonly cpus: number; readonly steps: number; readonly harm: string } | undefined;
}

/** One strategy in the program of the smallest finding. */
export interface StrategyCell {
  readonly strategy: string;
  readonly found: boolean;
  /** Until the conviction, or until it gave up. */
  readonly schedules: number;
}

export interface BugRow {
  readonly bug: string;
  readonly blind: BlindHunts;
  /** Empty if no blind hunt found the bug. */
  readonly strategies: readonly StrategyCell[];
}

/** Every entry: its patches, or why it has none; then the patches that belong to none. */
export function catalogueTable(
  entries: readonly CatalogueEntry[],
  bugs: readonly { readonly name: string; readonly says: string }[],
): string[] {
  const patches = bugs.map(({ name }) => name);
  const others = bugs.filter(({ name }) => !entries.some((entry) => isPatchOf(entry, name)));
  const rows = entries.map((entry) => {
    const names = patches.filter((patch) => isPatchOf(entry, patch)).map((name) => `\`${name}\``);
    const said = names.length > 0 ? names.join(', ') : 'no';
    return `| ${entry.id} | ${entry.title} | ${said} | ${entry.missing ?? ''} |`;
  });
  return [
    '| entry | mistake | patches | what is missing |',
    '|---|---|---|---|',
    ...rows,
    ...others.map(({ name, says }) => `| | ${says} | \`${name}\` | |`),
  ];
}

/** How blind hunts did. `entries` knows how many CPUs each bug needs. */
export function blindTable(rows: readonly BugRow[], entries: readonly CatalogueEntry[]): string[] {
  const lines = rows.map(({ bug, blind }) => {
    const { seeds, schedules, seconds, smallest } = blind;
    const needs = entries.find((entry) => isPatchOf(entry, bug))?.cpus ?? '';
    const found = `${schedules.length} of ${seeds}`;
    if (smallest === undefined) return `| \`${bug}\` | ${found} | | | | ${needs} | | |`;
    const medians = `${figure(median(schedules))} | ${figure(median(seconds))}`;
    return `| \`${bug}\` | ${found} | ${medians} | ${smallest.cpus} | ${needs} | ${smallest.steps} | ${smallest.harm} |`;
  });
  return [
    '| bug | found | median schedules | median seconds (timed) | CPUs | CPUs of the catalogue | steps | harm |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
  ];
}

/** Schedules to the conviction, strategy by strategy, in the program of the smallest finding. */
export function strategyTable(rows: readonly BugRow[], strategies: readonly string[]): string[] {
  const lines = rows.map(({ bug, strategies: cells }) => {
    const said = strategies.map((name) => {
      const cell = cells.find((c) => c.strategy === name);
      return cell === undefined ? '' : cell.found ? String(cell.schedules) : `not in ${cell.schedules}`;
    });
    return `| \`${bug}\` | ${said.join(' | ')} |`;
  });
  return [`| bug | ${strategies.join(' | ')} |`, `|---|${strategies.map(() => '---').join('|')}|`, ...lines];
}
