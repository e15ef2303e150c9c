/** Who takes part in a generated program: tasks, their CPUs and address spaces, and what they did so far. */
import type { Op, TaskProgram } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import type { Role } from './files.ts';
import type { Memory } from './machine.ts';
import type { AddressSpace } from './pages.ts';
import type { Traits } from './traits.ts';

/** Address spaces at most, those made by forks included. */
export const MOST_MMS = 3;

export interface Player {
  readonly name: string;
  readonly cpu: number;
  /** undefined: a kernel thread. */
  readonly space: AddressSpace | undefined;
  readonly role: Role;
  /** Index of the address space at the start. */
  readonly mm?: number;
  readonly forkedBy?: string;
  readonly priority: 0 | 1;
  /** The concurrent part. */
  readonly ops: Op[];
  /** It has slept in the concurrent part. A second sleep might find its wake merged with the first one's. */
  slept: boolean;
  exited: boolean;
}

/**
 * Tasks that start by themselves: at least one per CPU, the first two in the first address space, because most races
 * need two CPUs in one.
 */
export function drawCast(
  draw: Draw,
  traits: Traits,
  cpus: number,
  spaces: readonly AddressSpace[],
  server: boolean,
): Player[] {
  const cast: Player[] = [];
  const add = (cpu: number, mm: number | undefined, role: Role = mm === undefined ? 'kthread' : 'user') => {
    const users = cast.filter((p) => p.space).length;
    cast.push({
      name: role === 'server' ? 's' : role === 'kthread' ? `k${cast.length - users}` : `P${users}`,
      cpu,
      space: mm === undefined ? undefined : spaces[mm],
      role,
      mm,
      priority: draw.chance(0.1 * traits.priority) ? 1 : 0,
      ops: [],
      slept: false,
      exited: false,
    });
  };
  const drawMm = () => (draw.chance(0.7) ? 0 : draw.below(spaces.length));
  for (let cpu = 0; cpu < cpus; cpu++) add(cpu, cpu < 2 ? 0 : drawMm());
  for (let cpu = 0; cpu < cpus; cpu++) {
    const kind = draw.weighted({ none: 2, user: traits.secondTask, kthread: 0.5 * traits.kthread });
    if (kind === 'user') add(cpu, drawMm());
    else if (kind === 'kthread') add(cpu, undefined);
  }
  // every address space has a task
  for (let mm = 1; mm < spaces.length; mm++) if (!cast.some((p) => p.mm === mm)) add(draw.below(cpus), mm);
  if (server) add(draw.below(cpus), undefined, 'server');
  return cast;
}

/** Who of the cast could act: drawn, or listed. */
export class Cast {
  constructor(
    private readonly draw: Draw,
    readonly players: Player[],
  ) {}

  named(name: string): Player | undefined {
    return this.players.find((p) => p.name === name);
  }
  alive(): Player[] {
    return this.players.filter((p) => !p.exited);
  }
  any(): Player {
    return this.draw.pick(this.alive());
  }
  /** No server. */
  anyOfMachine(): Player {
    return this.draw.pick(this.alive().filter((p) => p.role !== 'server'));
  }
  /** With an address space. There is always one. */
  anyUser(): Player {
    return this.draw.pick(this.alive().filter((p) => p.space));
  }
  others(player: Player): Player[] {
    return this.alive().filter((p) => p !== player);
  }
  otherUsers(player: Player): Player[] {
    return this.others(player).filter((p) => p.space);
  }
  /** The child that a fork of `parent` starts joins. */
  fork(parent: Player, cpu: number): Player {
    const child = childOf(parent, this.players, cpu);
    this.players.push(child);
    return child;
  }
}

/** The task that a fork of `parent` starts. */
function childOf(parent: Player, cast: readonly Player[], cpu: number): Player {
  return {
    name: `C${cast.filter((p) => p.forkedBy !== undefined).length}`,
    cpu,
    space: parent.space!.forked(),
    role: 'user',
    forkedBy: parent.name,
    priority: 0,
    ops: [],
    slept: false,
    exited: false,
  };
}

/** The daemons of the machine's nodes: kernel threads that do nothing else. */
export function drawDaemons(draw: Draw, cpus: number, { nodes, daemons }: Memory): TaskProgram[] {
  if (!daemons) return [];
  return Array.from({ length: nodes }, (_, node) => ({
    name: `kswapd${node}`,
    cpu: draw.below(cpus),
    kthread: true,
    ops: [{ do: 'kswapd', node }],
  }));
}

export function taskOf({ name, cpu, space, role, mm, forkedBy, priority, ops }: Player): TaskProgram {
  return {
    name,
    cpu,
    ...(mm ? { mm } : {}),
    ...(forkedBy === undefined ? {} : { forkedBy }),
    ...(space ? {} : { kthread: true }),
    ...(role === 'server' ? { server: true } : {}),
    ...(priority ? { priority } : {}),
    ops,
  };
}
