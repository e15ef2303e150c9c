/** One line of an strace log, in any of the forms that `-f`, `-Y`, `-t`, `-tt`, `-ttt`, `-T` and `-o` make. */

/** What a line says. `name`, `args`, `result` and `seconds` are there as far as the kind has them. */
export interface StraceLine {
  kind: 'call' | 'begin' | 'resume' | 'exit' | 'signal' | 'message';
  /** undefined: the line names no thread. */
  thread?: number;
  start?: number;
  name: string;
  args: string;
  result: string;
  seconds?: number;
}

/** Thread and command, then time. The command of `-Y` may hold anything but ends before a blank or the bracket. */
const PREFIX =
  /^(?:\[pid\s+(?<pid>\d+)(?:<.*?>)?\]\s+|(?<tid>\d+)(?:<.*?>)?\s+)?(?:(?<epoch>\d+\.\d+)\s+|(?<clock>\d\d:\d\d:\d\d(?:\.\d+)?)\s+)?(?<rest>.*)$/;
const DURATION = '(?:\\s+<(?<seconds>\\d+\\.\\d+)>)?$';
const CALL = new RegExp(`^(?<name>[a-z_]\\w*)\\((?<args>.*)\\)\\s*=\\s(?<result>\\S.*?)${DURATION}`);
const BEGIN = /^(?<name>[a-z_]\w*)\((?<args>.*?),?\s*<unfinished \.\.\.>$/;
const RESUME = new RegExp(
  `^<\\.\\.\\. (?<name>[a-z_]\\w*) resumed>\\s*,?\\s*(?<args>.*)\\)\\s*=\\s(?<result>\\S.*?)${DURATION}`,
);
const EXIT = /^\+\+\+ (?:exited with|killed by) .*\+\+\+$/;
const SIGNAL = /^--- .* ---$/;
const MESSAGE = /^(?:strace: .*|\[ Process PID=.*\])$/;

/** The line taken apart, or undefined for what strace does not write. */
export function parseStraceLine(text: string): StraceLine | undefined {
  if (MESSAGE.test(text)) return { kind: 'message', name: '', args: '', result: '' };
  const { pid, tid, epoch, clock, rest } = PREFIX.exec(text)?.groups ?? {};
  if (rest === undefined) return undefined;
  const at = {
    thread: pid ?? tid,
    start: epoch === undefined ? secondsOfDay(clock) : Number(epoch),
  };
  const common = { thread: at.thread === undefined ? undefined : Number(at.thread), start: at.start };
  const shapes = [
    ['begin', BEGIN],
    ['resume', RESUME],
    ['call', CALL],
    ['exit', EXIT],
    ['signal', SIGNAL],
    ['message', MESSAGE],
  ] as const;
  for (const [kind, shape] of shapes) {
    const found = shape.exec(rest);
    if (!found) continue;
    const { name = '', args = '', result = '', seconds } = found.groups ?? {};
    return { kind, ...common, name, args, result, seconds: seconds === undefined ? undefined : Number(seconds) };
  }
  return undefined;
}

function secondsOfDay(clock: string | undefined): number | undefined {
  if (clock === undefined) return undefined;
  const [hours, minutes, seconds] = clock.split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}

/** The arguments of a call: split at the commas outside brackets and quotes. */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === '' && parts.length === 0 ? [] : [...parts, last];
}

/** A number as strace prints it: decimal, hexadecimal, or NULL. undefined for anything else, and above 2^53. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === 'NULL') return 0;
  const digits = /^-?(?:0x[0-9a-f]+|\d+)(?=$|[\s<])/.exec(text ?? '')?.[0];
  if (digits === undefined) return undefined;
  const value = digits.startsWith('-') ? -Number(digits.slice(1)) : Number(digits);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The value of `key=value` among arguments or in their structures. */
export function namedArgument(args: readonly string[], key: string): string | undefined {
  return new RegExp(`(?:^|[{,\\s])${key}=([^,}\\s]+)`).exec(args.join(', '))?.[1];
}
