/**
 * `tlblab ablate`: each flush point of a policy dropped in turn, and what that does. Ends with 1 if the policy is convicted
 * with all its points, else with 4 if the loss of some point does nothing that is found, else with 0.
 */
import { performance } from 'node:perf_hooks';
import type { Ablation } from '../report/ablate.ts';
import { requireWritable } from '../report/finding-file.ts';
import type { PointLoss } from '../report/point-loss.ts';
import { EXIT, note, onInterrupt, print, printJson, status } from './exit.ts';
import { effortText, seenJson, tableText } from './point-output.ts';
import { type PointsOptions, pointsRequest, runPoints } from './run-points.ts';

export async function ablate(policy: string, options: PointsOptions): Promise<number> {
  const started = performance.now();
  const request = pointsRequest(policy, options);
  requireWritable(options.out);
  let sofar: Ablation = { points: [] };
  const seconds = (): number => (performance.now() - started) / 1000;
  onInterrupt(() => report(policy, sofar, 'interrupted', options, seconds()));
  sofar = await runPoints<Ablation>(
    request,
    options,
    (actor, shared, told) => actor.ablate(request, shared, told),
    (now) => {
      sofar = now;
    },
  );
  status('');
  const verdict = verdictOf(sofar);
  report(policy, sofar, verdict, options, seconds());
  return EXIT[verdict];
}

function verdictOf({ published, points }: Ablation): 'violation' | 'inconclusive' | 'clean' {
  if (published && published.seen.length > 0) return 'violation';
  return points.every((p) => p.seen) ? 'clean' : 'inconclusive';
}

function report(
  policy: string,
  { published, points }: Ablation,
  verdict: string,
  options: PointsOptions,
  seconds: number,
) {
  const { out, seed, json } = options;
  const convicted = published?.seen.map((seen) => seenJson(seen, out)) ?? [];
  const rows = points.map((loss) => pointJson(loss, out));
  if (json) {
    const whole = published && { verdict: verdictWord(convicted.length > 0), ...published.effort, findings: convicted };
    printJson({ verdict, policy, seed, published: whole ?? null, points: rows, timing: { seconds } });
    return;
  }
  if (published) {
    print(`${policy} as published: ${verdictWord(convicted.length > 0)} (${effortText(published.effort)})`);
    for (const seen of convicted)
      print(`  ${seen.cause} after ${seen.schedules} schedules, ${seen.where}: ${seen.file}`);
  }
  const table = rows.map((row) => [
    row.point,
    row.verdict,
    row.harm ?? '-',
    `${row.schedules}`,
    row.where ?? '-',
    row.file ?? '-',
  ]);
  if (table.length > 0) {
    print(`\n${tableText([['without', 'verdict', 'harm', 'schedules', 'where', 'finding'], ...table])}`);
  }
  for (const { point, seen, effort, excluded } of points) {
    if (!seen) print(`${point}: nothing detects its loss: ${effortText(effort)}`);
    if (excluded > 0) print(`${point}: ${excluded} convictions left out that the policy has with it, too`);
  }
  print(`\nverdict: ${verdict}`);
  note(`${seconds.toFixed(1)} s`);
}

/** `schedules`: until the conviction, or all that were run. */
function pointJson({ point, says, seen, effort, excluded }: PointLoss, out: string) {
  const { schedules, ...more } = effort;
  const verdict = verdictWord(seen !== undefined);
  const nothing = { harm: null, where: undefined, file: undefined, schedules };
  return { point, says, verdict, ...more, excluded, ...(seen ? seenJson(seen, out) : nothing) };
}

function verdictWord(convicted: boolean): 'violation' | 'clean' {
  return convicted ? 'violation' : 'clean';
}
