/**
 * `tlblab synthesise`: a set of flush points that is enough for hunting to find nothing, and of which none can go. Ends with
 * 1 if there are convictions that no point cures, else with 4 if time ended the search, else with 0.
 */
import { join, relative, resolve, sep } from 'node:path';
import { performance } from 'node:perf_hooks';
import { isPluginPath } from '../engine/load.ts';
import { POLICIES } from '../policy/index.ts';
import { requireWritable, writeWhole } from '../report/finding-file.ts';
import { policyFile } from '../report/policy-file.ts';
import type { Synthesis } from '../report/synthesise.ts';
import { EXIT, note, onInterrupt, print, printJson, status } from './exit.ts';
import { dropsOf } from './names.ts';
import { effortText, seenJson, tableText } from './point-output.ts';
import { type PointsOptions, pointsRequest, runPoints } from './run-points.ts';

export interface SynthesiseOptions extends PointsOptions {
  /** The policy whose deferral it is, and whose points are tried. */
  readonly base: string;
  /** Points to begin with. */
  readonly from: readonly string[];
}

export async function synthesise(options: SynthesiseOptions): Promise<number> {
  const started = performance.now();
  const { base, from } = options;
  const request = pointsRequest(base, options, from);
  dropsOf(from, base);
  requireWritable(options.out);
  let sofar: Synthesis = { forced: [], points: from, rejected: [], needed: [], uncured: [], complete: false };
  const seconds = (): number => (performance.now() - started) / 1000;
  onInterrupt(() => report(sofar, 'interrupted', undefined, options, seconds()));
  sofar = await runPoints<Synthesis>(
    request,
    options,
    (actor, shared, told) => actor.synthesise(request, shared, told),
    (now) => {
      sofar = now;
    },
  );
  status('');
  const verdict = sofar.uncured.length > 0 ? 'violation' : sofar.complete ? 'clean' : 'inconclusive';
  report(sofar, verdict, writePolicy(sofar, options), options, seconds());
  return EXIT[verdict];
}

/** The set as a policy that can be hunted, measured and changed. */
function writePolicy({ points }: Synthesis, { base, out }: SynthesiseOptions): string {
  const isFile = isPluginPath(base);
  const there = relative(resolve(out), resolve(base)).split(sep).join('/');
  const from = isFile ? (there.startsWith('.') ? there : `./${there}`) : base;
  const path = join(out, 'synthesised.mjs');
  const set = points.length > 0 ? points.join(', ') : 'no flush point';
  writeWhole(path, policyFile(from, isFile, points, `${base} with ${set}: found by hunting, proves nothing`));
  return path;
}

function report(
  { forced, points, rejected, needed, uncured, complete }: Synthesis,
  verdict: string,
  file: string | undefined,
  { base, from, out, seed, json }: SynthesiseOptions,
  seconds: number,
): void {
  const evidence = forced.map((f) => ({ points: f.points, ...seenJson(f.seen, out) }));
  const kept = needed.map(({ point, seen }) => ({ point, ...(seen ? seenJson(seen, out) : {}) }));
  const incurable = uncured.map(({ seen, count }) => ({ count, ...seenJson(seen, out) }));
  const left = rejected.map(({ point, effort }) => ({ point, ...effort }));
  if (json) {
    const found = { points, rejected: left, evidence, needed: kept, uncured: incurable, complete };
    printJson({ verdict, base, from, seed, ...found, policy: file ?? null, timing: { seconds } });
    return;
  }
  const possible = POLICIES[base]?.flushPoints.map((p) => p.name).join(', ');
  print(
    `${base} from ${from.length > 0 ? from.join(', ') : 'no flush point'}${possible ? `; to choose from: ${possible}` : ''}`,
  );
  const rows = evidence.map((e) => [e.points.join(' + '), e.cause, `${e.schedules}`, e.where, e.file]);
  if (rows.length > 0) print(`\n${tableText([['added', 'because of', 'schedules', 'where', 'finding'], ...rows])}`);
  print(`\npoints: ${points.join(', ') || 'none'}${complete ? '' : ' (the search was not completed)'}`);
  for (const k of kept) print(`  ${k.point} cannot go: ${k.cause}, ${k.file}`);
  for (const { point, effort } of rejected)
    print(`  ${point} is not needed: nothing without it in ${effortText(effort)}`);
  for (const u of incurable) print(`cured by no point: ${u.cause}, ${u.count} times, first ${u.where}: ${u.file}`);
  if (file) print(`policy: ${file}   # npx tlblab hunt ${file}`);
  print(`verdict: ${verdict}`);
  note(`${seconds.toFixed(1)} s`);
}
