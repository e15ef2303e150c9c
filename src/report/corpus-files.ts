/**
 * A corpus on disk: a directory with one file for each entry, named by the hash of its text. A file is there as a whole or not at
 * all; one whose text does not have the hash of its name was damaged, or is somebody else's.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkMachine } from '../hunt/check-machine.ts';
import type { CorpusEntry } from '../hunt/corpus.ts';
import { parseProgram } from '../program/schema.ts';
import { writeWhole } from './finding-file.ts';

const ENTRY = /^[0-9a-f]{16}\.json$/;
/** Journals and findings lie beside the entries, and temporary files that nobody finished. */
const OURS = /^hunt-[0-9a-f]{12}\.json$|\.race\.json$|\.tmp$/;

/** Sixteen hexadecimal digits that name a text. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Writes an entry unless it is there. Returns the name of its file. */
export function writeEntry(dir: string, { program, choices, gain, steps }: CorpusEntry): string {
  const text = `${JSON.stringify({ schema: 1, gain, steps, program, choices })}\n`;
  const name = `${hashOf(text)}.json`;
  if (!existsSync(join(dir, name))) writeWhole(join(dir, name), text);
  return name;
}

/** The names of all entries, in an order of their own; `odd` is told of each file that is neither entry nor ours. */
export function entryNames(dir: string, odd: (says: string) => void): string[] {
  const names = readdirSync(dir).sort();
  for (const name of names) {
    if (!ENTRY.test(name) && !OURS.test(name)) odd(`${join(dir, name)}: not a file of a corpus; left out`);
  }
  return names.filter((name) => ENTRY.test(name));
}

/** The entry in a file; undefined, and `odd` is told why, if there is none. */
export function readEntry(dir: string, name: string, odd: (says: string) => void): CorpusEntry | undefined {
  const path = join(dir, name);
  try {
    const text = readFileSync(path, 'utf8');
    if (`${hashOf(text)}.json` !== name) throw new Error('its text is not the one that it was written with');
    const { gain, steps, program, choices } = JSON.parse(text) as CorpusEntry;
    const parsed = parseProgram(program, path);
    checkMachine(parsed, path);
    return { program: parsed, choices, gain, steps };
  } catch (error) {
    odd(`${path}: ${(error as Error).message.split('\n')[0]}; left out`);
    return undefined;
  }
}
