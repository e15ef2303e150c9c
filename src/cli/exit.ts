/** How the tool ends: exit codes, and what goes where. Data to stdout, everything else to stderr. */
import { writeSync } from 'node:fs';

export const EXIT = { clean: 0, violation: 1, input: 2, tool: 3, inconclusive: 4, interrupted: 130 } as const;

/** The tool is wrong, or the machine it runs on: exit 3. Bad input is `BadInput`: exit 2. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** Bad input, told in full already: exit 2 as `BadInput`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Writes data. At once, so that nothing is lost when the process ends; a reader that has gone away is no error. */
export function print(text: string): void {
  write(1, `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A line about the run, not of its data. */
export function note(text: string): void {
  write(2, `${text}\n`);
}

function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

let last = '';

/** The progress line on a terminal; nothing when stderr is a file or a pipe. An empty text takes it away. */
export function status(text: string): void {
  if (!process.stderr.isTTY || text === last) return;
  last = text;
  write(2, `\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

let interrupted: (() => void) | undefined;

/**
 * Says what a verb does when it is interrupted: print what is known so far. Runs once; the process ends right after it
 * with 130.
 */
export function onInterrupt(tell: () => void): void {
  interrupted = tell;
}

export function installInterrupts(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      status('');
      const tell = interrupted;
      interrupted = undefined;
      try {
        tell?.();
      } finally {
        process.exit(EXIT.interrupted);
      }
    });
  }
}
