/** `tlblab shrink`: a smaller program with the same harm, and the two steps whose order decides. */
import { performance } from 'node:perf_hooks';
import { operations } from '../report/build-finding.ts';
import { readFinding, requireWritable, writeFinding } from '../report/finding-file.ts';
import { EXIT, note, print, printJson } from './exit.ts';
import { toolVersion } from './files.ts';
import { findingText } from './finding-output.ts';
import { runShrink } from './run-hunter.ts';

export interface ShrinkOptions {
  readonly out: string;
  readonly json?: boolean;
  readonly mail?: boolean;
}

export async function shrink(file: string, options: ShrinkOptions): Promise<number> {
  const started = performance.now();
  const finding = readFinding(file);
  requireWritable(options.out);
  const { finding: small, decidingPair } = await runShrink(finding, toolVersion(), options.mail ?? false);
  const written = writeFinding(small, options.out);
  const seconds = (performance.now() - started) / 1000;
  if (options.json) {
    const { steps, cpus, program, columns } = small;
    const size = { steps, cpus, operations: operations(program) };
    printJson({ file: written, ...size, decidingPair, columns, timing: { seconds } });
  } else {
    print(findingText(small, written));
    if (decidingPair) print(`deciding pair: ${decidingPair.first} before ${decidingPair.second}`);
    note(`${seconds.toFixed(1)} s`);
  }
  return EXIT.violation;
}
