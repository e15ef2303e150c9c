/**
 * A verification of all programs of so many operations, or of one shard of them: those that begin alike together, one
 * beginning after another. How far it is lies in one file that is replaced in one step; the beginning under way has a journal
 * of its own.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { allPrograms } from '../hunt/verify/all-programs.ts';
import { HASH_BITS } from '../hunt/verify/state-hash.ts';
import { writeWhole } from './finding-file.ts';
import type { Shard } from './hunter-protocol.ts';
import { hunterHash, modelHash } from './model-hash.ts';
import { type VerifyOutcome, type VerifySession, verifySession } from './verify-session.ts';

const DONE = z.object({
  beginnings: z.number(),
  programs: z.number(),
  states: z.number(),
  runs: z.number(),
  steps: z.number(),
  depth: z.number(),
});

/** Ends at the first beginning of programs that is not clean. @throws PathError when a plug-in breaks the rules of paths. */
export function verifyAll(session: Omit<VerifySession, 'program' | 'menu'>, { ops, shard }: Shard): VerifyOutcome {
  const { origin, strict, memory, adversary, out } = session;
  const what = JSON.stringify([
    modelHash(origin.plugins),
    hunterHash(),
    origin.policy,
    origin.patches,
    ...[strict, memory, adversary, ops, shard],
  ]);
  const file = join(out, `verify-all-${createHash('sha256').update(what).digest('hex').slice(0, 12)}.json`);
  const beginnings = allPrograms(ops).filter((_, i) => i % shard.of === shard.number - 1);
  const programs = beginnings.reduce((sum, of) => sum + of.programs, 0);
  let done = load(file);
  const resumedRuns = done.runs;
  for (const { program, menu, programs: here } of beginnings.slice(done.beginnings)) {
    const one = verifySession({
      ...session,
      program,
      menu,
      runs: session.runs - done.runs,
      progress: (at) => session.progress(summed(at)),
    });
    const { states, runs, steps, progress } = summed(one);
    const depth = Math.max(done.depth, one.depth);
    if (one.verdict !== 'clean') {
      const figures = { states, runs, steps, progress, depth, complete: false };
      return { ...one, ...figures, resumedRuns: resumedRuns + one.resumedRuns, programs: counted() };
    }
    done = { beginnings: done.beginnings + 1, programs: done.programs + here, states, runs, steps, depth };
    writeWhole(file, JSON.stringify(done));
    for (const journal of one.done) rmSync(journal, { recursive: true, force: true });
  }
  const { states, runs, steps, depth } = done;
  const figures = { states, runs, steps, depth, hashBits: HASH_BITS, progress: 1, resumedRuns, done: [file] };
  return { verdict: 'clean', complete: true, ...figures, programs: counted() };

  function counted(): { done: number; of: number } {
    return { done: done.programs, of: programs };
  }
  function summed(now: { states: number; runs: number; steps: number; progress: number }) {
    return {
      states: done.states + now.states,
      runs: done.runs + now.runs,
      steps: done.steps + now.steps,
      progress: (done.beginnings + now.progress) / beginnings.length,
    };
  }
}

function load(file: string): z.infer<typeof DONE> {
  try {
    return DONE.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return { beginnings: 0, programs: 0, states: 0, runs: 0, steps: 0, depth: 0 };
  }
}
