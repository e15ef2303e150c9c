import { describe, expect, it } from 'vitest';
import { geometry } from '#tlblab/hardware/geometry.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { encounterOf } from '#tlblab/hunt/generate/encounter.js';
import {
  generateAimed,
  generateCrossing,
  generateEncounter,
  generateOpening,
  generateRival,
} from '#tlblab/hunt/generate/encounters.js';
import { allTraits } from '#tlblab/hunt/generate/generator.js';
import { freshPast } from '#tlblab/hunt/generate/pasts.js';
import type { TraitName } from '#tlblab/hunt/generate/traits.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { parseLitmus, printLitmus } from '#tlblab/program/litmus.js';
import { opKind } from '#tlblab/program/op-kind.js';
import type { Op, Program } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { stuckTasks } from '../program/runs-to-end.ts';

const { bits, below } = randomFrom(5);
const draw = new Draw(bits);
const drawn = Array.from({ length: 1000 }, () => generateEncounter(freshPast(draw), bits));
const isAccess = ({ do: what }: Op): boolean => ['load', 'store', 'touch', 'fetch', 'gup'].includes(what);
const ops = (p: Program): Op[] => p.tasks.flatMap((t) => t.ops).filter((op) => op.do !== 'kswapd');
const pastOf = ({ history }: Program): string =>
  JSON.stringify(history.map(({ task, op: { do: what } }) => [task, what]));
const share = (is: (p: Program) => boolean): number => drawn.filter(is).length / drawn.length;

/** Pages of the address space that the operation names. */
const pagesOf = (op: Op): number[] =>
  'page' in op && !('file' in op && op.file !== undefined)
    ? Array.from({ length: ('pages' in op && op.pages) || 1 }, (_, i) => op.page + i)
    : [];

describe('generateEncounter', () => {
  it('draws the same programs from the same numbers', () => {
    const twice = [7, 7].map((seed) => generateEncounter({ seed }, randomFrom(seed).bits));
    expect(twice[1]).toEqual(twice[0]);
  });

  it('has mostly the same history behind the same past, and other operations', () => {
    const pairs = Array.from({ length: 100 }, (_, seed) => [1, 2].map(() => generateEncounter({ seed }, bits)));
    const alike = pairs.filter(([a, b]) => pastOf(a) === pastOf(b));
    expect(alike.length / pairs.length).toBeGreaterThan(0.7);
    expect(pairs.filter(([a, b]) => JSON.stringify(a.tasks) === JSON.stringify(b.tasks)).length).toBeLessThan(20);
  });

  it('makes programs that schema and litmus text accept, and that end under any schedule', () => {
    for (const program of drawn) {
      const { cpus, geometry: name, override } = program.machine;
      const { pages, filePages } = geometry(name!, { ...override, cpus });
      expect(parseProgram(program, program.name, { pages, filePages })).toEqual(program);
      expect(stuckTasks(program, below)).toEqual([]);
    }
    for (const program of drawn.slice(0, 100)) expect(parseLitmus(printLitmus(program), 'x')).toEqual(program);
  });

  it('makes small ones: at most 40 operations before, and few at the same time', () => {
    for (const program of drawn) {
      expect(program.history.length).toBeLessThanOrEqual(40);
      expect(ops(program).length).toBeLessThanOrEqual(28);
    }
    expect(share((p) => ops(p).length <= 16)).toBeGreaterThan(0.8);
  });

  it('lets operations of different tasks meet at one page, which others look at', () => {
    const meets = share((p) => {
      const named = p.tasks.map((t) => t.ops.filter((op) => !isAccess(op)).flatMap(pagesOf));
      return named.some((a, i) => named.some((b, j) => i < j && a.some((page) => b.includes(page))));
    });
    expect(meets).toBeGreaterThan(0.3);
    expect(share((p) => ops(p).some(isAccess))).toBeGreaterThan(0.9);
    const lookers = share((p) => p.history.filter(({ op }) => op.do === 'load' || op.do === 'store').length >= 2);
    expect(lookers).toBeGreaterThan(0.7);
  });

  it('leaves out what is switched off', () => {
    const off = allTraits({ fork: 0, files: 0, munmap: 0, store: 0 });
    for (let i = 0; i < 200; i++) {
      const encounter = encounterOf(bits, off);
      encounter.begin();
      encounter.open();
      encounter.meet();
      const program = encounter.end();
      const all = [...program.history.map(({ op }) => op), ...ops(program)];
      expect(all.map(({ do: what }) => what)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(fork|munmap)$/)]),
      );
      expect(program.files?.some((f) => !f.device) ?? false).toBe(false);
    }
  });
});

describe('openings', () => {
  const kinds = ['munmap', 'mprotect', 'swapout', 'gup', 'move', 'devmigrate'] as const;
  const opened = kinds.flatMap((first) =>
    Array.from({ length: 30 }, () => generateOpening(first, freshPast(draw, first), bits)),
  );
  /** Somebody may sleep all the time. */
  const changes = (program: Program): Op[] =>
    ops(program).filter((op) => !['sleep', 'wake'].includes(op.do) && (!isAccess(op) || op.do === 'gup'));

  it('begin with the operation that was asked for, where it can be, and have no other', () => {
    const few = opened.filter(({ program }) => changes(program).length <= 2);
    expect(few.length / opened.length).toBeGreaterThan(0.9);
    const unmaps = opened.slice(0, 30).filter(({ program }) => ops(program).some((op) => op.do === 'munmap'));
    expect(unmaps.length).toBeGreaterThan(20);
    const aimed = Array.from({ length: 30 }, () => generateAimed('munmap', freshPast(draw, 'munmap'), bits));
    expect(aimed.filter(({ program }) => ops(program).some((op) => op.do === 'munmap')).length).toBeGreaterThan(20);
  });

  it('say which operations they came to', () => {
    for (const { program, did } of opened.slice(0, 60)) {
      for (const kind of did) expect(ops(program).map(opKind)).toContain(kind);
    }
    expect(opened.slice(0, 30).filter(({ did }) => did.includes('munmap')).length).toBeGreaterThan(20);
  });

  it('are crossed by what is drawn for it, where it can be', () => {
    const only = (kind: TraitName): number => (kind === 'munmap' ? 1 : 0);
    const crossed = opened.map(({ opening }) => generateCrossing(opening, bits, only));
    const others = crossed.flatMap((c) => c.others);
    expect(others.length).toBeGreaterThan(60);
    expect(new Set(others)).toEqual(new Set(['munmap']));
  });

  it('have rivals: operations of a kind that some task could do, and that take nothing else', () => {
    const rivals = opened.flatMap(({ program, opening }) => {
      const rival = generateRival(opening, bits, 'dontneed');
      return rival ? [{ program, rival }] : [];
    });
    expect(rivals.length / opened.length).toBeGreaterThan(0.7);
    for (const { program, rival } of rivals) {
      expect(program.tasks.map(({ name }) => name)).toContain(rival.task);
      expect(rival.ops.map(opKind)).toContain('madvise dontneed');
    }
    // a child is a task more, and who sleeps has to be woken
    for (const { opening } of opened)
      for (const kind of ['fork', 'sleep'] as const) expect(generateRival(opening, bits, kind)).toBeUndefined();
  });

  it('are met where a page was and where it goes to', () => {
    const moves = Array.from({ length: 60 }, () => generateOpening('mremap', freshPast(draw, 'mremap'), bits));
    const about = moves.flatMap(({ opening }) => {
      const { program } = generateCrossing(opening, bits, (kind) => (kind === 'munmap' ? 1 : 0));
      const move = ops(program).find((op) => op.do === 'mremap');
      const unmaps = ops(program).filter((op) => op.do === 'munmap');
      return move?.do === 'mremap' ? unmaps.map((op) => op.do === 'munmap' && op.page - (move.to ?? 0)) : [];
    });
    const there = about.filter((distance) => distance === 0);
    expect(there.length).toBeGreaterThan(3);
    expect(there.length).toBeLessThan(about.length);
  });

  it('merge pages of equal content, there and in the history', () => {
    const merges = Array.from({ length: 100 }, () => generateOpening('ksm', freshPast(draw, 'ksm'), bits).program);
    expect(merges.filter((program) => ops(program).some((op) => op.do === 'ksm')).length).toBeGreaterThan(15);
    const equal = drawn.filter(({ history }) => history.some(({ op }) => op.do === 'ksm'));
    expect(equal.length).toBeGreaterThan(5);
    for (const { history } of equal) {
      const at = history.findIndex(({ op }) => op.do === 'ksm');
      const [one, other] = history.slice(at - 2, at).map(({ op }) => op);
      expect(one).toMatchObject({ do: 'store', value: (other as { value?: number }).value });
    }
  });

  it('are crossed by other operations, behind the same history', () => {
    const crossed = opened.map(({ program, opening }) => ({
      program,
      crossing: generateCrossing(opening, bits, () => 1).program,
    }));
    for (const { program, crossing } of crossed) {
      // ksmd needs more pages of equal content, userfaultfd its registration
      const more = crossing.history.length - program.history.length;
      if (more === 0) expect(crossing.history).toEqual(program.history);
      expect(stuckTasks(crossing, below)).toEqual([]);
    }
    const same = crossed.filter(({ program, crossing }) => crossing.history.length === program.history.length);
    expect(same.length / crossed.length).toBeGreaterThan(0.8);
    const meets = crossed.filter(({ program, crossing }) => changes(crossing).length > changes(program).length);
    expect(meets.length / crossed.length).toBeGreaterThan(0.8);
  });

  it('have a CPU that goes, or comes back, where that is asked for, and none elsewhere', () => {
    const drawUnplugs = () => generateOpening('unplug', freshPast(draw, 'unplug'), bits);
    const unplugs = Array.from({ length: 60 }, drawUnplugs);
    expect(unplugs.filter(({ did }) => did.length > 0).length).toBeGreaterThan(50);
    const first = unplugs.map(
      ({ program }) => ops(program).find((op) => op.do === 'offline' || op.do === 'online')?.do,
    );
    expect(first.filter((what) => what === 'offline').length).toBeGreaterThan(20);
    expect(first.filter((what) => what === 'online').length).toBeGreaterThan(5);
    for (const { program } of unplugs) expect(stuckTasks(program, below)).toEqual([]);
    const others = opened.filter(({ program }) => ops(program).some((op) => op.do === 'offline'));
    expect(others).toEqual([]);
  });
});
