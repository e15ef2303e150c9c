import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadInput } from '#tlblab/program/bad-input.js';
import type { Finding } from '#tlblab/program/finding.js';
import { readFinding, requireWritable, writeFinding } from '#tlblab/report/finding-file.js';
import { essence } from '#tlblab/report/model-hash.js';
import { NotDeterministic, replayFinding, shrinkFinding } from '#tlblab/report/replaying.js';
import { neverFinding } from './munmap-touch.ts';

let finding: Finding;
const dir = mkdtempSync(join(tmpdir(), 'tlblab-finding-'));

beforeAll(async () => {
  finding = await neverFinding();
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('a finding file', () => {
  it('holds what was written, once, and leaves nothing else behind', () => {
    const path = writeFinding(finding, dir);
    expect(writeFinding(finding, dir)).toBe(path);
    expect(readFinding(path)).toEqual(JSON.parse(JSON.stringify(finding)));
    expect(readdirSync(dir)).toEqual([`never-rights-bypass-${finding.id}.race.json`]);
  });

  it.each([
    ['empty', '', /empty file/],
    ['binary', '\0\x01\x02', /binary data/],
    ['no JSON', 'hello', /not valid JSON|Unexpected token/],
    ['of another schema', '{"schema": 99}', /schema/],
  ])('that is %s is refused in one line', (name, text, message) => {
    const path = join(dir, `${name}.bad`);
    writeFileSync(path, text);
    expect(() => readFinding(path)).toThrow(BadInput);
    expect(() => readFinding(path)).toThrow(message);
    rmSync(path);
  });

  it('that is cut off is refused', () => {
    const path = writeFinding(finding, dir);
    const cut = join(dir, 'cut.bad');
    writeFileSync(cut, readFileSync(path, 'utf8').slice(0, -200));
    expect(() => readFinding(cut)).toThrow(BadInput);
    rmSync(cut);
  });

  it('cannot go where there is no directory', () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect(() => requireWritable(join(file, 'below'))).toThrow(/--out .*expected a directory/);
    rmSync(file);
  });
});

describe('replay', () => {
  it('repeats the run byte for byte', async () => {
    const once = await replayFinding(finding, false);
    expect(once).toMatchObject({ reproduced: true, by: 'exact', columns: finding.columns });
    expect(await replayFinding(finding, false)).toEqual(once);
  });

  it('follows the switch list when the model has changed', async () => {
    const old = { ...finding, model: 'another' };
    expect(await replayFinding(old, false)).toMatchObject({ reproduced: true, by: 'switches', harm: finding.harm });
  });

  it('says that nothing is wrong any more under a policy that flushes', async () => {
    const fixed = { ...finding, model: 'another', policy: 'mainline' };
    expect(await replayFinding(fixed, false)).toMatchObject({ reproduced: false, by: 'switches', harm: undefined });
  });

  it('calls the model not deterministic when the same one leaves the recorded images', async () => {
    const wrong = { ...finding, hashes: finding.hashes.map(() => '0000000000000000') };
    await expect(replayFinding(wrong, false)).rejects.toThrow(NotDeterministic);
  });
});

it('shrink: keeps the harm and does not grow', async () => {
  const { finding: small, decidingPair } = await shrinkFinding(finding, 'test', false);
  expect(small.harm).toBe(finding.harm);
  expect(small.steps).toBeLessThanOrEqual(finding.steps);
  expect(decidingPair?.first).toMatch(/^step \d+ on CPU0/);
  expect(decidingPair?.second).toMatch(/^step \d+ on CPU1/);
});

it('shrink: refuses a finding that does not convict', async () => {
  await expect(shrinkFinding({ ...finding, policy: 'mainline' }, 'test', false)).rejects.toThrow(BadInput);
});

it('model hash: comments and blanks do not count, everything else does', () => {
  const source =
    "const a = 1; // one\n/* two */ const s = '// no comment';\nconst r = /[/]\\/\\/x/; const d = a / 2 / 3;\n";
  const same = "const a=1;\n const s   = '// no comment'; const r = /[/]\\/\\/x/;const d = a /2/ 3;";
  expect(essence(source)).toBe(essence(same));
  expect(essence(source)).toContain("'// no comment'");
  expect(essence(source)).toContain('/[/]\\/\\/x/');
  expect(essence(source.replace('a = 1', 'a = 2'))).not.toBe(essence(source));
});
