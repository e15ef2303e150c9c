/** `tlblab replay`: runs a finding again, exactly if the model is the same, else by its switch list. */
import { performance } from 'node:perf_hooks';
import { readFinding } from '../report/finding-file.ts';
import type { Replayed } from '../report/replaying.ts';
import { EXIT, note, print, printJson } from './exit.ts';
import { findingJson } from './finding-output.ts';
import { runReplay } from './run-hunter.ts';

export interface ReplayOptions {
  readonly json?: boolean;
  readonly mail?: boolean;
}

export async function replay(file: string, options: ReplayOptions): Promise<number> {
  const started = performance.now();
  const finding = readFinding(file);
  const done = await runReplay(finding, options.mail ?? false);
  const seconds = (performance.now() - started) / 1000;
  const { reproduced, verdict, by, harm, diverged, columns } = done;
  if (options.json) {
    const about = findingJson({ ...finding, columns }, file);
    printJson({ reproduced, verdict, by, harm, diverged, finding: about, timing: { seconds } });
  } else {
    print(`${columns}\n`);
    print(`${reproduced ? 'reproduced' : 'not reproduced'}: ${finding.harm}, ${wordsFor(done)}`);
    note(`${seconds.toFixed(1)} s`);
  }
  if (verdict === 'violation') return EXIT.violation;
  return verdict === 'inconclusive' ? EXIT.inconclusive : EXIT.clean;
}

function wordsFor({ by, diverged, harm, reproduced }: Replayed): string {
  if (by === 'exact') return 'byte for byte, twice';
  const path = diverged ? `diverged at step ${diverged.step}: ${diverged.says}` : 'no step diverged';
  const instead = reproduced || harm === undefined ? '' : `; instead: ${harm}`;
  return `the model has changed since, so the switch list was followed; ${path}${instead}`;
}
