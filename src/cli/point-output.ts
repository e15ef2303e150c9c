/** What searches over flush points print: convictions with their files, what was searched, and tables. */
import type { Effort } from '../hunt/flush-points-search.ts';
import { writeFinding } from '../report/finding-file.ts';
import type { Seen } from '../report/point-loss.ts';

/** Writes the finding and says what is known of it. */
export function seenJson({ finding, cause, scenario, schedules }: Seen, out: string) {
  const { harm, invariant, grade, steps, cpus } = finding;
  const file = writeFinding(finding, out);
  return { harm, cause, where: whereOf(scenario), schedules, invariant, grade, steps, cpus, file };
}

/** `scenario NAME` or `generated`. */
function whereOf(scenario: string | undefined): string {
  return scenario === undefined ? 'generated' : `scenario ${scenario}`;
}

export function effortText({ schedules, scenarios, programs }: Effort): string {
  return `${schedules} schedules in ${scenarios} scenarios and ${programs} generated programs`;
}

/** Columns as wide as they need to be. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
