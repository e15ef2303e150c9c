/**
 * Where a hunt gets its programs from: a fresh one, a mutant of one that showed something new, or such a program again,
 * under schedules that begin like the one that showed it. Who yields more, has more turns. Everything follows from the seed and from
 * what the programs before showed.
 */
import type { Menu } from '../engine/machine-plan.ts';
import type { Op, Program } from '../program/program.ts';
import { Corpus } from './corpus.ts';
import { Coverage, type CoveragePlace } from './coverage.ts';
import type { DifferenceMade } from './directed/difference.ts';
import {
  type DirectedOrigin,
  type DirectedPlace,
  type DirectedProgram,
  DirectedPrograms,
} from './directed/directed-programs.ts';
import { Draw } from './generate/draw.ts';
import { generateEncounter } from './generate/encounters.ts';
import { generateProgram, swarmTraits } from './generate/generator.ts';
import { drawPast, type Past, Pasts, type PastsPlace } from './generate/pasts.ts';
import { mutate } from './mutate.ts';
import type { PageState } from './page-states.ts';
import { DEFAULT_MIX, Portfolio, type PortfolioPlace, SMALL_SCOPE, type StrategyName } from './portfolio.ts';
import { type Random, randomAt, randomFrom } from './random.ts';
import { drawScope } from './small-scope.ts';

/**
 * `scope`: many tiny programs at once; `fresh`: a wide program; `replayed`: one of the corpus as it is; those of a directed hunt are
 * encounters, see directed-programs.ts.
 */
export type Origin = 'scope' | 'encounter' | DirectedOrigin | 'fresh' | 'mutated' | 'replayed';

/** A program to hunt in. */
export interface Drawn {
  readonly program: Program;
  readonly origin: Origin;
  /** Of a scope: what its tasks may do behind their operations. */
  readonly menu?: Menu;
  /** Of an encounter: what was before. */
  readonly past?: Past;
  /** Of a directed hunt: what else it has to know of the program. */
  readonly directed?: DirectedProgram;
  /** Of a program that is replayed: the schedule to begin with. */
  readonly recorded: readonly number[] | undefined;
  /** Draws its schedules. */
  readonly random: Random;
}

/** What the runs of a program were the first to show, and what they cost. */
export interface Showing {
  readonly gain: number;
  readonly steps: number;
  /** The schedule of the run that showed most. */
  readonly choices: readonly number[];
  /** Of a directed hunt: what is known of what patches made different. */
  readonly made?: DifferenceMade;
  /** Of an encounter: what its past made of pages. */
  readonly states?: ReadonlySet<PageState>;
}

export interface FuzzOptions {
  readonly seed: number;
  /** CPUs of the programs; what the generator draws if left out. */
  readonly cpus?: number;
  /** Programs are made from those of the corpus, too. */
  readonly feedback: boolean;
  readonly strategies?: readonly StrategyName[];
  /** Most programs are ones in which the patches of the hunt make a difference. */
  readonly directed?: boolean;
}

/** Where the drawing of programs stands, as data. The corpus belongs to it, and is kept apart. */
export interface FuzzPlace {
  readonly programs: number;
  /** Of the stream from which programs are drawn. */
  readonly draws: readonly number[];
  readonly origins: PortfolioPlace;
  readonly strategies: PortfolioPlace;
  readonly coverage: CoveragePlace;
  readonly directed: DirectedPlace | undefined;
  readonly states: PastsPlace<PageState>;
}

const ORIGINS: readonly Origin[] = ['encounter', 'fresh', 'mutated', 'replayed'];
/** Share of the programs that are encounters, of those that come from nowhere: a wide one takes as long as five. */
const ENCOUNTERS = 0.95;
/** Share of those that are, of the encounters of a directed hunt. */
const DIRECTED = 0.95;
/** Share of the scopes, where there are other strategies, too: one takes as long as many encounters. */
const SCOPES = 0.02;
/** Programs drawn before the first mutant: what is new at the beginning says nothing. */
const FRESH_FIRST = 20;

export class Fuzz {
  readonly coverage = new Coverage();
  readonly corpus = new Corpus();
  /** How the strategies share the schedules. */
  readonly strategies: Portfolio<StrategyName>;
  private readonly directed: DirectedPrograms | undefined;
  /** Pasts of encounters by what they made of pages. */
  private readonly states = new Pasts<PageState>();
  /** Programs drawn so far. */
  programs = 0;
  private readonly origins = new Portfolio(ORIGINS);
  private draws: Random;

  constructor(private readonly options: FuzzOptions) {
    this.draws = randomFrom(options.seed, 0);
    this.strategies = new Portfolio(options.strategies ?? DEFAULT_MIX);
    this.directed = options.directed ? new DirectedPrograms() : undefined;
  }

  /** Does the hunt want to know what its patches make different? */
  get isDirected(): boolean {
    return this.directed !== undefined;
  }

  /** Did the patches of a directed hunt do enough in a program that it is worth more schedules? */
  isWorth(made: DifferenceMade | undefined): boolean {
    return made !== undefined && (this.directed?.isWorth(made) ?? false);
  }

  /** And is it worth a try what meets the first operation of an opening in which they did that? */
  isPromising(made: DifferenceMade | undefined): boolean {
    return made !== undefined && (this.directed?.isPromising(made) ?? false);
  }

  next(): Drawn {
    const { cpus } = this.options;
    this.programs++;
    const { bits } = this.draws;
    const origin = this.due();
    const draw = new Draw(bits);
    const schedules = (): Random => randomFrom(bits(), 1);
    const fresh = (): Program => onCpus(generateProgram(bits, swarmTraits(bits)), cpus);
    if (origin === 'scope') {
      const scope = drawScope(draw, `scope-${this.programs}`);
      return { ...scope, origin, recorded: undefined, random: schedules() };
    }
    if (origin === 'encounter') {
      const directed = draw.chance(DIRECTED) ? this.directed?.next(bits, this.states) : undefined;
      const { program, past, origin } = directed ?? this.encounter(draw, bits);
      return { program: onCpus(program, cpus), past, origin, directed, recorded: undefined, random: schedules() };
    }
    if (origin === 'fresh') return { program: fresh(), origin, recorded: undefined, random: schedules() };
    const { program, choices } = this.corpus.pick(draw);
    if (origin === 'replayed') return { program, origin, recorded: choices, random: schedules() };
    const donor = this.corpus.size > 1 && draw.chance(0.5) ? this.corpus.pick(draw).program : fresh();
    const mutant = mutate(program, donor, draw);
    return { program: mutant ?? fresh(), origin, recorded: undefined, random: schedules() };
  }

  /** The program was hunted in. */
  had({ program, origin, past, directed }: Drawn, { gain, steps, choices, made, states }: Showing): void {
    // a scope is many programs, and no turn was taken for it
    if (origin === 'scope') return;
    if (directed && made) this.directed?.had(directed, made, steps);
    if (past && states) this.states.had(past, states);
    this.origins.had(directed ? 'encounter' : origin, gain / (steps + 1));
    if (gain > 0) this.corpus.add({ program, choices, gain, steps });
  }

  place(): FuzzPlace {
    const { programs, origins, strategies, coverage } = this;
    return {
      programs,
      draws: this.draws.state(),
      origins: origins.place(),
      strategies: strategies.place(),
      coverage: coverage.place(),
      directed: this.directed?.place(),
      states: this.states.place(),
    };
  }
  goOn({ programs, draws, origins, strategies, coverage, directed, states }: FuzzPlace): void {
    this.draws = randomAt(draws);
    this.programs = programs;
    this.origins.goOn(origins);
    this.strategies.goOn(strategies);
    this.coverage.goOn(coverage);
    if (directed) this.directed?.goOn(directed);
    this.states.goOn(states);
  }

  private encounter(draw: Draw, bits: () => number): Pick<Drawn, 'program' | 'origin' | 'past'> {
    const past = drawPast(draw, () => this.states.any(draw));
    return { program: generateEncounter(past, bits), origin: 'encounter', past };
  }

  private due(): Origin {
    const { strategies = [] } = this.options;
    const scopes = strategies.includes(SMALL_SCOPE) ? (strategies.length === 1 ? 1 : SCOPES) : 0;
    if (scopes > 0 && this.draws.bits() < scopes * 2 ** 32) return 'scope';
    const canMutate = this.options.feedback && this.corpus.size > 0 && this.programs > FRESH_FIRST;
    if (canMutate) return this.origins.due(ORIGINS);
    return this.draws.bits() < ENCOUNTERS * 2 ** 32 ? 'encounter' : 'fresh';
  }
}

function isDirected(origin: Origin): origin is DirectedOrigin {
  return origin === 'aimed' || origin === 'opening' || origin === 'crossing';
}

/** Few operations, which meet. */
export function isEncounter(origin: Origin): boolean {
  return origin === 'encounter' || isDirected(origin);
}

/** The program on a machine with that many CPUs, its tasks spread over them by their old numbers. */
function onCpus(program: Program, cpus: number | undefined): Program {
  if (cpus === undefined) return program;
  const there = (op: Op): Op => ('cpu' in op ? { ...op, cpu: op.cpu % cpus } : op);
  return {
    ...program,
    machine: { ...program.machine, cpus },
    tasks: program.tasks.map((t) => ({ ...t, cpu: t.cpu % cpus, ops: t.ops.map(there) })),
    history: program.history.map(({ task, op }) => ({ task, op: there(op) })),
  };
}
