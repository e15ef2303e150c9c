/** What crosses to the worker that measures, and to the one that prepares a finding for the report: plain data. */
import type { Finding } from '../program/finding.ts';

export interface MeasureRequest {
  /** Built-in names or paths of plug-in files, each with the patches that go with it: `luf-v11+v11-atomic`. */
  readonly policies: readonly string[];
  readonly baseline: string;
  /** Name of a cost profile. */
  readonly costs: string;
  /** A workload by name or path, or the text of the trace file of that name. */
  readonly source: { readonly workload: string } | { readonly trace: string; readonly text: string };
  readonly cpus: number;
  readonly seeds: readonly number[];
}

export interface RaceRequest {
  readonly finding: Finding;
  /** The command that runs it again. */
  readonly command: string;
}
