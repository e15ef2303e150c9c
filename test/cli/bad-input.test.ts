import { afterAll, describe, expect, it } from 'vitest';
import { Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const OUT = ['--out', scratch.dir];

/** One line that says what, where and what was expected; exit 2; no data. */
function refused(args: string[], message: RegExp): void {
  const { code, stdout, stderr } = tlblab(...args);
  expect({ code, stdout, lines: stderr.trimEnd().split('\n').length }, stderr).toEqual({
    code: 2,
    stdout: '',
    lines: 1,
  });
  expect(stderr).toMatch(/^tlblab: /);
  expect(stderr).toMatch(message);
}

describe('names that do not exist, the closest ones first', () => {
  it.each([
    ['a verb', ['hnut'], /unknown verb "hnut"; expected hunt, /],
    ['no verb', [], /no verb; expected evaluate, /],
    [
      'a file for --out',
      ['hunt', 'never', '--fuzz', '--out', 'package.json'],
      /--out package.json: not a directory; expected a dir/,
    ],
    [
      'a file for --corpus',
      ['hunt', 'never', '--fuzz', '--corpus', 'package.json', ...OUT],
      /--corpus package.json: not a dir/,
    ],
    ['an option', ['hunt', 'never', '--scedules', '3'], /unknown option "--scedules"; expected --schedules, /],
    ['a policy', ['hunt', 'mainlin'], /policy "mainlin": no such name; expected mainline, /],
    [
      'a scenario',
      ['hunt', 'never', '--scenario', 'munmap-tuch'],
      /scenario "munmap-tuch": no such name; expected munmap-touch, /,
    ],
    [
      'a workload',
      ['stress', 'never', '--workload', 'munmap-strom'],
      /"munmap-strom": no such name; expected munmap-storm, /,
    ],
    ['a strategy', ['hunt', 'never', '--strategy', 'pct-2,pct2'], /unknown strategy "pct2"; expected pct-2|pct-1/],
    ['a debug mode', ['hunt', 'never', '--luf-debug', 'pte:before'], /"pte:before": no such debug mode; expected MECH/],
    ['a scenario of a survey', ['survey', 'never', '--scenarios', 'munmap-tuch'], /expected munmap-touch, /],
    ['a policy of a survey', ['survey', 'nver'], /policy "nver": no such name; expected never, /],
    [
      'a patch of a measured policy',
      ['measure', '--policies', 'luf-v11+v11-atom'],
      /patch "v11-atom": no such name; expected v11-atomic/,
    ],
    [
      'a dropped point of a measured policy',
      ['measure', '--policies', 'luf-v11+drop:alloc'],
      /flush point "alloc": no such name/,
    ],
    ['a cost profile', ['measure', '--cost', 'bare'], /cost profile "bare": no such name; expected bare-metal, /],
    ['a kind', ['list', 'policy'], /kind "policy": no such name; expected policies, /],
    ['a patch', ['hunt', 'never', '--patch', 'nothing'], /patch "nothing": no such name; expected t1-01, /],
    [
      'a flush point',
      ['hunt', 'luf-v11', '--drop', 'fileWrit'],
      /flush point "fileWrit": no such name; expected one of allocate, isolateFree, fileWrite, lostRace, initOnFree$/m,
    ],
    [
      'an audit where there is no ledger',
      ['stress', 'mainline', '--audit'],
      /policy mainline: no ledger to audit; expected a/,
    ],
    ['a flush point where there are none', ['stress', 'never', '--drop', 'fileWrite'], /never has no flush points/],
  ])('%s', (_, args, message) => refused(args, message));
});

describe('numbers out of range', () => {
  it.each([
    ['--cpus', '0', /from 1 to 64/],
    ['--cpus', '65', /from 1 to 64/],
    ['--seed', '-1', /from 0 to 4294967295/],
    ['--seed', 'x', /from 0 to 4294967295/],
    ['--schedules', '0', /from 1 to 2147483647/],
    ['--seconds', '-3', /seconds above 0/],
    ['--findings', '1.5', /from 1 to 1000/],
  ])('%s %s', (option, value, message) => refused(['hunt', 'never', option, value], message));

  it('fewer CPUs than the scenario has', () => {
    refused(['hunt', 'never', '--scenario', 'munmap-touch', '--cpus', '1'], /--cpus 1; expected at least 2/);
  });
});

describe('files', () => {
  it.each([
    ['missing litmus', 'none.litmus', undefined, /none\.litmus: no such file/],
    ['empty litmus', 'empty.litmus', '', /empty\.litmus:1: empty file/],
    ['binary litmus', 'binary.litmus', Buffer.from([0, 255, 1, 2]), /binary\.litmus:1: binary data/],
    ['truncated litmus', 'cut.litmus', 'TLB cut\n{ p = mmap(rw', /cut\.litmus:2:\d+: end of file; expected/],
    ['no program', 'list.json', '[1, 2]', /list\.json: a list of 2; expected an object/],
    ['no JSON', 'text.json', 'text', /text\.json: .*expected a program as JSON/],
  ])('%s', (_, name, text, message) => {
    const path = text === undefined ? `${scratch.dir}/${name}` : scratch.write(name, text);
    refused(['hunt', 'never', '--scenario', path, ...OUT], message);
  });

  it('a geometry that cannot be', () => {
    const path = scratch.write(
      'big.litmus',
      'TLB big\n{ override: frames=7; p = mmap(rw); }\n P0 | P1 ;\n load p | load p ;\n',
    );
    refused(['hunt', 'never', '--scenario', path, ...OUT], /frames = 7; expected an integer from 8 to/);
    const nodes = scratch.write(
      'nodes.litmus',
      'TLB nodes\n{ override: nodes=2, fastFrames=2; p = mmap(rw); }\n P0 | P1 ;\n load p | load p ;\n',
    );
    refused(['hunt', 'never', '--scenario', nodes, ...OUT], /fastFrames = 2; expected at least 3, for the root tables/);
  });

  it('a machine too large for the oracle, a page that is not there', () => {
    const columns = '\n P0 | P1 ;\n load p | load p ;\n';
    const full = scratch.write('full.litmus', `TLB full\n{ machine: geometry=full; p = mmap(rw); }${columns}`);
    refused(['hunt', 'never', '--scenario', full, ...OUT], /expected a machine small enough for the oracle/);
    const far = scratch.write('far.litmus', `TLB far\n{ p = mmap(rw) at @4000; }${columns}`);
    refused(['hunt', 'never', '--scenario', far, ...OUT], /page 4000; expected 0 to 31/);
  });

  it('more files, or longer ones, than the machine has', () => {
    const text = (statements: string) =>
      `TLB files\n{ ${statements}; p = mmap(r, file f); }\n P0 | P1 ;\n load p | load p ;\n`;
    const many = scratch.write('many.litmus', text('file f 1; file g 1; file h 1'));
    refused(['hunt', 'never', '--scenario', many, ...OUT], /files = 2; expected at least 3, which the program needs/);
    const long = scratch.write('long.litmus', text('file f 9'));
    refused(
      ['hunt', 'never', '--scenario', long, ...OUT],
      /files\[0\]\.pages: 9; expected at most 8, the machine's filePages/,
    );
    const far = scratch.write('far-file.litmus', text('file f 1').replace('| load p ;', '| reclaim f[7] 2 ;'));
    refused(
      ['hunt', 'never', '--scenario', far, ...OUT],
      /reclaim reaches page 9 of the file; expected at most 8 pages/,
    );
  });

  it('a switch that the machine does not have', () => {
    const path = scratch.write(
      'switch.litmus',
      'TLB s\n{ switches: pcidd=false; p = mmap(rw); }\n P0 | P1 ;\n load p | load p ;\n',
    );
    refused(['hunt', 'never', '--scenario', path, ...OUT], /switch pcidd: no such switch; expected .*pcid/);
  });

  it('a finding that is none', () => {
    refused(
      ['replay', scratch.write('no.race.json', '{}')],
      /no\.race\.json: schema: .*expected a finding of schema 1/,
    );
    refused(['replay', `${scratch.dir}/none.race.json`], /no such file; expected a \*\.race\.json file/);
    refused(['shrink', scratch.write('cut.race.json', '{"schema": 1, '), ...OUT], /cut\.race\.json: /);
  });

  it('an --out that cannot be written', () => {
    const file = scratch.write('file', '');
    refused(['hunt', 'never', '--out', `${file}/below`], /--out .*: part of the path is a file; expected a directory/);
  });
});

const POLICY = (body: string) =>
  `import { definePolicy, point } from 'tlblab';
   export default definePolicy({ name: 'broken', says: 'broken', base: 'mainline 6.18', gates: {}, ${body} });\n`;

describe('policies from files', () => {
  it.each([
    ['does not exist', 'none.mjs', undefined, /none\.mjs: no such file; expected a policy plug-in/],
    ['exports nothing', 'nothing.mjs', 'export const a = 1;', /nothing\.mjs: no default export/],
    ['exports no policy', 'number.mjs', 'export default 1;', /number\.mjs: .*definePolicy/],
    ['does not parse', 'syntax.mjs', 'export default {', /syntax\.mjs: the import failed/],
    ['throws when loaded', 'throws.mjs', 'throw new Error("no");', /throws\.mjs: the import failed: Error: no/],
    ['replaces what does not exist', 'what.mjs', POLICY('*flushTlbMm2() {}'), /flushTlbMm2/],
    [
      'throws in a path',
      'path.mjs',
      POLICY('*flushTlbMmRange() { throw new Error("oops"); }'),
      /policy broken: threw at .*oops/,
    ],
    [
      'breaks the one-access rule',
      'access.mjs',
      POLICY('*flushTlbMmRange(cpu, mm) { cpu.mm.tlbGen.add(mm, 1); cpu.mm.tlbGen.add(mm, 1); }'),
      /policy broken: one-access rule broken at .*mm\[\d+\]\.tlbGen/,
    ],
    ['never yields', 'spins.mjs', POLICY('*flushTlbMmRange() { for (;;); }'), /spins\.mjs: a path ran 10 s without/],
  ])('that %s', (_, name, text, message) => {
    const path = text === undefined ? `${scratch.dir}/${name}` : scratch.write(name, text);
    refused(['hunt', path, '--scenario', 'munmap-touch', ...OUT], message);
  });
});
