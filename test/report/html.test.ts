import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { reportHtml } from '#tlblab/report/html.js';
import { raceView } from '#tlblab/report/html-race.js';
import { planOf } from '#tlblab/report/replaying.js';
import { neverFinding } from './munmap-touch.ts';

const COMMAND = 'npx tlblab replay out/<x>.race.json';

async function view() {
  const finding = await neverFinding();
  return { finding, race: raceView(await planOf(finding), finding, COMMAND) };
}

describe('a race in the report', () => {
  it('shows every step, the last of which loses through a stale entry', async () => {
    const { finding, race } = await view();
    expect(race.steps).toHaveLength(finding.steps);
    expect(race.states).toHaveLength(finding.steps + 1);
    const last = race.states.findLast((rows) => rows !== null) ?? [];
    const stale = last
      .flatMap((row) => row.cells.map((cell, cpu) => ({ ...cell, cpu, pte: row.pte })))
      .filter((c) => c.stale);
    expect(stale).toEqual([
      expect.objectContaining({ cpu: race.steps[race.steps.length - 1].cpu, pte: '-', usable: true }),
    ]);
    expect(race.frames[0]).toMatchObject({ loses: true });
    expect(race.frames[0].marks.map((m) => m.sign)).toEqual(expect.arrayContaining(['o', 'm', 'u']));
  });

  it('starts with nothing stale', async () => {
    const { race } = await view();
    expect(race.states[0]?.some((row) => row.cells.some((cell) => cell.stale))).toBe(false);
  });
});

describe('the page', () => {
  it('is one file that asks for nothing, with verdict and command, and a script that parses', async () => {
    const { race } = await view();
    const html = reportHtml({
      title: 'never & <others>',
      command: 'npx tlblab evaluate never',
      tool: 'tlblab 0',
      policies: [{ name: 'never', verdict: 'violation', says: ['one line'], races: [race] }],
      savings: [],
      notes: [],
    });
    expect(html).not.toMatch(/(?:src|href)=|https?:|@import|<link/);
    expect(html).toContain('never &#38; &#60;others&#62;');
    expect(html).toContain('out/&#60;x&#62;.race.json');
    expect(html).toContain('violation');
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((m) => m[1]);
    expect(scripts).toHaveLength(1);
    expect(() => new Script(scripts[0])).not.toThrow();
  });
});
