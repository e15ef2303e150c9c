/** The bundled workloads and scenarios, by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BadInput } from '../src/program/bad-input.ts';
import { parseLitmus } from '../src/program/litmus.ts';
import type { Program } from '../src/program/program.ts';
import type { Workload } from '../src/program/workload.ts';
import cowFork from './cow-fork.ts';
import migrateHot from './migrate-hot.ts';
import mprotectPingpong from './mprotect-pingpong.ts';
import munmapStorm from './munmap-storm.ts';
import munmapTouched from './munmap-touched.ts';
import pageCache from './page-cache.ts';
import reclaimPressure from './reclaim-pressure.ts';
import tiering from './tiering.ts';
import { tlbFlush1, tlbFlush2, tlbFlush3 } from './tlb-flush.ts';

const ALL: readonly Workload[] = [
  munmapStorm,
  munmapTouched,
  mprotectPingpong,
  cowFork,
  tlbFlush1,
  tlbFlush2,
  tlbFlush3,
  pageCache,
  reclaimPressure,
  migrateHot,
  tiering,
];

/** The bundled workloads: their names, and how to get one. */
export const WORKLOADS = {
  names: ALL.map((w) => w.name),
  /** @throws BadInput for a name that is not in `names` */
  get(name: string): Workload {
    const found = ALL.find((w) => w.name === name);
    if (found) return found;
    throw new BadInput({ what: `unknown workload "${name}"`, where: 'workload', expected: this.names.join(', ') });
  },
};

/** Compiled code lies in dist/workloads, litmus text in workloads/litmus of the package root. */
const LITMUS = new URL('../../workloads/litmus/', import.meta.url);
const ENDING = '.litmus';

/** Names of the bundled scenarios, sorted. */
export function listScenarios(): string[] {
  const files = readdirSync(LITMUS).filter((file) => file.endsWith(ENDING));
  return files.map((file) => file.slice(0, -ENDING.length)).sort();
}

/**
 * The bundled scenario of that name.
 * @throws BadInput when there is none, or when its text is wrong
 */
export function loadScenario(name: string): Program {
  const names = listScenarios();
  if (!names.includes(name)) {
    throw new BadInput({ what: `unknown scenario "${name}"`, where: 'scenario', expected: names.join(', ') });
  }
  const file = new URL(`${name}${ENDING}`, LITMUS);
  return parseLitmus(readFileSync(file, 'utf8'), fileURLToPath(file));
}
