import { afterAll, describe, expect, it } from 'vitest';
import { SMALL_SCOPE, STRATEGY_NAMES } from '#tlblab/hunt/portfolio.js';
import { TESTED } from '#tlblab/hunt/selftest/selftest.js';
import { Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const LOST_UPDATE = `TINY mine "two increments"
{ x = 0; }
 A               | B               ;
 read x -> a     | read x -> a     ;
 write x = a + 1 | write x = a + 1 ;
forbidden (x = 1)
`;

describe('selftest', () => {
  it('prints the same twice, but for timing', () => {
    const run = () => {
      const { code, stdout } = tlblab('selftest', '--runs', '500', '--strategy', 'random,pct-2', '--json');
      const { timing, ...rest } = JSON.parse(stdout);
      expect(Object.keys(timing)).toContain('seconds');
      return { code, ...rest };
    };
    const once = run();
    expect(once).toMatchObject({ code: 0, verdict: 'clean', bound: 4 });
    expect(run()).toEqual(once);
  });

  it("tells the exact chance of a person's own program", () => {
    const file = scratch.write('mine.tiny', LOST_UPDATE);
    const { code, stdout } = tlblab('selftest', '--program', file, '--runs', '2000');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok mine +random +1\/2 +1000\.0 /m);
    expect(stdout).toMatch(/^ok mine +pct-3 +5\/12 /m);
  });

  it('refuses what is no program, in one line', () => {
    const broken = scratch.write('broken.tiny', LOST_UPDATE.replace('a + 1 ;', 'b + 1 ;'));
    for (const [file, says] of [
      [broken, /^tlblab: \S*broken\.tiny:5:30: "b"; expected a register that an earlier read of this thread fills\n$/],
      ['nowhere.tiny', /^tlblab: nowhere\.tiny: no such file; expected a tiny program\n$/],
    ] as const) {
      const { code, stdout, stderr } = tlblab('selftest', '--program', file);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(says);
    }
  });
});

it('hunt knows every strategy, and so does selftest where chances can be computed', () => {
  const named = (verb: string): string[] => {
    const { stdout } = tlblab(verb, '--help');
    const [, names = ''] = /--strategy <names>\s+some of\s+([\w,\s-]+?)\n\s+--/.exec(stdout) ?? [];
    return names.replaceAll(/\s/g, '').split(',').sort();
  };
  expect(named('hunt')).toEqual([...STRATEGY_NAMES, SMALL_SCOPE].sort());
  expect(named('selftest')).toEqual([...TESTED].sort());
});

it('hunt --strategy replay needs a schedule to follow', () => {
  const { code, stderr } = tlblab('hunt', 'never', '--strategy', 'replay', '--out', scratch.dir);
  expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
  const file = 'findings/luf-v11-reclaim-kept.race.json';
  const again = tlblab(
    'hunt',
    'luf-v11',
    '--scenario',
    file,
    '--strategy',
    'replay',
    '--schedules',
    '300',
    '--json',
    '--out',
    scratch.dir,
  );
  const { strategies } = JSON.parse(again.stdout);
  expect(strategies).toMatchObject([{ name: 'replay', found: ['frame-reuse'] }]);
});

describe('selftest --suite', () => {
  const SB = {
    tso: [
      {
        id: 'sb',
        verdict: 'permitted',
        threads: ['xy', 'yx'].map(([a, b]) => [
          { op: 'W', va: a, val: 1 },
          { op: 'R', va: b, reads: 0 },
        ]),
      },
    ],
  };

  it('runs a suite under either memory model', () => {
    const file = scratch.write('sb.json', JSON.stringify(SB));
    const sc = tlblab('selftest', '--suite', file);
    expect([sc.code, sc.stdout]).toEqual([
      0,
      expect.stringContaining('sb: permitted, and not reached: 0.1 reads 0, 1.1 reads 0\n'),
    ]);
    const { code, stdout } = tlblab('selftest', '--suite', file, '--memory', 'tso', '--json');
    const { verdict, sections } = JSON.parse(stdout);
    expect([code, verdict, sections[0]]).toMatchObject([
      0,
      'clean',
      { section: 'tso', tests: 1, decided: 1, agree: 1, disagreements: 0, undecided: {} },
    ]);
  });

  it('ends with 1 where a forbidden outcome is reached', () => {
    const file = scratch.write('not-sb.json', JSON.stringify(SB).replace('permitted', 'forbidden'));
    const { code, stdout } = tlblab('selftest', '--suite', file, '--memory', 'tso');
    expect(code).toBe(1);
    expect(stdout).toContain('sb: reached, and not permitted: 0.1 reads 0, 1.1 reads 0');
  });

  it('ends with 3 where a permitted one is not, and counts it among the disagreements', () => {
    const fenced = JSON.parse(JSON.stringify(SB)) as typeof SB;
    for (const events of fenced.tso[0].threads) events.splice(1, 0, { op: 'MFENCE' } as never);
    const file = scratch.write('fenced.json', JSON.stringify(fenced));
    const { code, stdout } = tlblab('selftest', '--suite', file, '--memory', 'tso', '--json');
    const { verdict, sections, tests } = JSON.parse(stdout);
    expect([code, verdict]).toEqual([3, 'failed']);
    expect(sections).toMatchObject([{ section: 'tso', decided: 1, agree: 0, disagreements: 1 }]);
    expect(tests).toMatchObject([{ id: 'sb', agrees: false, disagreements: [{ is: 'unreached' }] }]);
  });

  it('says of each test that is not decided why', () => {
    const synthesized = ['a', 'b'].map((id) => ({
      id,
      user_visible: false,
      threads: [[{ op: 'R', va: 'x' }]],
      init: { map: { x: 'P' }, mem: { P: 1 } },
      outcome: { reads: { '0.0': 1 }, mem: {}, pte: {} },
    }));
    const file = scratch.write('open.json', JSON.stringify({ synthesized, handwritten: [{ id: 'c' }] }));
    const { code, stdout } = tlblab('selftest', '--suite', file);
    expect(code).toBe(0);
    expect(stdout).toContain('\nhandwritten: 1 undecided, shape-open (the program is not said in full): c\n');
    expect(stdout).toMatch(/\nsynthesized: 2 undecided, not-user-visible \(.*\): a, b\n/);
    const json = JSON.parse(tlblab('selftest', '--suite', file, '--json').stdout);
    expect(json.sections).toMatchObject([
      { section: 'handwritten', tests: 1, decided: 0, agree: 0, disagreements: 0, undecided: { 'shape-open': 1 } },
      { section: 'synthesized', tests: 2, decided: 0, undecided: { 'not-user-visible': 2 } },
    ]);
  });

  it('refuses what is no suite, and a memory model that there is none of, in one line', () => {
    const broken = scratch.write('broken.json', JSON.stringify(SB).replace('"W"', '"WW"'));
    for (const [args, says] of [
      [
        ['--suite', broken],
        /broken\.json: tso\[0\]\.threads\[0\]\[0\]\.op: .*expected a known operation: R, W, WPTE, /,
      ],
      [['--suite', 'nowhere.json'], /^tlblab: nowhere\.json: no such file; expected a litmus suite\n$/],
      [['--suite', broken, '--memory', 'pso'], /unknown memory model "pso"; expected /],
    ] as const) {
      const { code, stdout, stderr } = tlblab('selftest', ...args);
      expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([2, '', 1]);
      expect(stderr).toMatch(says);
    }
  });
});
