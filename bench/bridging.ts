/**
 * How many violations of parallel runs become findings that replay? `npm run -s bridging -- --patches t1-14,ph-3 --each 20 --seconds
 * 600` puts bundled bugs back into mainline, one at a time, and runs `stress` with other seeds and chaos on one place after the
 * other until it convicts: the bug's own scenario, and the bundled workloads. At most `--each` violations and `--seconds`
 * seconds for a bug, `--total` violations in all; a run takes `--run` seconds. Every finding is replayed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUGS } from '../src/bugs/index.ts';
import { SCENARIOS } from '../test/bugs/scenarios.ts';
import { WORKLOADS } from '../workloads/index.ts';

/** Seconds in which a violation is to be bridged. */
const IN_TIME = 10;
const OWN = 'own';
const CHAOS = [0.05, 0, 0.01];
/** Seconds that a run may take beside those it was given: boot, bridge, and a machine that has other things to do. */
const GRACE = 60;

interface Bridged {
  readonly place: string;
  readonly seed: number;
  readonly harm: string;
  readonly found: string | undefined;
  readonly replays: boolean;
  /** The first run along the log that convicted. */
  readonly convictedIn: number | undefined;
  readonly seconds: number;
}

interface Row {
  readonly patch: string;
  readonly runs: number;
  /** Runs that ended without a verdict. */
  readonly failed: readonly string[];
  readonly violations: readonly Bridged[];
}

interface Report {
  readonly verdict: string;
  readonly findings: readonly { readonly harm: string }[];
  readonly bridge?: {
    readonly convictedIn?: number;
    readonly finding?: { readonly file: string; readonly harm: string };
    readonly timing: { readonly seconds: number };
  };
}

const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const options = readOptions();
const directory = mkdtempSync(join(tmpdir(), 'bridging-'));
const rows: Row[] = [];
try {
  for (const patch of options.patches) {
    const left = options.total - rows.reduce((sum, { violations }) => sum + violations.length, 0);
    if (left <= 0) break;
    const row = ofPatch(patch, Math.min(left, options.each));
    rows.push(row);
    console.error(lineOf(row));
    for (const about of row.failed) console.error(`  ${about}`);
    for (const v of row.violations.filter((one) => !isBridged(one)))
      console.error(`  not bridged: ${JSON.stringify(v)}`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
report();

function ofPatch(patch: string, most: number): Row {
  const began = performance.now();
  const violations: Bridged[] = [];
  const failed: string[] = [];
  let runs = 0;
  for (; violations.length < most && (performance.now() - began) / 1000 < options.seconds; runs++) {
    const place = options.places[runs % options.places.length];
    const answer = stressed(patch, place, options.seed + runs);
    if (typeof answer === 'string') failed.push(`${patch} on ${place}, seed ${options.seed + runs}: ${answer}`);
    else if (answer) violations.push(answer);
  }
  return { patch, runs, failed, violations };
}

/** What became of a run: a violation, undefined if it was clean, or why it has no verdict. */
function stressed(patch: string, place: string, seed: number): Bridged | string | undefined {
  const out = join(directory, patch);
  mkdirSync(out, { recursive: true });
  const own = join(directory, `${patch}.json`);
  const { program } = SCENARIOS[patch];
  if (place === OWN) writeFileSync(own, JSON.stringify(program));
  const run = tlblab([
    ...['stress', 'mainline', '--patch', patch, '--workload', place === OWN ? own : place, '--seed', `${seed}`],
    ...['--seconds', `${options.run}`, '--chaos', `${CHAOS[seed % CHAOS.length]}`, '--out', out, '--json'],
    ...(place === OWN ? ['--cpus', `${program.machine.cpus}`] : []),
  ]);
  if ((run.status !== 0 && run.status !== 1) || run.stdout === '')
    return `exit ${run.status ?? run.signal}: ${run.stderr.trim().slice(-200)}`;
  const { verdict, findings, bridge } = JSON.parse(run.stdout) as Report;
  if (verdict === 'clean') return undefined;
  const { convictedIn, finding, timing } = bridge ?? { timing: { seconds: 0 } };
  const replays = finding !== undefined && tlblab(['replay', finding.file]).status === 1;
  return { place, seed, harm: findings[0].harm, found: finding?.harm, replays, convictedIn, seconds: timing.seconds };
}

function tlblab(args: readonly string[]) {
  return spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    timeout: (options.run + GRACE) * 1000,
    killSignal: 'SIGKILL',
  });
}

function isBridged({ replays, seconds }: Bridged): boolean {
  return replays && seconds <= IN_TIME;
}

function report(): void {
  const all = rows.flatMap(({ violations }) => violations);
  const convicted = rows.filter(({ violations }) => violations.length > 0);
  const never = rows.filter(({ violations }) => violations.length === 0).map(({ patch }) => patch);
  const sum = { patch: `${convicted.length} of ${rows.length} bugs`, runs: 0, failed: [], violations: all };
  if (options.json) {
    const share = all.length > 0 ? all.filter(isBridged).length / all.length : undefined;
    console.log(JSON.stringify({ violations: all.length, share, neverConvicted: never, rows }, null, 2));
    return;
  }
  console.log(
    'bug: violations, bridged (replays, in 10 s), found along the log, by its first run; seconds median, worst',
  );
  for (const row of [...convicted, sum]) console.log(lineOf(row));
  console.log(`never convicted by stress here: ${never.join(', ') || 'none'}`);
}

function lineOf({ patch, violations }: Row): string {
  const seconds = violations.map((v) => v.seconds).sort((a, b) => a - b);
  const along = violations.filter((v) => v.convictedIn !== undefined).length;
  const first = violations.filter((v) => v.convictedIn === 1).length;
  const counts = [violations.length, violations.filter(isBridged).length, along, first].join(', ');
  if (violations.length === 0) return `${patch}: none`;
  return `${patch}: ${counts}; ${seconds[(seconds.length - 1) >> 1].toFixed(1)}, ${seconds[seconds.length - 1].toFixed(1)}`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      patches: { type: 'string', default: Object.keys(BUGS).join(',') },
      places: { type: 'string', default: [OWN, ...WORKLOADS.names].join(',') },
      each: { type: 'string', default: '20' },
      total: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '600' },
      run: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name: 'each' | 'total' | 'seconds' | 'run' | 'seed'): number => {
    const n = Number(values[name]);
    if (n > 0) return n;
    console.error(`bridging: --${name} ${values[name]}: expected a number above 0`);
    return process.exit(2);
  };
  const known = (name: 'patches' | 'places', of: readonly string[]): string[] => {
    const names = values[name].split(',');
    const unknown = names.find((n) => !of.includes(n));
    if (unknown === undefined) return names;
    console.error(`bridging: --${name} "${unknown}": expected some of ${of.join(', ')}`);
    return process.exit(2);
  };
  return {
    patches: known('patches', Object.keys(BUGS)),
    places: known('places', [OWN, ...WORKLOADS.names]),
    ...{ each: number('each'), total: number('total'), seconds: number('seconds'), run: number('run') },
    ...{ seed: number('seed'), json: values.json },
  };
}
