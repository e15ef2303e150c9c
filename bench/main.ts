/** `npm run bench`: the figures that the design promises, each beside a bare loop that does the least it could. */
import { run as ipiRoundTrip } from './ipi-round-trip.ts';
import { run as roundLog } from './round-log.ts';
import { run as stepperExecutions } from './stepper-executions.ts';
import { run as threadAccesses } from './thread-accesses.ts';

/** One figure. `ratio` says how many times slower it is than `versus`, the bare loop, in the same unit. */
export interface Measured {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly versus: number;
  readonly ratio: number;
  /** `inconclusive` when the bare loop itself varied by more than 30 %. */
  readonly verdict: 'met' | 'missed' | 'inconclusive';
  readonly target: string;
  readonly [detail: string]: unknown;
}

const FULL = { rounds: 7, milliseconds: 250 };
const SMOKE = { rounds: 5, milliseconds: 20 };

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.find((a) => a !== '--json' && a !== '--smoke');
  if (unknown !== undefined) {
    process.stderr.write(`bench: "${unknown}": expected --json or --smoke\n`);
    process.exitCode = 2;
    return;
  }
  const options = args.includes('--smoke') ? SMOKE : FULL;
  const results: Measured[] = [];
  for (const bench of [stepperExecutions, threadAccesses, ipiRoundTrip, roundLog]) {
    const measured = await bench(options);
    process.stderr.write(`${measured.name}: ${measured.value} ${measured.unit}, ${measured.verdict}\n`);
    results.push(measured);
  }
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  else for (const m of results) process.stdout.write(`${inWords(m)}\n`);
}

function inWords({ name, value, unit, versus, ratio, verdict, target, ...details }: Measured): string {
  const rest = Object.entries(details).map(([key, detail]) => `  ${key}: ${JSON.stringify(detail)}`);
  return [`${name}: ${value} ${unit}; bare ${versus}, ratio ${ratio}: ${verdict} (${target})`, ...rest].join('\n');
}

await main(process.argv.slice(2));
