/** Missing barriers: what goes wrong only behind store buffers, each shown by one schedule that is named, not found. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { choiceCpu, choiceKind, DRAIN } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { execute } from '#tlblab/hunt/execute.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { pointLabel } from '#tlblab/memory/point.js';
import type { MemoryModel } from '#tlblab/memory/tso-memory.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { by, load, mmap, munmap, race, store, yields } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

/** CPU1 has page 8 of P1 in its TLB, gives Q a turn and comes back, while P0 unmaps the page. */
const program = (switches: Record<string, boolean> = {}): Program =>
  race(
    { cpus: 2, switches },
    {
      setup: [
        mmap(8, 2, 'rw', { fixed: true }),
        ...by('P1', store(8)),
        ...by('Q', mmap(8, 1, 'rw', { fixed: true }), store(8)),
      ],
      P0: [munmap(8)],
      P1: { cpu: 1, ops: [yields(), load(8)] },
      Q: { cpu: 1, mm: 1, ops: [load(8)] },
    },
  );

interface Setting {
  readonly memory: MemoryModel;
  readonly patches?: readonly string[];
  readonly switches?: Record<string, boolean>;
}

/** CPUs take turns: each runs until it stands at its point, with the mm of the task loaded if one is named. */
type Turns = readonly (readonly [cpu: number, until: string, task?: string])[];

/** After the turns CPU0 runs to its end, then CPU1; no store drains while anything else can happen. Returns the harm. */
function harmOf({ memory, patches = [], switches }: Setting, turns: Turns): string | undefined {
  const plan = huntingPlan(program(switches), {
    policy: mainline,
    patches: patches.map((name) => BUGS[name]),
    strict: false,
    memory,
    costs: 'bare-metal',
  });
  const stepper = new Stepper(plan);
  let turn = 0;
  stepper.reset();
  const { convicted } = execute(stepper, (s) => {
    const [cpu = 0, until = '', task] = turns[turn] ?? [];
    const { program, columns } = s.machine;
    const mm = program.tasks.find(({ name }) => name === task)?.mm ?? columns.tlbState.loadedMm.peek(cpu as CpuId);
    const there = pointLabel(s.cpuAt(cpu as CpuId).point) === until;
    if (there && columns.tlbState.loadedMm.peek(cpu as CpuId) === mm) turn++;
    const others = s.choices.filter((c) => choiceKind(c) !== DRAIN);
    return others.find((c) => choiceCpu(c) === (turns[turn]?.[0] ?? 0)) ?? others[0] ?? s.choices[0];
  });
  expect(turn, 'turns taken').toBe(turns.length);
  return convicted?.harm;
}

const LEAVES = 'switchMm: about to leave the loaded mm';
const NAMED = 'shouldFlushTlb: target named';
const LOOKED = 'shouldFlushTlb: loaded mm read, lazy not';
const READ = 'switchMm: generation read, CR3 not written';
const SWITCHED = 'switchMm: CR3 loaded, loaded mm not published';
/** CPU1 runs Q and is about to come back. */
const AWAY: Turns = [[1, LEAVES, 'Q']];
/** CPU0 has looked at both CPUs. */
const BOTH: Turns = [
  [0, LOOKED],
  [0, NAMED],
  [0, LOOKED],
];

describe('T2-01: the initiator raises the generation without a barrier', () => {
  const turns: Turns = [...AWAY, ...BOTH, [1, SWITCHED]];

  it('behind store buffers the CPU that switches reads the old generation and is not interrupted', () => {
    expect(harmOf({ memory: 'tso', patches: ['t2-01'] }, turns)).toBe('rights-bypass');
  });
  it('where stores are visible at once it reads the new one', () => {
    expect(harmOf({ memory: 'sc', patches: ['t2-01'] }, turns)).toBeUndefined();
  });
  it('the locked read-modify-write of mainline is a barrier', () => {
    expect(harmOf({ memory: 'tso' }, turns)).toBeUndefined();
  });
});

describe('switch_mm without a barrier where the bit in the cpumask is set (before October 2025)', () => {
  const turns: Turns = [...AWAY, [1, READ], ...BOTH, [1, SWITCHED]];

  it('the initiator does not see that the CPU is in the middle of a switch', () => {
    expect(harmOf({ memory: 'tso', switches: { switchMmBarrier: false } }, turns)).toBe('rights-bypass');
  });
  it('with the barrier it does', () => {
    expect(harmOf({ memory: 'tso' }, turns)).toBeUndefined();
  });
});

describe('the same schedules', () => {
  it('give the same image twice', () => {
    const hashes = [1, 2].map(() => {
      const plan = huntingPlan(program(), {
        policy: mainline,
        patches: [],
        strict: false,
        memory: 'tso',
        costs: 'bare-metal',
      });
      const stepper = new Stepper(plan);
      let steps = 0;
      execute(stepper, ({ choices }) => choices[(steps++ * 7) % choices.length]);
      return [stepper.steps, stepper.machine.mem.hash()];
    });
    expect(hashes[0]).toEqual(hashes[1]);
  });
});
