/**
 * strace logs: `strace -f -ttt -T -Y -y -s 0 -e trace=%memory,%process,%file,%desc,sched_setaffinity -o LOG PROGRAM`, and
 * most logs made with fewer options. Calls that are split in two lines are joined; nothing is inferred here.
 */
import { BadInput, quoted, requireText } from '../program/bad-input.ts';
import { parseStraceLine, type StraceLine, splitArguments } from './strace-line.ts';
import { type Trace, type TraceCall, tally } from './trace.ts';

/** Why a last line without its end was left out; a reader that wants whole logs only looks for it in `skipped`. */
export const CUT_SHORT = 'last line cut short';

const EXPECTED = 'an strace line: [THREAD] [TIME] call(arguments) = result';

/** Stands for the thread of lines that name none, until the end of the log tells which one it is. */
const UNNAMED = -1;

/**
 * The calls of an strace log.
 * @param source the file, for messages
 * @throws BadInput with `file:line` when the text is empty, binary, no strace log, or cut in the middle. A last line
 *   that is cut, as in the log of a process killed while it ran, is skipped and counted.
 */
export function parseStrace(text: string, source: string): Trace {
  requireText(text, source, 'an strace log');
  const log = new StraceLog(source);
  const lines = text.split('\n');
  const whole = lines[lines.length - 1].trim() === '';
  while (lines.length > 0 && lines[lines.length - 1].trim() === '') lines.pop();
  lines.forEach((line, i) => {
    const content = line.replace(/\r$/, '');
    if (content.trim() !== '') log.add(content, i + 1, !whole && i === lines.length - 1);
  });
  return log.trace();
}

class StraceLog {
  private readonly calls: TraceCall[] = [];
  private readonly threads = new Set<number>();
  private readonly skipped: Record<string, number> = {};
  private readonly notes: string[] = [];
  private readonly pending = new Map<number, StraceLine & { line: number }>();
  private firstForeign: { line: number; text: string } | undefined;
  private foreign = 0;
  private timed = false;

  constructor(private readonly source: string) {}

  /** @param cut the line is the last one and has no end of line */
  add(text: string, line: number, cut: boolean): void {
    const parsed = parseStraceLine(text);
    const complete = parsed?.kind === 'call' || parsed?.kind === 'resume';
    if (cut && (!parsed || (complete && this.timed && parsed.seconds === undefined))) {
      tally(this.skipped, CUT_SHORT);
      this.notes.push(`${this.source}:${line}: the log ends inside a line; that line is left out`);
      return;
    }
    if (!parsed) {
      this.foreignLine(text, line);
      return;
    }
    if (parsed.thread !== undefined) this.threads.add(parsed.thread);
    else if (parsed.kind !== 'message') this.threads.add(UNNAMED);
    this.timed ||= complete && parsed.seconds !== undefined;
    switch (parsed.kind) {
      case 'call':
        this.calls.push(this.callOf(parsed, parsed, line, line));
        return;
      case 'begin':
        this.begin(parsed, line);
        return;
      case 'resume':
        this.resume(parsed, line);
        return;
      case 'exit':
        tally(this.skipped, 'end of a thread');
        return;
      case 'signal':
        tally(this.skipped, 'signal');
        return;
      case 'message':
        tally(this.skipped, 'message of strace');
    }
  }

  trace(): Trace {
    const { calls, source, skipped, notes, firstForeign: odd } = this;
    if (odd && (calls.length === 0 || this.foreign > calls.length)) {
      throw new BadInput({ what: quoted(odd.text), where: `${source}:${odd.line}`, expected: EXPECTED });
    }
    if (calls.length === 0) throw new BadInput({ what: 'no complete call', where: `${source}:1`, expected: EXPECTED });
    if (this.pending.size > 0) tally(skipped, 'call not finished when the log ends', this.pending.size);
    calls.sort((a, b) => a.line - b.line);
    const root = this.unnamedThread();
    for (const call of calls) if (call.thread === UNNAMED) call.thread = root;
    const threads = [...new Set([...this.threads].map((t) => (t === UNNAMED ? root : t)))];
    return { source, threads, calls, skipped, notes };
  }

  /** A line that strace did not write: output of the program in between is tolerated, a call without its end is not. */
  private foreignLine(text: string, line: number): void {
    if (/(?:^|\s)[a-z_]\w*\([^)]*$/.test(text)) {
      throw new BadInput({
        what: `call cut short: ${quoted(text)}`,
        where: `${this.source}:${line}`,
        expected: EXPECTED,
      });
    }
    this.firstForeign ??= { line, text };
    this.foreign++;
    tally(this.skipped, 'not a line of strace');
  }

  private begin(begin: StraceLine, line: number): void {
    const thread = begin.thread ?? UNNAMED;
    if (this.pending.has(thread)) tally(this.skipped, 'call that was never resumed');
    this.pending.set(thread, { ...begin, line });
  }

  private resume(end: StraceLine, line: number): void {
    const thread = end.thread ?? UNNAMED;
    const key = [thread, UNNAMED].find((t) => this.pending.get(t)?.name === end.name);
    if (key === undefined) {
      tally(this.skipped, 'end of a call whose begin is not in the log');
      return;
    }
    const begin = this.pending.get(key)!;
    this.pending.delete(key);
    this.calls.push(this.callOf({ ...begin, thread: end.thread ?? begin.thread }, end, begin.line, line));
  }

  private callOf(begin: StraceLine, end: StraceLine, line: number, endLine: number): TraceCall {
    const args = splitArguments(begin.args);
    return {
      thread: begin.thread ?? UNNAMED,
      name: begin.name,
      args: begin === end ? args : [...args, ...splitArguments(end.args)],
      result: end.result,
      line,
      endLine,
      start: begin.start,
      seconds: end.seconds,
    };
  }

  /** Lines without a thread belong to the first thread: strace prints ids only while it follows more than one. */
  private unnamedThread(): number {
    const cloned = new Set(
      this.calls.filter((c) => /^(?:clone3?|v?fork)$/.test(c.name)).map((c) => Number.parseInt(c.result, 10)),
    );
    return [...this.threads].find((t) => t !== UNNAMED && !cloned.has(t)) ?? 1;
  }
}
