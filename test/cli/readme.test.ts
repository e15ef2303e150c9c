/** What the README shows is what the tool does. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { withoutNumbers } from '../report/munmap-touch.ts';
import { ROOT, Scratch, tlblab } from './run.ts';

const README = readFileSync(`${ROOT}README.md`, 'utf8');
const scratch = new Scratch();
afterAll(() => scratch.remove());

/** The text of the first block between fences that has this language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'm').exec(README)![1];
}

describe('README', () => {
  it('shows columns that the command it names prints', () => {
    const [, args] = /`npm run -s tlblab -- (hunt never [^`]*)`/.exec(README)!;
    const { stdout } = tlblab(...args.split(' '), '--out', scratch.dir);
    const shown = withoutNumbers(block('').replace(/\n *(?=owed:)/, '\n'));
    expect(withoutNumbers(stdout).slice(0, shown.length)).toBe(shown);
  });

  it('shows a policy that is clean in one scenario and convicted in another', () => {
    const policy = scratch.write('at-switch.mjs', block('js'));
    expect(block('js').split('\n').length).toBeLessThanOrEqual(30);
    const run = (scenario: string) =>
      tlblab('hunt', policy, '--scenario', scenario, '--schedules', '2000', '--json', '--out', scratch.dir);
    expect(JSON.parse(run('munmap-touch').stdout)).toMatchObject({ verdict: 'clean' });
    const convicted = JSON.parse(run('dontneed-touch').stdout);
    expect(convicted.findings).toMatchObject([{ harm: 'stale-read', policy }]);
    expect(tlblab('replay', convicted.findings[0].file).stdout).toContain('byte for byte, twice');
  });

  it('lists the verbs that exist', () => {
    const verbs = [...README.matchAll(/^\| `(\w+)[ `]/gm)].map(([, verb]) => verb);
    for (const verb of verbs) expect(tlblab(verb, '--help').code, verb).toBe(0);
    expect(verbs.length).toBeGreaterThan(5);
  });
});
