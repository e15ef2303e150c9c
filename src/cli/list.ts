/** `tlblab list`: the names that other verbs take, each with one line. */
import { listScenarios, loadScenario, WORKLOADS } from '../../workloads/index.ts';
import { BUGS } from '../bugs/index.ts';
import { loadWorkload } from '../engine/load.ts';
import { FIXES } from '../fixes/index.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { pointLabels } from '../memory/point.ts';
import { POLICIES } from '../policy/index.ts';
import { EXIT, print, printJson } from './exit.ts';
import { unknown } from './options.ts';

interface Named {
  /** Of a flush point. */
  readonly policy?: string;
  readonly name: string;
  readonly says: string;
}

const KINDS: Record<string, () => Named[] | Promise<Named[]>> = {
  policies: () => Object.values(POLICIES).map(({ name, says }) => ({ name, says })),
  workloads: () =>
    Promise.all(WORKLOADS.names.map(async (name) => ({ name, says: (await loadWorkload(name, WORKLOADS)).says }))),
  scenarios: () => listScenarios().map((name) => ({ name, says: loadScenario(name).says ?? '' })),
  bugs: () => Object.values(BUGS).map(({ name, says }) => ({ name, says })),
  fixes: () => Object.values(FIXES).map(({ name, says }) => ({ name, says })),
  points: () =>
    Object.values(POLICIES).flatMap(({ name: policy, flushPoints }) =>
      flushPoints.map(({ name, says }) => ({ policy, name, says })),
    ),
};

/** Printed only when asked for: there are hundreds. */
const MORE: typeof KINDS = { labels };

/** Race windows, as plug-ins hook them: `routine: what is true there`. */
function labels(): Named[] {
  // the kernel's points exist once its routines are loaded
  if (Object.keys(MAINLINE).length === 0) return [];
  return pointLabels().map((name) => {
    const colon = name.indexOf(': ');
    return { name, says: colon < 0 ? '' : name.slice(colon + 2) };
  });
}

export async function list(kind: string | undefined, options: { json?: boolean }): Promise<number> {
  const kinds = { ...KINDS, ...MORE };
  if (kind !== undefined && !Object.hasOwn(kinds, kind)) throw unknown('kind', kind, Object.keys(kinds));
  const all: Record<string, Named[]> = {};
  for (const key of kind === undefined ? Object.keys(KINDS) : [kind]) all[key] = await kinds[key]();
  if (options.json) {
    printJson(all);
    return EXIT.clean;
  }
  for (const [key, names] of Object.entries(all)) {
    if (kind === undefined) print(`${key}:`);
    const titles = names.map(({ policy, name }) => (policy === undefined ? name : `${policy} ${name}`));
    const width = Math.min(32, Math.max(0, ...titles.map((title) => title.length)));
    const indent = kind === undefined ? '  ' : '';
    names.forEach(({ says }, i) => {
      print(key === 'labels' ? `${indent}${titles[i]}` : `${indent}${titles[i].padEnd(width)}  ${says}`.trimEnd());
    });
  }
  return EXIT.clean;
}
