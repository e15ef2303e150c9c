import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { geometry } from '#tlblab/hardware/geometry.js';
import { parseLitmus, printLitmus } from '#tlblab/program/litmus.js';
import type { Program } from '#tlblab/program/program.js';
import { parseProgram } from '#tlblab/program/schema.js';
import { requireWorkload } from '#tlblab/program/workload.js';
import { listScenarios, loadScenario, WORKLOADS } from '../../dist/workloads/index.js';
import { stuckTasks } from '../program/runs-to-end.ts';

/** Valid on the machine it asks for. */
function requireFits(program: Program): void {
  const { cpus, geometry: name = 'tiny', override } = program.machine;
  const { pages, filePages, files, tasks } = geometry(name, { ...override, cpus });
  expect(parseProgram(program, program.name, { pages, filePages })).toEqual(program);
  expect(program.files?.length ?? 0).toBeLessThanOrEqual(files);
  expect(program.tasks.length).toBeLessThanOrEqual(tasks);
}

describe('workloads', () => {
  it('are listed by name', () => {
    expect(WORKLOADS.names).toEqual([
      ...['munmap-storm', 'munmap-touched', 'mprotect-pingpong', 'cow-fork', 'tlb-flush1', 'tlb-flush2', 'tlb-flush3'],
      ...['page-cache', 'reclaim-pressure', 'migrate-hot', 'tiering'],
    ]);
    expect(() => WORKLOADS.get('nothing')).toThrow('workload: unknown workload "nothing"; expected munmap-storm,');
  });

  it.each(WORKLOADS.names)('%s makes valid programs that end, the same for the same parameters', (name) => {
    const workload = requireWorkload(WORKLOADS.get(name), name);
    expect(workload.name).toBe(name);
    const params = fc.record({
      cpus: fc.integer({ min: 1, max: 64 }),
      seed: fc.nat(),
      scale: fc.constantFrom(0.01, 0.5, 1, 3),
    });
    fc.assert(
      fc.property(params, (p) => {
        const program = workload.program(p);
        expect(workload.program(p)).toEqual(program);
        expect(program.name).toBe(workload.name);
        expect(program.machine.cpus).toBe(p.cpus);
        // a thread on every CPU
        expect(new Set(program.tasks.map((t) => t.cpu)).size).toBe(p.cpus);
        requireFits(program);
        expect(stuckTasks(program, (n) => p.seed % n)).toEqual([]);
      }),
      { numRuns: 6 },
    );
  });

  it('grow with scale, and draw from the seed where they say so', () => {
    const length = (program: Program) => program.tasks.reduce((n, t) => n + t.ops.length, 0);
    for (const workload of WORKLOADS.names.map((name) => WORKLOADS.get(name))) {
      const at = (seed: number, scale: number) => workload.program({ cpus: 4, seed, scale });
      expect(length(at(1, 2))).toBeGreaterThan(1.5 * length(at(1, 1)));
      const same = JSON.stringify(at(1, 1)) === JSON.stringify(at(2, 1));
      expect(same, workload.name).toBe(workload.params.seed === 'not used');
    }
  });

  it('tlb-flush2 stores, gives back and loads each of 256 pages per thread', () => {
    const { tasks, history } = WORKLOADS.get('tlb-flush2').program({ cpus: 2, seed: 1, scale: 1 });
    expect(history).toEqual([
      { task: 'T0', op: { do: 'mmap', page: 64, pages: 256, prot: 'rw', fixed: true } },
      { task: 'T1', op: { do: 'mmap', page: 320, pages: 256, prot: 'rw', fixed: true } },
    ]);
    expect(tasks[1].ops.slice(-3)).toEqual([
      { do: 'store', page: 575 },
      { do: 'madvise', page: 575, advice: 'dontneed' },
      { do: 'load', page: 575 },
    ]);
  });
});

describe('scenarios', () => {
  it('are those of SCENARIOS.md, each with a verdict in both tables', () => {
    const tables = readFileSync(new URL('../../SCENARIOS.md', import.meta.url), 'utf8').split('## What the debug mode');
    for (const table of tables) {
      const rows = [...table.matchAll(/^\| ([a-z0-9-]+) \|/gm)].map(([, name]) => name);
      expect(rows.filter((name) => name !== 'scenario')).toEqual(listScenarios());
    }
    expect(() => loadScenario('nothing')).toThrow(
      'scenario: unknown scenario "nothing"; expected alloc-in-interrupt, alloc-irqs-off,',
    );
  });

  it.each(listScenarios())('%s is valid, ends, and survives printing', (name) => {
    const program = loadScenario(name);
    expect(program.name).toBe(name);
    expect(program.says).toBeDefined();
    requireFits(program);
    for (const pick of [() => 0, (n: number) => n - 1]) expect(stuckTasks(program, pick)).toEqual([]);
    expect(parseLitmus(printLitmus(program), name)).toEqual(program);
  });
});
