import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { drawScope } from '#tlblab/hunt/small-scope.js';
import { policyNamed } from '#tlblab/policy/index.js';

const SETTINGS = {
  policy: policyNamed('mainline'),
  source: 'fuzz',
  strict: false,
  costs: 'bare-metal',
  strategies: ['small-scope'],
  outOfTime: (): boolean => false,
} as const;

describe('small-scope', () => {
  it('draws 4 to 6 kinds of operations, of which the tasks do few', () => {
    const draw = new Draw(randomFrom(3).bits);
    for (let i = 0; i < 300; i++) {
      const { program, menu } = drawScope(draw, 'scope');
      expect(new Set(menu.ops.map((op) => JSON.stringify(op))).size).toBe(menu.ops.length);
      expect(menu.ops.length).toBeGreaterThanOrEqual(4);
      expect(menu.ops.length).toBeLessThanOrEqual(6);
      expect(menu.more.length).toBe(program.tasks.length);
    }
  });

  it('counts the scopes, and finds nothing on mainline', () => {
    const { found, strategies, programs } = hunt({ ...SETTINGS, patches: [], seed: 2, schedules: 4000 });
    expect(found).toBeUndefined();
    expect(strategies).toMatchObject([{ name: 'small-scope', schedules: 4000, scopes: programs }]);
  });

  it('ends with a plain program, and the schedule that convicts it', () => {
    const { found } = hunt({ ...SETTINGS, patches: [BUGS['t1-14']], seed: 2, schedules: 20_000 });
    expect(found?.strategy).toBe('small-scope');
    expect(found?.plan.menu).toBeUndefined();
    const again = execute(new Stepper(found!.plan), new ExactReplay(found!.choices).choose);
    expect(again.convicted?.harm).toBe(found?.conviction.harm);
  });
});
