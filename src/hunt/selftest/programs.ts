/** The tiny programs whose chances and counts are known from the literature or by enumeration. */
import { parseTiny, type TinyProgram } from '../../program/tiny-program.ts';

const column = (cells: readonly string[], i: number): string => cells[i] ?? '';

/** Columns side by side as rows of text. */
function tiny(name: string, words: string, threads: readonly (readonly string[])[], forbidden: string): TinyProgram {
  const rows = Array.from(
    { length: Math.max(...threads.map((t) => t.length)) },
    (_, i) => `${threads.map((t) => column(t, i)).join(' | ')};`,
  );
  const names = threads.map((_, i) => `P${i}`).join(' | ');
  return parseTiny(`TINY ${name} {${words}} ${names}; ${rows.join('\n')} forbidden (${forbidden})`, name);
}

const times = (n: number, cell: string): string[] => Array.from({ length: n }, () => cell);
const idle = (n: number): string[] => times(n, 'idle');
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Programs with a bug of known depth. */
export const HIT_PROGRAMS: readonly TinyProgram[] = [
  tiny(
    'lost-update',
    'x = 0;',
    [
      ['read x -> a', 'write x = a + 1'],
      ['read x -> a', 'write x = a + 1'],
    ],
    'x = 1',
  ),
  tiny(
    'order-violation',
    'x = 0;',
    [
      [...idle(4), 'write x = 1'],
      [...idle(4), 'read x -> a'],
    ],
    'P1:a = 0',
  ),
  tiny('check-then-use', 'p = 1;', [['read p -> a', 'read p -> b'], ['write p = 0']], String.raw`P0:a = 1 /\ P0:b = 0`),
  tiny(
    'check-then-use-4',
    'p = 1;',
    [
      [...idle(4), 'read p -> a', 'read p -> b', ...idle(4)],
      [...idle(4), 'write p = 0', ...idle(4)],
    ],
    String.raw`P0:a = 1 /\ P0:b = 0`,
  ),
  tiny(
    'reorder',
    'a = 0; b = 0;',
    [
      ['write a = 1', 'write b = -1'],
      ['write a = 1', 'write b = -1'],
      ['read a -> a', 'read b -> b'],
    ],
    String.raw`P2:a = 1 /\ P2:b = 0 \/ P2:a = 0 /\ P2:b = -1`,
  ),
  tiny('last-writer', 'x = 0;', [['write x = 1'], times(12, 'write x = 2')], 'x = 1'),
  tiny(
    'stale-tlb',
    'pte = 1; frame = 1;',
    [
      ['write pte = 0', 'write frame = 2'],
      ['read pte -> a', 'idle', 'read frame -> b'],
    ],
    String.raw`P1:a = 1 /\ P1:b = 2`,
  ),
];

/** Two threads of `n` events on one word each: every order is another outcome. */
export function twoBy(n: number): TinyProgram {
  return tiny(`two-by-${n}`, 'x = 0;', [times(n, 'write x = 1'), times(n, 'write x = 2')], 'x = 1');
}

/** One writer and n readers of the same word (Abdulla et al., POPL 2014): 2^n traces. */
export function readers(n: number): TinyProgram {
  return tiny(`readers-${n}`, 'x = 0;', [['write x = 1'], ...numbers(n).map(() => ['read x -> a'])], 'x = 0');
}

/** n writers of a chain and a reader that looks for its last zero (POPL 2014): (n + 3) 2^(n - 2) traces. */
export function lastZero(n: number): TinyProgram {
  const words = numbers(n + 1).map((i) => `a${i} = 0;`);
  const reader = numbers(n + 1).map((i) => `read a${n - i} -> r until 0`);
  const writers = numbers(n).map((i) => [`read a${i} -> r`, `write a${i + 1} = r + 1`]);
  return tiny(`last-zero-${n}`, words.join(' '), [reader, ...writers], 'a0 = 1');
}
