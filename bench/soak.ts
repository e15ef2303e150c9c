/**
 * The soak: policies that are meant to be right, on every workload, in truly parallel threads, on as many CPUs as this
 * machine has and on many more. `npm run soak -- 30` gives each run 30 seconds. Ends with 1 at the first violation.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WORKLOADS } from '../workloads/index.ts';

const POLICIES = ['mainline', 'eager'];
const CPUS = [2, 8];

const seconds = Number(process.argv[2] ?? 30);
if (!(seconds > 0)) {
  console.error(`soak: ${process.argv[2]}: expected a number of seconds for each run`);
  process.exit(2);
}
const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
for (const policy of POLICIES) {
  for (const workload of WORKLOADS.names) {
    for (const cpus of CPUS) {
      const options = ['--workload', workload, '--cpus', `${cpus}`, '--seconds', `${seconds}`, '--chaos', '0.01'];
      const run = spawnSync(process.execPath, [cli, 'stress', policy, ...options], { encoding: 'utf8' });
      console.log(`stress ${policy} ${options.join(' ')}\n${run.stdout}${run.stderr}`);
      if (run.status !== 0) process.exit(run.status ?? 1);
    }
  }
}
