/**
 * The journal of a verification: a directory with the states visited, in segments, and one file that says where the search
 * stands and which segments count. That file is replaced in one step, after the segment that it names: whenever the process
 * is killed, what is there is the search as it stood at the last save.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { VerifyPlace } from '../hunt/verify/verify.ts';
import { writeWhole } from './finding-file.ts';

const NUMBERS = z.array(z.number());
const BRANCH = z.object({
  choices: NUMBERS,
  todo: NUMBERS,
  at: z.number(),
  waiting: z.array(z.tuple([z.number(), NUMBERS])),
  asleep: z.array(z.tuple([z.number(), NUMBERS])),
  touches: NUMBERS,
  budget: z.number(),
});
const STANDING = z.object({
  schema: z.literal(2),
  of: z.string(),
  segments: z.number(),
  place: z.object({
    runs: z.number(),
    steps: z.number(),
    longest: z.number(),
    cutShort: z.boolean(),
    path: z.array(BRANCH),
  }),
});

export class VerifyJournal {
  readonly dir: string;
  private segments = 0;

  /** @param of everything that decides what is verified; a journal of anything else is not this one. */
  constructor(
    out: string,
    private readonly of: string,
  ) {
    const name = createHash('sha256').update(of).digest('hex').slice(0, 12);
    this.dir = join(out, `verify-${name}`);
  }

  /** Where the search stood when it was last saved; undefined if it never was, or if the files are damaged. */
  load(): { place: VerifyPlace; states: Int32Array[] } | undefined {
    try {
      const { of, segments, place } = STANDING.parse(JSON.parse(readFileSync(this.standing(), 'utf8')));
      if (of !== this.of) return undefined;
      const states = Array.from({ length: segments }, (_, i) => wordsOf(readFileSync(this.segment(i))));
      this.segments = segments;
      return { place, states };
    } catch {
      return undefined;
    }
  }

  /** @param fresh the states visited since the last save. */
  save(place: VerifyPlace, fresh: Int32Array): void {
    if (!existsSync(this.dir)) mkdirSync(this.dir);
    writeWhole(this.segment(this.segments++), new Uint8Array(fresh.buffer));
    writeWhole(this.standing(), JSON.stringify({ schema: 2, of: this.of, segments: this.segments, place }));
  }

  private standing(): string {
    return join(this.dir, 'standing.json');
  }
  private segment(number: number): string {
    return join(this.dir, `states-${number}.bin`);
  }
}

function wordsOf(bytes: Buffer): Int32Array {
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
