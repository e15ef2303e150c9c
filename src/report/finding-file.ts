/** Finding files: written whole or not at all, and read with the plan that runs them. */
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BadInput, requireText } from '../program/bad-input.ts';
import { type Finding, parseFinding } from '../program/finding.ts';

const EXPECTED = 'a *.race.json file';

/** Makes sure that files can be written to `dir`, the argument of `option`. @throws BadInput if not. */
export function requireWritable(dir: string, option = '--out'): void {
  const fail = (what: string): never => {
    throw new BadInput({ what, where: `${option} ${dir}`, expected: 'a directory that can be written to' });
  };
  try {
    makeDirectory(resolve(dir));
    accessSync(dir, constants.W_OK);
  } catch (error) {
    fail(codeOf(error));
  }
  if (!statSync(dir).isDirectory()) fail('not a directory');
}

/** One level at a time: where nothing can be made, as in /proc, the recursive form of mkdir never ends. */
function makeDirectory(dir: string): void {
  if (existsSync(dir)) return;
  makeDirectory(dirname(dir));
  mkdirSync(dir);
}

/** Writes under the final name in one step, so that no reader, no interruption and no loss of power leaves half of it. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { flush: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new BadInput({ what: codeOf(error), where: path, expected: 'a file that can be written' });
  }
}

/** Writes a finding to `dir`; the same finding always goes to the same file. Returns its path. */
export function writeFinding(finding: Finding, dir: string): string {
  const path = join(dir, fileNameOf(finding));
  writeWhole(path, `${JSON.stringify(finding, null, 1)}\n`);
  return path;
}

export function fileNameOf({ policy, harm, id }: Pick<Finding, 'policy' | 'harm' | 'id'>): string {
  const name = policy.replace(/^.*[\\/]/, '').replace(/\.[cm]?js$/, '');
  return `${name}-${harm}-${id}.race.json`;
}

/** @throws BadInput if the file does not exist or is no finding. */
export function readFinding(path: string): Finding {
  const text = readText(path, EXPECTED);
  return parseFinding(text, path);
}

/** The text of a file a person named. @throws BadInput if it cannot be read, is empty or binary. */
export function readText(path: string, expected: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new BadInput({ what: codeOf(error), where: path, expected });
  }
  requireText(text, path, expected);
  return text;
}

/** Eight hexadecimal digits that name a finding: what runs and how, not what was said about it. */
export function findingId(of: Pick<Finding, 'policy' | 'patches' | 'program' | 'choices' | 'harm'>): string {
  const { policy, patches, program, choices, harm } = of;
  return createHash('sha256')
    .update(JSON.stringify([policy, patches, program, choices, harm]))
    .digest('hex')
    .slice(0, 8);
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: 'no such file',
    EISDIR: 'a directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'read-only file system',
    EEXIST: 'a file of that name is in the way',
    ENOTDIR: 'part of the path is a file',
    ENOSPC: 'no space left on the device',
  };
  return known[code ?? ''] ?? message;
}
