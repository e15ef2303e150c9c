/** A narrative in columns: one per CPU, one line per step that matters, the losing access in capitals. */
import type { Line, Narrative } from './narrative.ts';

export interface ColumnsOptions {
  /** At most 72 characters a line, CPUs by indentation, as commit messages have it. */
  readonly mail?: boolean;
}

const MAIL_WIDTH = 72;
const WIDTH = 110;
/** Columns are at least this far apart, and no further than the longest line in them needs. */
const NARROWEST = 22;

/** The text of a finding: title, what led there, columns, verdict, the flush that was owed. Ends without a newline. */
export function printColumns(narrative: Narrative, { mail = false }: ColumnsOptions = {}): string {
  const width = mail ? MAIL_WIDTH : WIDTH;
  const { lines, cpus } = narrative;
  const digits = Math.max(2, ...lines.map((l) => String(l.step).length));
  const offset = mail ? mailOffsets(cpus, digits) : wideOffsets(narrative, digits);
  return [
    ...wrap(narrative.title, width, ''),
    ...narrative.before.flatMap((text) => wrap(text, width, '  ')),
    `${' '.repeat(digits)}  ${header(narrative, offset)}`.trimEnd(),
    ...lines.flatMap((line) => placed(line, offset[line.cpu], digits, width)),
    ...(narrative.verdict === '' ? [] : wrap(narrative.verdict, width, '  ')),
    ...(narrative.owed === '' ? [] : wrap(`owed: ${narrative.owed}`, width, '  ')),
  ].join('\n');
}

function header({ heads }: Narrative, offset: readonly number[]): string {
  let text = '';
  for (const [cpu, head] of heads.entries()) text = `${text.padEnd(offset[cpu])}${head}  `;
  return text;
}

function wideOffsets({ lines, cpus, heads }: Narrative, digits: number): number[] {
  const offset: number[] = [];
  const most = Math.max(NARROWEST, Math.floor((WIDTH - digits - 2) / cpus));
  let at = 0;
  for (let cpu = 0; cpu < cpus; cpu++) {
    offset.push(at);
    const longest = Math.max(heads[cpu].length, ...lines.filter((l) => l.cpu === cpu).map((l) => l.text.length));
    at += Math.min(most, Math.max(NARROWEST, longest + 2));
  }
  return offset;
}

function mailOffsets(cpus: number, digits: number): number[] {
  const step = Math.min(20, Math.floor((MAIL_WIDTH - digits - 2) / 2 / Math.max(1, cpus - 1)));
  return Array.from({ length: cpus }, (_, cpu) => cpu * step);
}

function placed(line: Line, offset: number, digits: number, width: number): string[] {
  const indent = ' '.repeat(digits + 2 + offset);
  const number = String(line.step).padStart(digits);
  return wrap(line.text, Math.max(24, width - indent.length), '  ').map((text, i) =>
    i === 0 ? `${number}  ${' '.repeat(offset)}${text}` : `${indent}${text}`,
  );
}

/** Breaks at blanks; later lines start with `hang`. */
function wrap(text: string, width: number, hang: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line.trimEnd());
      line = `${hang}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
