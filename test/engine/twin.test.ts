import { afterAll, describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { stress } from '#tlblab/engine/threads/threads.js';
import type { Word } from '#tlblab/memory/memory.js';
import { ORACLE_TABLES } from '#tlblab/oracle/oracle.js';
import { policyNamed } from '#tlblab/policy/index.js';
import {
  by,
  dontneed,
  exit,
  fork,
  kalloc,
  kfree,
  load,
  mmap,
  mprotect,
  mremap,
  munmap,
  race,
  read,
  store,
  write,
} from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

const oracle = { strict: false, threads: true };

/** One task after another, on one CPU: the first forks, unmaps, moves and reads what it shares with its child. */
const ONE_CPU = race(
  { cpus: 1 },
  {
    P0: [
      mmap(4, 4, 'rw', { fixed: true }),
      write(4, 4),
      mprotect(5, 1, 'r'),
      read(4, 4),
      fork('C'),
      write(6, 2),
      munmap(4, 1),
      dontneed(6),
      load(6),
      mremap(7, 1, { to: 20 }),
      load(20),
      kalloc(2),
      kalloc(1, { context: 'irqoff' }),
      kfree(),
    ],
    C: { cpu: 0, forkedBy: 'P0', ops: [read(4, 4), { do: 'exit' }] },
  },
  { name: 'one-cpu' },
);

/** Two CPUs that take turns: every operation ends before the next one begins, so shootdowns are all that they do at a time. */
const TURNS = race(
  { cpus: 2 },
  {
    setup: [
      ...by('P0', mmap(4, 4, 'rw', { fixed: true }), write(4, 4)),
      ...by('P1', read(4, 4)),
      ...by('P0', mprotect(5, 1, 'r')),
      ...by('P1', store(4), munmap(4, 1)),
      ...by('P0', load(4), load(6)),
      ...by('P1', dontneed(6)),
      ...by('P0', load(6)),
      ...by('P1', mremap(7, 1, { to: 20 })),
      ...by('P0', load(20), kalloc(2)),
      ...by('P1', kfree(), kalloc(1, { context: 'irqoff' })),
    ],
    P0: [],
    P1: [],
  },
  { name: 'turns' },
);

/** Names of the words of the machine that differ between the engines' final images, with both values. */
async function differences(program: Program, policy: string): Promise<string[]> {
  const plan = { program, policy, patches: [], oracle, costs: 'timeless' };
  const run = await stress({ plan, seed: 1, repeat: 'no', tickEvery: 0, keepRounds: true });
  expect(run).toMatchObject({ verdict: 'clean', says: '' });
  const threads = run.round?.image ?? new Int32Array();

  const stepper = new Stepper({ ...plan, policy: policyNamed(policy), patches: [] });
  let turn = 0;
  expect(stepper.run(({ choices }) => choices[turn++ % choices.length], 100_000)).toBe('finished');
  const { words } = stepper.machine.mem;
  const { layout } = stepper.machine.shape;
  expect(threads.length).toBe(words.length);

  const ghosts = Object.values(ORACLE_TABLES).map((table) => layout.range(table.name));
  const found: string[] = [];
  for (let word = 0; word < words.length; word++) {
    if (words[word] === threads[word] || ghosts.some(({ from, to }) => word >= from && word < to)) continue;
    found.push(`${layout.nameOf(word as Word)}: ${words[word]} ${threads[word]}`);
  }
  // the way predictor is used by accesses that are performed at once, and only guesses
  return found.filter((name) => !/^tlb\[\d+\]\.hint/.test(name));
}

/** A child that lives and ends in the history. Alone on one CPU: when an idle one looks for the end of a grace period is a matter of time. */
const CHILD = race(
  { cpus: 1 },
  {
    setup: [
      ...by('P0', mmap(4, 4, 'rw', { fixed: true }), write(4, 4), fork('C')),
      ...by('C', store(5), exit()),
      ...by('P0', store(5), load(6)),
    ],
    P0: [load(5)],
    C: { cpu: 0, forkedBy: 'P0', ops: [] },
  },
  { name: 'child' },
);

afterAll(() => POOL.close());

describe.each(['mainline', 'eager'])('the twin of a sequential program under %s', (policy) => {
  it('ends in the same image on one CPU with a child', async () => {
    expect(await differences(ONE_CPU, policy)).toEqual([]);
  });
  it('ends in the same image if the child ends in the history', async () => {
    expect(await differences(CHILD, policy)).toEqual([]);
  });
  it('ends in the same image on two CPUs that take turns', async () => {
    expect(await differences(TURNS, policy)).toEqual([]);
  });
});
