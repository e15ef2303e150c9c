/** Windows: accesses that would convict if the operation that covers them had returned. Statistics of a run, not state. */
import { type OpKind, opName } from './ops.ts';

export interface WindowSummary {
  /** Name of the operation in flight. */
  readonly path: string;
  readonly count: number;
  /** Longest time, in steps, from the PTE change to a wrong access before the operation returned. */
  readonly longestSteps: number;
}

export class Windows {
  /** Accesses through a stale translation whose result was legal. */
  benignStale = 0;
  private readonly byPath = new Map<string, { count: number; longestSteps: number }>();

  saw(kind: OpKind | 0, steps: number): void {
    const path = kind === 0 ? 'unknown' : opName(kind);
    const entry = this.byPath.get(path) ?? { count: 0, longestSteps: 0 };
    entry.count++;
    entry.longestSteps = Math.max(entry.longestSteps, steps);
    this.byPath.set(path, entry);
  }

  summary(): WindowSummary[] {
    const all = [...this.byPath].map(([path, w]) => ({ path, ...w }));
    return all.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  clear(): void {
    this.benignStale = 0;
    this.byPath.clear();
  }
}
