/**
 * A machine without a kernel for a program of a litmus suite: the CPUs share one page table of one level. TLBs are empty at
 * the start, and no entry has A or D set. Store buffers never fill.
 */
import { COST_PROFILES, type CostProfile } from '../../hardware/costs.ts';
import { type Geometry, geometry, pteIndex } from '../../hardware/geometry.ts';
import { type HardwareColumns, LogicalCpu } from '../../hardware/logical-cpu.ts';
import { mkPte, PTE_P, PTE_RW, PTE_US, ptePfn, pteWord } from '../../hardware/pte.ts';
import { SWITCHES_6_18 } from '../../hardware/switches.ts';
import { type AnyTable, HARDWARE_TABLES } from '../../hardware/tables.ts';
import type { CpuId, Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { Layout } from '../../memory/layout.ts';
import type { Word } from '../../memory/memory.ts';
import { SteppedMemory } from '../../memory/stepped-memory.ts';
import { type Columns, table } from '../../memory/table.ts';
import { type MemoryModel, STORE_BUFFER, TsoMemory } from '../../memory/tso-memory.ts';
import type { SuiteOutcome } from '../../program/suite.ts';
import type { SuiteProgram } from '../../program/suite-program.ts';

const ENTRY = PTE_P | PTE_RW | PTE_US;
const ROOT = 1 as Pfn;
const FIRST_PAGE = 2;

/** One row per page-table store that other CPUs are told of. */
const REMAPS = table<number, Geometry>()('remap', (g) => g.frames, { sent: 'shared' });

/** The search for outcomes has to know what each step touches. */
const RECORDING = { access: true, hash: true, record: true };

export class SuiteMachine {
  readonly mem: SteppedMemory;
  /** Of `mem`, where it has any. */
  readonly buffers: TsoMemory | undefined;
  readonly cpus: readonly LogicalCpu[];
  readonly remaps: Columns<number, typeof REMAPS.fields>;
  /** Every virtual page, and those that the program remaps. */
  readonly pages: readonly Vpn[];
  readonly remapped: readonly Vpn[];
  private readonly vas: readonly string[];
  private readonly pas: readonly string[];

  constructor(
    private readonly program: SuiteProgram,
    memory: MemoryModel,
  ) {
    this.vas = Object.keys(program.map);
    this.pas = Object.keys(program.mem);
    this.pages = this.vas.map((va) => this.vpn(va));
    const remapped = program.threads.flat().flatMap((e) => (e.op === 'WPTE' ? [e.va] : []));
    this.remapped = [...new Set(remapped)].map((va) => this.vpn(va));
    const events = program.threads.flat().length;
    // a page-table store comes with one that tells others of it
    const stores = program.threads.map((list) => list.reduce((n, { op }) => n + (op === 'WPTE' ? 2 : 1), 0));
    const bits = Math.max(1, Math.ceil(Math.log2(this.vas.length)));
    const g = geometry('tiny', {
      cpus: program.threads.length,
      levels: bits,
      frames: Math.max(8, this.pas.length + FIRST_PAGE, events),
      wordsPerPage: 1,
      tlbSets: 1 << bits,
      tlbWays: 1,
      pscEntries: 1,
      storeBuffer: Math.max(1, ...stores),
    });
    const layout = new Layout<Geometry>(g);
    const tables: AnyTable[] = [...Object.values(HARDWARE_TABLES), REMAPS] as never;
    for (const t of tables) layout.place(t);
    if (memory === 'tso') layout.place(STORE_BUFFER);
    const frames = layout.range(HARDWARE_TABLES.frame.name);
    this.buffers = memory === 'tso' ? new TsoMemory(layout as Layout<unknown>, frames, RECORDING) : undefined;
    this.mem = this.buffers ?? new SteppedMemory(layout as Layout<unknown>, frames, RECORDING);
    const bound = Object.entries(HARDWARE_TABLES).map(([key, t]) => [key, layout.columns(t as never, this.mem)]);
    const hw = Object.fromEntries(bound) as HardwareColumns;
    this.remaps = layout.columns(REMAPS, this.mem);
    const costs = COST_PROFILES['bare-metal'] as CostProfile;
    const pace = { stepping: true, due: () => true };
    this.cpus = program.threads.map(
      (_, id) => new LogicalCpu(id as CpuId, this.mem, g, SWITCHES_6_18, costs, hw, pace),
    );
    this.mem.leaveOut([...layout.wordsOf('count'), ...layout.wordsOf('regs', 'cycles')], []);
    this.boot(hw);
  }

  vpn(va: string): Vpn {
    return this.vas.indexOf(va) as Vpn;
  }
  /** Where its entry lies. */
  entry(va: string): { table: Pfn; index: number; word: Word } {
    const cpu = this.cpus[0];
    const index = pteIndex(cpu.geometry, this.vpn(va), 0);
    return { table: ROOT, index, word: pteWord(cpu, ROOT, index) };
  }
  /** A new entry that leads to the page. */
  leadingTo(pa: string): PteLo {
    return mkPte((this.pas.indexOf(pa) + FIRST_PAGE) as Pfn, ENTRY);
  }

  /** The page that holds the word. */
  pageAt(word: Word): number {
    return this.pas.findIndex((pa) => this.content(pa) === word);
  }
  pageName(page: number): string {
    return this.pas[page];
  }

  /** Memory and mapping as they stand. */
  atRest(): Required<Pick<SuiteOutcome, 'mem' | 'map'>> {
    const { words } = this.mem;
    const contents = this.pas.map((pa) => [pa, words[this.content(pa)]]);
    const pages = this.vas.map((va) => [va, this.pas[ptePfn(words[this.entry(va).word]) - FIRST_PAGE]]);
    return { mem: Object.fromEntries(contents), map: Object.fromEntries(pages) };
  }

  private boot(hw: HardwareColumns): void {
    const { words } = this.mem;
    for (const [pa, value] of Object.entries(this.program.mem)) words[this.content(pa)] = value;
    for (const [va, pa] of Object.entries(this.program.map)) words[this.entry(va).word] = this.leadingTo(pa);
    for (const { id } of this.cpus) {
      words[hw.regs.cr3Pgd.at(id)] = ROOT;
      words[hw.regs.cr3Pcid.at(id)] = 1;
    }
    this.mem.rebase();
  }

  private content(pa: string): Word {
    return this.cpus[0].hw.frame.words.at((this.pas.indexOf(pa) + FIRST_PAGE) as Pfn);
  }
}
