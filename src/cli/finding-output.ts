/** A finding on paper: columns, the command that replays it, and its JSON form. */
import { styleText } from 'node:util';
import type { Finding } from '../program/finding.ts';

/** The JSON object of a finding, as every verb prints it. */
export function findingJson(finding: Finding, file: string): Record<string, unknown> {
  const { id, harm, invariant, owed, grade, policy, patches, cpus, steps, shrunkFrom, strategy, seed, columns } =
    finding;
  return { id, harm, invariant, owed, grade, policy, patches, cpus, steps, shrunkFrom, strategy, seed, file, columns };
}

/** Columns, then the line that replays them. */
export function findingText(finding: Finding, file: string): string {
  const { seed, cpus, policy, steps, shrunkFrom, grade } = finding;
  const about = `seed ${seed}, ${cpus} CPUs, policy ${policy}, ${steps} steps (shrunk from ${shrunkFrom.steps}), ${grade}`;
  return `${marked(finding.columns, finding.harm)}\n\nreplay: npx tlblab replay ${file}   # ${about}`;
}

/** The losing line in colour, on a terminal that has it and unless NO_COLOR is set. */
function marked(text: string, harm: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR !== undefined) return text;
  const label = harm.replaceAll('-', ' ').toUpperCase();
  return text.replaceAll(label, styleText(['red', 'bold'], label));
}
