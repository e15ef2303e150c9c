import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { definePatch, requirePatch } from '#tlblab/bugs/patch.js';
import { FIXES } from '#tlblab/fixes/index.js';
import { POLICIES, policyNamed } from '#tlblab/policy/index.js';
import { definePolicy, requirePolicy } from '#tlblab/policy/policy.js';

const BASE = { name: 'mine', says: 'a test', base: 'mainline 6.18' };

describe('definePolicy', () => {
  it('sorts routines from the other fields', () => {
    const policy = definePolicy({ ...BASE, *flushTlbMm() {} });
    expect(Object.keys(policy.routines)).toEqual(['flushTlbMm']);
    expect(policy).toMatchObject({
      name: 'mine',
      says: 'a test',
      base: 'mainline 6.18',
      gates: {},
      hooks: {},
      tables: [],
    });
  });

  it.each([
    [
      'a routine that does not exist, the nearest name named',
      { *flushTlbMn() {} },
      /policy "mine": flushTlbMn: no kernel routine.*"flushTlbMm"/,
    ],
    ['a routine that is no generator', { flushTlbMm: () => {} }, /flushTlbMm: expected a generator function/],
    [
      'a hook at a point that does not exist',
      { hooks: { 'spinLock: lock wantd': {} } },
      /no point is called "spinLock: lock wantd".*"spinLock: lock wanted"/,
    ],
    [
      'a hook that is neither before nor after',
      { hooks: { 'spinLock: lock wanted': { *around() {} } } },
      /around: expected before or after/,
    ],
    [
      'a hook that is no generator',
      { hooks: { 'spinLock: lock wanted': { before: () => {} } } },
      /before: expected a generator function/,
    ],
    [
      'a gate that does not exist',
      { gates: { pageReuse: 'x' } },
      /gates\.pageReuse: expected a sentence under one of frameReuse/,
    ],
    ['tables that are none', { tables: [{ name: 'mine' }] }, /tables\[0\]: expected a table/],
    ['a bad name', { name: 'My Policy' }, /policy "My Policy": name: expected lower-case/],
    ['no sentence', { says: '' }, /says: expected a sentence/],
    ['a word on RCU that is no boolean', { asksRcu: 'no' }, /asksRcu: expected true or false/],
    [
      'the promise not to ask RCU, beside a routine of its own',
      { asksRcu: false, *rcuQs() {} },
      /asksRcu: false, but rcuQs is a routine of kernel\/rcu/,
    ],
    [
      'that promise beside a flush point with such a routine',
      { asksRcu: false, flushPoints: { grace: { says: 'pays', *rcuAdvance() {} } } },
      /asksRcu: false, but rcuAdvance/,
    ],
    ['no base kernel', { base: undefined }, /base: expected the kernel/],
  ])('refuses %s', (_, change, message) => {
    expect(() => definePolicy({ ...BASE, ...change } as never)).toThrow(message);
  });

  it('a plug-in may export what definePolicy makes, or what it takes; not a patch', () => {
    const policy = definePolicy({ ...BASE, *flushTlbMm() {} });
    expect(requirePolicy(policy, 'mine.mjs')).toBe(policy);
    expect(requirePolicy({ ...BASE }, 'mine.mjs').name).toBe('mine');
    const patch = definePatch({ name: 'bug', says: 'a bug', source: 'a mail' });
    expect(() => requirePolicy(patch, 'bug.mjs')).toThrow(
      'bug.mjs: expected a policy made with definePolicy, not a patch',
    );
    expect(requirePatch(patch, 'bug.mjs')).toBe(patch);
    expect(() => requirePatch(policy, 'mine.mjs')).toThrow(
      'mine.mjs: expected a patch made with definePatch, not a policy',
    );
    expect(() => requirePolicy(7, 'seven.mjs')).toThrow(/expected an object/);
  });

  it('patches state their source', () => {
    expect(() => definePatch({ name: 'bug', says: 'a bug', source: '' })).toThrow(/source: expected where/);
    expect(() => definePatch({ name: 'bug', says: 'a bug', source: 'x', year: 2017.5 })).toThrow(
      /year: expected an integer/,
    );
  });
});

describe('the promise not to ask RCU', () => {
  it('is not made unless it is given', () => {
    expect(definePolicy({ ...BASE }).asksRcu).toBe(true);
    expect(definePatch({ name: 'bug', says: 'a bug', source: 'a mail' }).asksRcu).toBe(true);
  });

  it('is kept by those that are bundled', () => {
    const promising = [...Object.values(POLICIES), ...Object.values(FIXES), ...Object.values(BUGS)].filter(
      (r) => !r.asksRcu,
    );
    expect(promising.length).toBeGreaterThan(5);
    for (const { name, routines, hooks } of promising) {
      const paths = [...Object.values(routines), ...Object.values(hooks).flatMap((h) => Object.values(h))];
      expect(paths.join('\n'), name).not.toMatch(/\brcu(State)?\b/);
    }
  });
});

describe('shipped policies', () => {
  it('are found by their names, and only by those', () => {
    for (const [name, policy] of Object.entries(POLICIES)) expect(policyNamed(name)).toBe(policy);
    for (const [name, policy] of Object.entries(POLICIES)) expect(policy.name).toBe(name);
    expect(() => policyNamed('lazy')).toThrow('policy "lazy": expected one of never, eager, mainline');
    expect(() => policyNamed('toString')).toThrow(/expected one of/);
  });
});
