/** Labels of a solo run, to be compared with the published order of events. */
import { expect } from 'vitest';
import type { Path } from '#tlblab/memory/point.js';
import { type Body, type DriverOptions, KernelDriver } from './driver.js';

/** Files that are not of the usual kind, and their lengths. */
type Kinds = Pick<DriverOptions, 'files' | 'remote' | 'fuse' | 'memory' | 'blockdev' | 'iomap' | 'devices'>;

/** Labels that `path` passes on CPU 0 after `before` is done, while a second thread keeps CPU 1 in the same mm. */
export function labelsOf(
  before: Body,
  path: Body,
  more: { pteWalkLimit?: number; override?: Record<string, number> } & Kinds = {},
): string[] {
  let from = 0;
  const driver: KernelDriver = new KernelDriver({
    cpus: 2,
    remote: more.remote,
    fuse: more.fuse,
    memory: more.memory,
    files: more.files,
    blockdev: more.blockdev,
    iomap: more.iomap,
    devices: more.devices,
    override: { pteWalkLimit: more.pteWalkLimit ?? 8, ...more.override },
    tasks: [
      {
        cpu: 0,
        mm: 1,
        *body(cpu): Path<void> {
          yield* before(cpu);
          from = driver.trace.length;
          yield* path(cpu);
        },
      },
      { cpu: 1, mm: 1 },
      { cpu: 1, dead: true },
    ],
  });
  driver.run();
  return driver.trace
    .slice(from)
    .filter((t) => t.startsWith('CPU0 '))
    .map((t) => t.slice(5));
}

/** Expects the labels to occur in this order; each is looked for behind the one before. */
export function inOrder(labels: string[], anchors: string[]): void {
  let at = -1;
  for (const anchor of anchors) {
    const next = labels.findIndex((l, i) => i > at && l.startsWith(anchor));
    expect(next, `"${anchor}" behind "${labels[at] ?? 'the start'}" in\n${labels.join('\n')}`).toBeGreaterThan(at);
    at = next;
  }
}
