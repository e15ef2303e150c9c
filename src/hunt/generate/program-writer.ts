/** How a generated program is written down, operation by operation; what, and in which order, is the affair of generator.ts. */
import { canonicalProgram } from '../../program/canonical.ts';
import { type OpKind, opKind } from '../../program/op-kind.ts';
import type { FileSpec, Op, Program } from '../../program/program.ts';
import { randomFrom } from '../random.ts';
import { Cast, drawCast, drawDaemons, MOST_MMS, type Player, taskOf } from './cast.ts';
import { Draw } from './draw.ts';
import { drawFileOp, drawFiles, FileMappings, type FileOp, fileShares, isFileOp } from './files.ts';
import { drawUnplug, hasUnplug } from './hotplug.ts';
import { drawDevices, drawMerge } from './installers.ts';
import { drawMachine, drawMemory, type Memory } from './machine.ts';
import { drawMemoryOp, type MemoryOp, memoryShares } from './ops.ts';
import { drawOther } from './others.ts';
import { AddressSpace, drawObjects, type ObjectBounds } from './pages.ts';
import { isShared } from './remote.ts';
import { withNamelessFiles } from './shmem.ts';
import { drawSwapOp, isDuty, type SwapOp, swapShares } from './swap.ts';
import { sharesOfOthers, type TraitName, type Traits } from './traits.ts';

/** How large programs are. */
export interface Bounds extends ObjectBounds {
  /** At most. */
  readonly files: 1 | 2;
}

/** A program while it is written: what there is, and one operation of a player after the other. */
export class ProgramWriter {
  readonly history: { task: string; op: Op }[] = [];
  readonly cast: Cast;
  protected readonly cpus: number;
  protected readonly startSpaces: number;
  /** Runs of pages that the program is about. */
  protected readonly objects: number;
  readonly files: FileSpec[];
  protected readonly devices: FileSpec[];
  protected readonly memory: Memory;
  protected readonly traits: Traits;
  /** Address spaces so far, those of children included. */
  protected spaces: number;
  protected flags = 0;
  /** Names the program. */
  private readonly number: number;
  /** CPUs go and come back; those that are gone. */
  protected unplugs: boolean;
  private readonly gone = new Set<number>();
  protected concurrent = false;
  /** Operations of the part that is being written. */
  protected written = 0;
  /** Kinds of those of the concurrent part. */
  protected readonly kinds: OpKind[] = [];

  constructor(
    protected readonly draw: Draw,
    traits: Traits,
    bounds: Bounds,
  ) {
    this.number = draw.below(2 ** 32) >>> 0;
    this.unplugs = hasUnplug(this.number, traits.unplug);
    const many = draw.weighted({ '2': 5, '3': 3 * traits.manyCpus, '4': traits.manyCpus });
    this.cpus = Number(many ?? 2);
    this.startSpaces = Number(draw.weighted({ '1': 6, '2': 3 * traits.unrelatedMms, '3': traits.unrelatedMms }) ?? 1);
    this.spaces = this.startSpaces;
    const objects = drawObjects(draw, bounds);
    this.objects = objects.length;
    this.files = drawFiles(draw, traits, bounds.files);
    this.devices = drawDevices(draw, traits, this.files.length);
    this.memory = drawMemory(draw, traits, this.files.length);
    // with one node there is nothing to scan for
    this.traits = this.memory.nodes === 2 ? traits : { ...traits, numascan: 0 };
    const mappings = new FileMappings(this.files, this.devices);
    const spaces = Array.from({ length: this.spaces }, () => new AddressSpace(objects, mappings));
    this.cast = new Cast(draw, drawCast(draw, traits, this.cpus, spaces, this.files.some(isShared)));
  }

  /** What was written, as a canonical program. */
  protected finished(): Program {
    const { traits, cast, cpus, memory, startSpaces: mms } = this;
    // programs of one past have the same machine, as far as they can
    const draw = new Draw(randomFrom(this.number).bits);
    return canonicalProgram({
      name: `fuzz-${this.number.toString(16)}`,
      machine: withNamelessFiles(
        draw,
        drawMachine(draw, traits, { cpus, mms, forks: this.spaces > mms, memory }),
        this,
      ),
      files: [...this.files, ...this.devices],
      tasks: [...cast.players.map(taskOf), ...drawDaemons(draw, cpus, memory)],
      history: this.history,
    });
  }

  /** An operation on a file, or on what some address space maps: mostly the player's own. */
  protected writeDuty(player: Player, shares: Partial<Record<FileOp | SwapOp, number>>): void {
    const { draw, traits } = this;
    const name = draw.weighted(shares);
    if (name === undefined) return;
    if (isFileOp(name)) {
      this.write(player, drawFileOp(name, draw, this.files, this.memory.nodes));
      return;
    }
    const owner = player.space && draw.chance(0.6) ? player : this.cast.anyUser();
    const of = owner === player ? undefined : owner.name;
    this.write(player, drawSwapOp(name, draw, owner.space!, { sharing: traits.shared, of, nodes: this.memory.nodes }));
  }

  /**
   * One operation of the player, or two where one waits for the other. @param room operations that may still be written
   * @param traits those of the program, unless some do not fit here
   */
  protected writeAny(player: Player, room: number, traits = this.traits): void {
    const { draw } = this;
    const others = this.otherShares(player, room, traits);
    const { space } = player;
    const duties = {
      ...fileShares(traits, this.files, { role: player.role }),
      ...(player.role === 'server' ? {} : swapShares(traits, this.memory.swapSlots)),
    };
    if (!space) {
      const duty = draw.weighted<FileOp | TraitName>({ ...duties, ...others }) ?? 'compute';
      if (isDuty(duty)) this.writeDuty(player, { [duty]: 1 });
      else this.writeOther(player, duty);
      return;
    }
    const memory = memoryShares(traits);
    // nothing is mapped: most of what could be done would only fail
    if (space.isEmpty && memory.mmap && draw.chance(0.8)) this.writeMemory(player, { mmap: 1 });
    else {
      const drawn = draw.weighted<MemoryOp | FileOp | TraitName>({ ...memory, ...duties, ...others });
      if (drawn !== undefined && isDuty(drawn)) this.writeDuty(player, { [drawn]: 1 });
      else if (drawn !== undefined && Object.hasOwn(others, drawn)) this.writeOther(player, drawn as TraitName);
      else this.writeMemory(player, memory);
    }
  }

  protected otherShares(player: Player, room: number, traits = this.traits): Partial<Record<TraitName, number>> {
    const isUser = player.space !== undefined;
    const possible: Partial<Record<TraitName, boolean>> = {
      fork: isUser && this.spaces < MOST_MMS,
      sleep: room >= 2 && this.cast.others(player).length > 0 && !(this.concurrent && player.slept),
      messages: room >= 2 && isUser && this.cast.otherUsers(player).length > 0,
      exit: isUser && this.cast.otherUsers(player).length > 0,
      kalloc: player.role !== 'server',
      device: player.role !== 'server',
      rawmap: player.role !== 'server' && this.devices.length > 0,
      unplug: player.role !== 'server' && this.unplugs,
      // of the program: `traits` may be without stores because a merge is what is wanted now
      ksm: player.role !== 'server' && room >= 3 && this.traits.store > 0 && this.mappers().length > 0,
    };
    return sharesOfOthers(traits, possible, this.concurrent ? 'concurrent' : 'history');
  }

  protected writeMemory(player: Player, shares: Partial<Record<MemoryOp, number>>): void {
    const name = this.draw.weighted(shares);
    // every share is 0: time passes instead
    if (name === undefined || !player.space) this.write(player, { do: 'compute', cycles: 1 });
    else this.write(player, drawMemoryOp(name, this.draw, player.space, this.traits));
  }

  protected writeOther(player: Player, name: TraitName): void {
    const { draw } = this;
    switch (name) {
      case 'fork':
        this.write(player, { do: 'fork', task: this.addChild(player).name });
        return;
      case 'sleep':
        this.write(draw.pick(this.cast.others(player)), { do: 'wake', task: player.name });
        this.write(player, { do: 'sleep' });
        player.slept ||= this.concurrent;
        return;
      case 'messages': {
        const flag = `f${this.flags++}`;
        this.write(draw.pick(this.cast.otherUsers(player)), { do: 'post', flag });
        this.write(player, { do: 'await', flag });
        return;
      }
      case 'ksm':
        for (const { player: by, op } of drawMerge(draw, this.mappers(), player, this.traits.shared))
          this.write(by, op);
        return;
      case 'exit':
        this.write(player, { do: 'exit' });
        player.exited = true;
        return;
      case 'unplug':
        this.write(player, drawUnplug(draw, this.cpus, this.gone));
        return;
      default:
        this.write(player, drawOther(name, draw, this.cpus));
    }
  }

  protected mappers(): Player[] {
    return this.cast.alive().filter((p) => p.space && !p.space.isEmpty);
  }

  protected addChild(parent: Player): Player {
    this.spaces++;
    return this.cast.fork(parent, this.draw.below(this.cpus));
  }

  protected write(player: Player, op: Op): void {
    this.written++;
    if (this.concurrent) {
      player.ops.push(op);
      this.kinds.push(opKind(op));
    } else this.history.push({ task: player.name, op });
  }
}
