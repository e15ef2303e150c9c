/** The audit of v11's ledger: what it says of ledgers that are broken on purpose, of sound ones, and of v11's own mistakes. */
import { afterAll, describe, expect, it } from 'vitest';
import { definePatch } from '#tlblab/bugs/patch.js';
import { POOL } from '#tlblab/engine/threads/pool.js';
import { stress } from '#tlblab/engine/threads/threads.js';
import { FIXES } from '#tlblab/fixes/index.js';
import type { AuditTally } from '#tlblab/hunt/audit-tally.js';
import { tallyDebug } from '#tlblab/hunt/debug-tally.js';
import type { Cpu } from '#tlblab/kernel/cpu.js';
import { type Path, point } from '#tlblab/memory/point.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { tryToUnmapLuf } from '#tlblab/policy/luf-coordinator.js';
import { freeReclaimed } from '#tlblab/policy/luf-reclaim.js';
import { LUF, LUF_TASK, TLB_UBC_LUF } from '#tlblab/policy/luf-tables.js';
import { definePolicy, type Patch } from '#tlblab/policy/policy.js';
import { load, mmap, race, read, reclaim } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';

/** K reclaims what P0 has in its TLB; nobody allocates. */
const RECLAIMED = race(
  { cpus: 2 },
  {
    setup: [mmap(8, 2, 'r', { fixed: true, shared: true, file: 'f' }), read(8, 2)],
    P0: [load(8), load(9)],
    K: { cpu: 1, kthread: true, ops: [reclaim('f', 0, 2)] },
  },
  { files: [{ name: 'f', pages: 2 }] },
);

function audited(policy: string, source: Program | 'fuzz', patches: Patch[] = [], schedules = 50): AuditTally {
  const of = { policy: POLICIES[policy], patches, source, seed: 7, schedules, strict: false, costs: 'bare-metal' };
  const { audit } = tallyDebug({ ...of, outOfTime: () => false });
  if (audit === null) throw new Error(`${policy} has no audit`);
  return audit;
}
const kinds = ({ inconsistencies }: AuditTally): string[] => inconsistencies.map(({ kind }) => kind);

/** The end of a batch of reclaim, with something before and behind it that spoils the ledger. */
function broken(before: (cpu: Cpu) => Path<void>, after: (cpu: Cpu) => Path<void>): Patch[] {
  const spoils = definePatch({
    name: 'spoils',
    says: 'spoils the ledger of LUF',
    source: 'a test',
    *freeReclaimed(cpu, batch) {
      yield* before(cpu);
      yield* freeReclaimed(cpu, batch);
      yield* after(cpu);
    },
  });
  return [spoils];
}
const nothing = function* (): Path<void> {};

const SPOILS = point('test: luf_lock held, a word to be spoilt');

/** Sets words of the ledger under luf_lock. */
function sets(values: Partial<Record<keyof (typeof LUF)['fields'], number>>): (cpu: Cpu) => Path<void> {
  return function* (cpu) {
    const luf = cpu.wordsOf(LUF);
    yield* cpu.kernel.spinLockIrqsave(cpu, luf.lock.at(0));
    for (const [field, value] of Object.entries(values)) {
      const column = luf[field as keyof typeof values];
      if (cpu.at(SPOILS, column.at(0))) yield;
      column.store(0, value);
    }
    yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(0));
  };
}

describe('a ledger that is broken on purpose', () => {
  it('a debt that is not recorded with the frames', () => {
    const forgets = definePatch({
      name: 'forgets',
      says: 'the generation is not kept',
      source: 'a test',
      *freeReclaimed(cpu, batch) {
        yield* tryToUnmapLuf(cpu);
        const { foliosLuf } = batch as never as { foliosLuf: never[] };
        for (const folio of foliosLuf.splice(0)) yield* cpu.kernel.freeUnrefPage(cpu, folio);
      },
    });
    const found = audited('luf-v11', RECLAIMED, [forgets]);
    expect(kinds(found)).toEqual(['unrecorded']);
    expect(found.inconsistencies[0].says).toMatch(
      /^free frame \d+ owes nothing, and user code on CPU0 still reaches it$/,
    );
  });

  it('a debt whose CPUs are not recorded', () => {
    const drops = function* (cpu: Cpu): Path<void> {
      cpu.wordsOf(TLB_UBC_LUF).cpumask.put(cpu.current, 0);
    };
    expect(kinds(audited('luf-v11', RECLAIMED, broken(drops, nothing)))).toEqual(['uncovered']);
  });

  it.each([
    ['a generation that counts as done before anybody has flushed', 'early', { lufGenDone: 1, lufGenBeforeNext: 1 }],
    ['luf_gen far ahead', 'order', { lufGen: 5 }],
    ['a generation closed that nobody flushes', 'order', { lufGenBeforeNext: 1 }],
    ['luf_gen behind what frames owe', 'order', { lufGen: 0 }],
    ['CPUs in luf_ubc, which requires no flush', 'unpayable', { ubcFlushRequired: 0 }],
    ['at rest, a flush that counts as under way', 'unfinished', { onFlushing: 1 }],
  ] as const)('%s', (_, kind, values) => {
    expect(kinds(audited('luf-v11', RECLAIMED, broken(nothing, sets(values))))).toEqual([kind]);
  });

  it('a frame that owes neither the last generation nor the next: no demand would flush', () => {
    const later = sets({ lufGenBeforeNext: 4 });
    const earlier = sets({ lufGenBeforeNext: 2, lufGenDone: 2 });
    expect(kinds(audited('luf-v11', RECLAIMED, broken(later, earlier)))).toEqual(['order', 'unpayable']);
  });

  it('a task that carries a generation which does not exist yet', () => {
    const carries = function* (cpu: Cpu): Path<void> {
      cpu.wordsOf(LUF_TASK).ugen.put(cpu.current, 9);
    };
    expect(kinds(audited('luf-v11', RECLAIMED, broken(nothing, carries)))).toEqual(['order']);
  });
});

describe('a ledger that is kept', () => {
  it.each(['luf-v11', 'luf-coordinated'])('of %s is consistent wherever it is looked at', (policy) => {
    for (const source of [RECLAIMED, loadScenario('seed-page-cache'), loadScenario('migrate-store')]) {
      const { checks, inconsistencies } = audited(policy, source, [], 100);
      expect(inconsistencies).toEqual([]);
      expect(checks).toBeGreaterThan(200);
    }
  });

  it('a policy without one has no audit', () => {
    const of = { policy: POLICIES.mainline, patches: [], source: RECLAIMED, seed: 7, schedules: 1 };
    const tally = tallyDebug({ ...of, strict: false, costs: 'bare-metal', outOfTime: () => false });
    expect(tally.audit).toBeNull();
    expect(() => definePolicy({ name: 'mine', says: 'a test', base: 'mainline 6.18', audit: 7 as never })).toThrow(
      'policy "mine": audit: expected a function',
    );
  });
});

describe("v11's own mistakes", () => {
  it('a folio whose last reference somebody else drops is freed without its debt: seen also where it does no harm', () => {
    const { inconsistencies } = audited('luf-v11', loadScenario('reclaim-kept'), [], 800);
    expect(inconsistencies.map(({ kind }) => kind)).toEqual(['unrecorded']);
    const [{ convicted, legal }] = inconsistencies;
    expect(convicted).toBeGreaterThan(0);
    expect(legal).toBeGreaterThan(0);
    expect(audited('luf-v11', loadScenario('reclaim-kept'), [FIXES['v11-kept']], 400).inconsistencies).toEqual([]);
  });

  it('frames that leave the zone in bulk leave their debt with the task that took them', () => {
    const { inconsistencies } = audited('luf-v11', loadScenario('bulk-preempted'), [], 1500);
    expect(inconsistencies.map(({ kind }) => kind)).toEqual(['carried']);
    expect(inconsistencies[0].convicted).toBeGreaterThan(0);
    expect(inconsistencies[0].legal).toBeGreaterThan(inconsistencies[0].convicted);
  });
});

describe('in threads', () => {
  afterAll(() => POOL.close());
  const plan = { program: RECLAIMED, patches: [], oracle: undefined, costs: 'timeless', audit: true };

  it('the last CPU to come to rest audits, and a broken ledger is found', async () => {
    const forgets = { ...plan, policy: 'luf-v11', patches: ['test/engine/plugins/forgets.mjs'] };
    const [kept, broken] = await Promise.all(
      [{ ...plan, policy: 'luf-v11' }, forgets].map((p) =>
        stress({ plan: p, seed: 3, operations: 400, roundOperations: 8 }),
      ),
    );
    for (const { verdict, audit } of [kept, broken]) {
      expect(verdict).toBe('clean');
      expect(audit?.checks).toBeGreaterThan(10);
    }
    expect(kept.audit?.found).toEqual({});
    expect(Object.keys(broken.audit?.found ?? {})).toEqual(['unrecorded']);
  });

  it('nothing is audited unless asked for, and a policy without a ledger cannot be', async () => {
    const silent = await stress({ plan: { ...plan, policy: 'luf-v11', audit: false }, seed: 3, operations: 100 });
    expect(silent.audit).toBeUndefined();
    await expect(stress({ plan: { ...plan, policy: 'mainline' }, seed: 3, operations: 100 })).rejects.toThrow(
      'policy mainline: no ledger to audit; expected a policy with an audit, like luf-v11',
    );
  });
});
