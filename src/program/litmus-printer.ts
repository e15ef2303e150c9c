/** Programs as litmus text. `litmus.ts` has the grammar. */
import { canonicalProgram } from './canonical.ts';
import { printOp } from './litmus-ops.ts';
import { type Regions, regionsOf } from './litmus-regions.ts';
import type { Op, Program, TaskProgram } from './program.ts';

/**
 * The program as litmus text: one column per task, regions named, page numbers kept. `parseLitmus` of it is the
 * canonical program again.
 */
export function printLitmus(program: Program): string {
  const p = canonicalProgram(program);
  const regions = regionsOf(p);
  const cell = cellPrinter(regions);
  const history = p.history.map((h) => `  ${h.task}: ${cell(h.op)};`);
  const rows = Math.max(0, ...p.tasks.map((t) => t.ops.length));
  const lines = Array.from({ length: rows }, (_, row) =>
    p.tasks.map((t) => (row < t.ops.length ? cell(t.ops[row]) : '')),
  );
  return [
    `TLB ${p.name}`,
    ...(p.says === undefined ? [] : [JSON.stringify(p.says).replace(/\ufffd/g, '\\ufffd')]),
    '{',
    ...machineLines(p),
    ...p.tasks.flatMap((t, i) => taskLine(t, i)),
    ...history,
    '}',
    ...columns([p.tasks.map((t) => t.name), ...lines]),
    ...finalLine(p),
    '',
  ].join('\n');
}

function machineLines({ machine, rounds, files = [] }: Program): string[] {
  const list = (record: object) =>
    Object.entries(record)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ');
  const { override, switches, ...spec } = machine;
  return [
    `  machine: ${list(spec)};`,
    ...(override ? [`  override: ${list(override)};`] : []),
    ...(switches ? [`  switches: ${list(switches)};`] : []),
    ...(rounds === undefined ? [] : [`  rounds: ${rounds};`]),
    ...files.map((f) => `  file ${f.name} ${f.pages}${f.remote ? ' remote' : ''}${f.device ? ' device' : ''};`),
  ];
}

/** What is not as the column's position says. */
function taskLine({ name, cpu, mm, forkedBy, kthread, server, priority }: TaskProgram, index: number): string[] {
  const parts = [
    cpu === index ? [] : [`cpu=${cpu}`],
    mm === undefined ? [] : [`mm=${mm}`],
    forkedBy === undefined ? [] : [`forkedBy=${forkedBy}`],
    kthread ? ['kthread'] : [],
    server ? ['server'] : [],
    priority === undefined ? [] : [`priority=${priority}`],
  ].flat();
  return parts.length > 0 ? [`  task ${name}: ${parts.join(', ')};`] : [];
}

/** Prints operations in text order: the first mmap of a region says where it lies. */
function cellPrinter(regions: Regions): (op: Op) => string {
  const placed = new Set<string>();
  return (op) => {
    const text = printOp(op, regions);
    if (op.do !== 'mmap') return text;
    const name = regions.place(op.page);
    const first = !placed.has(name);
    placed.add(name);
    return `${name} = ${text}${first ? ` at @${op.page}` : ''}`;
  };
}

function columns(rows: string[][]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) => ` ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} ;`);
}

function finalLine({ final, tasks }: Program): string[] {
  if (!final) return [];
  const index = (name: string) => tasks.findIndex((t) => t.name === name);
  return [`${final.verdict} (${final.where.map((t) => `${index(t.task)}:${t.register}=${t.value}`).join(' /\\ ')})`];
}
