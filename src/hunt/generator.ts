/**
 * Programs for `--fuzz`. A program is a history, 0 to 40 operations one after another, and a concurrent part of 2 to 8
 * operations. It is drawn as one sequence: what an operation uses is what operations before it used or changed, by any
 * task. Waits refer to posts and wakes earlier in the sequence, so under every schedule the earliest operation not yet
 * done can be done: every program ends.
 */
import { canonicalProgram } from '../program/canonical.ts';
import type { FileSpec, Op, Program } from '../program/program.ts';
import { Cast, drawCast, drawDaemons, MOST_MMS, type Player, taskOf } from './generator-cast.ts';
import { Draw } from './generator-draw.ts';
import { drawFileOp, drawFiles, FileMappings, type FileOp, fileShares, isFileOp } from './generator-files.ts';
import { drawMachine, drawMemory, type Memory } from './generator-machine.ts';
import { drawMemoryOp, type MemoryOp, memoryShares } from './generator-ops.ts';
import { drawOther } from './generator-others.ts';
import { AddressSpace, drawObjects } from './generator-pages.ts';
import { isRemote } from './generator-remote.ts';
import { drawSwapOp, isDuty, type SwapOp, swapShares } from './generator-swap.ts';
import { drawScan, scanShare } from './generator-tiers.ts';
import { drawTracking, trackShare } from './generator-tracking.ts';
import { sharesOfOthers, type TraitName, type Traits } from './generator-traits.ts';

export { allTraits, swarmTraits, TRAITS, type TraitName, type Traits } from './generator-traits.ts';

/** A canonical program that the schema accepts. @param random unsigned 32-bit numbers; the same numbers, the same program */
export function generateProgram(random: () => number, traits: Traits): Program {
  return new Generator(new Draw(random), traits).program();
}

/** Operations of a history at most. */
const MOST_HISTORY = 40;

class Generator {
  private readonly history: { task: string; op: Op }[] = [];
  private readonly cast: Cast;
  private readonly cpus: number;
  private readonly startSpaces: number;
  private readonly files: FileSpec[];
  private readonly memory: Memory;
  private readonly traits: Traits;
  /** Address spaces so far, those of children included. */
  private spaces: number;
  private flags = 0;
  private concurrent = false;
  /** Operations of the part that is being written. */
  private written = 0;

  constructor(
    private readonly draw: Draw,
    traits: Traits,
  ) {
    const many = draw.weighted({ '2': 5, '3': 3 * traits.manyCpus, '4': 2 * traits.manyCpus });
    this.cpus = Number(many ?? 2);
    this.startSpaces = Number(draw.weighted({ '1': 6, '2': 3 * traits.unrelatedMms, '3': traits.unrelatedMms }) ?? 1);
    this.spaces = this.startSpaces;
    const objects = drawObjects(draw);
    this.files = drawFiles(draw, traits);
    this.memory = drawMemory(draw, traits, this.files.length);
    // with one node there is nothing to scan for
    this.traits = this.memory.nodes === 2 ? traits : { ...traits, numascan: 0 };
    const mappings = new FileMappings(this.files);
    const spaces = Array.from({ length: this.spaces }, () => new AddressSpace(objects, mappings));
    this.cast = new Cast(draw, drawCast(draw, traits, this.cpus, spaces, this.files.some(isRemote)));
  }

  program(): Program {
    const { draw, traits, cast, cpus, memory, startSpaces: mms } = this;
    const name = `fuzz-${(draw.below(2 ** 32) >>> 0).toString(16)}`;
    this.writeHistory();
    this.writeConcurrent();
    return canonicalProgram({
      name,
      machine: drawMachine(draw, traits, { cpus, mms, forks: this.spaces > mms, memory }),
      files: this.files,
      tasks: [...cast.players.map(taskOf), ...drawDaemons(draw, cpus, memory)],
      history: this.history,
    });
  }

  private writeHistory(): void {
    const { draw, traits } = this;
    const length = draw.weighted({
      none: 1,
      short: 10 * traits.history,
      middle: 6 * traits.history,
      long: 3 * traits.history,
    });
    const most = {
      none: 0,
      short: draw.between(1, 8),
      middle: draw.between(9, 20),
      long: draw.between(21, MOST_HISTORY),
    }[length ?? 'none'];
    while (this.written < most) this.writeAny(this.cast.any(), most - this.written);
  }

  /** Something is taken away, and somebody uses what was taken: the rest is drawn freely. */
  private writeConcurrent(): void {
    const { draw, traits } = this;
    this.concurrent = true;
    this.written = 0;
    const most = draw.between(2, 8);
    if (draw.chance(0.6 * scanShare(traits, this.memory))) this.scanSlowPages();
    else if (this.files.length > 0 && draw.chance(0.7)) this.removeFilePages();
    else if (draw.chance(0.8)) {
      const swaps = this.memory.swapSlots > 0 && draw.chance(0.7);
      const remover = swaps ? this.cast.anyOfMachine() : this.cast.anyUser();
      if (swaps) this.writeDuty(remover, swapShares(traits, this.memory.swapSlots));
      else this.writeMemory(remover, memoryShares(traits, 'removers'));
      this.warm(remover);
    } else if (draw.chance(0.8 * trackShare(traits))) this.trackWrites();
    while (this.written < most) {
      const player = this.cast.any();
      if (player.space && draw.chance(0.4)) this.writeMemory(player, memoryShares(traits, 'accesses'));
      else this.writeAny(player, most - this.written);
    }
  }

  /**
   * Pages of a file lose their translations, those who map it having used them; then what a stale one shows changes, and
   * one of them looks again.
   */
  private removeFilePages(): void {
    const { draw, traits, files } = this;
    const kthreads = this.cast.alive().filter((p) => p.role === 'kthread');
    const remover = kthreads.length > 0 && draw.chance(0.5) ? draw.pick(kthreads) : this.cast.anyUser();
    const warm: { user: Player; page: number }[] = [];
    for (const user of this.cast.players) {
      if (!user.space || user.exited || user.space.isEmpty || this.history.length === 0) continue;
      if (this.history.length >= MOST_HISTORY || draw.chance(0.3)) continue;
      const use = draw.weighted({ store: traits.store, load: 2 * traits.load });
      if (!use) continue;
      const page = user.space.pageToUse(draw, traits.shared);
      this.history.push({ task: user.name, op: { do: use, page } });
      warm.push({ user, page });
    }
    this.writeDuty(remover, fileShares(traits, files, { role: remover.role, only: 'removers' }));
    if (draw.chance(0.9)) this.changeFile();
    // the frames that are free now are taken where nobody can be told to flush
    const taken = draw.chance(0.25) ? draw.weighted({ device: traits.device, kalloc: traits.kalloc }) : undefined;
    if (taken) this.writeOther(this.cast.anyOfMachine(), taken);
    if (warm.length === 0 || !draw.chance(0.25 * traits.load)) return;
    const { user, page } = draw.pick(warm);
    this.write(user, { do: 'load', page });
  }

  /** Pages are used in the slow node; then somebody scans, and somebody else comes to the hints. */
  private scanSlowPages(): void {
    const users = this.cast.players.filter((p) => p.space && !p.exited && !p.space.isEmpty);
    if (users.length === 0 || this.history.length + 2 * users.length + this.files.length > MOST_HISTORY) return;
    const { before, scan, use } = drawScan(this.draw, this.files, users);
    for (const { player, op } of before) this.history.push({ task: player.name, op });
    for (const { player, op } of [scan, use]) this.write(player, op);
  }

  private trackWrites(): void {
    const users = this.cast.players.filter((p) => p.space && !p.exited && !p.space.isEmpty);
    if (users.length === 0 || this.history.length + users.length >= MOST_HISTORY) return;
    const { before, during } = drawTracking(this.draw, this.traits, users);
    for (const { player, op } of before) this.history.push({ task: player.name, op });
    for (const { player, op } of during) this.write(player, op);
  }

  /** By another client, by an operation on the file, by a store through a mapping, or by mapping it anew. */
  private changeFile(): void {
    const { draw, traits, files } = this;
    const server = this.cast.alive().find((p) => p.role === 'server');
    const changer = this.cast.anyUser();
    if (server && draw.chance(0.4)) {
      this.writeDuty(server, fileShares(traits, files, { role: 'server' }));
      this.writeDuty(changer, fileShares(traits, files, { role: 'user', only: 'lookers' }));
      return;
    }
    const through = changer.space!.isEmpty ? 0 : 1;
    const how = draw.weighted({ file: 7, store: through * traits.store, mmap: 0.3 * traits.mmap });
    if (how === 'file') this.writeDuty(changer, fileShares(traits, files, { role: 'user', only: 'changers' }));
    else if (how) this.writeMemory(changer, { [how]: 1 });
  }

  /** An operation on a file, or on what some address space maps: mostly the player's own. */
  private writeDuty(player: Player, shares: Partial<Record<FileOp | SwapOp, number>>): void {
    const { draw, traits } = this;
    const name = draw.weighted(shares);
    if (name === undefined) return;
    if (isFileOp(name)) {
      this.write(player, drawFileOp(name, draw, this.files, this.memory.nodes));
      return;
    }
    const owner = player.space && draw.chance(0.6) ? player : this.cast.anyUser();
    const of = owner === player ? undefined : owner.name;
    this.write(player, drawSwapOp(name, draw, owner.space!, traits.shared, of));
  }

  /**
   * The last of the history: those who share the address space use what the remover is about to take away, for where nothing
   * is cached no flush is missed.
   */
  private warm(remover: Player): void {
    const { draw, traits } = this;
    const op = remover.ops.at(-1);
    if (op === undefined) return;
    const owner = 'of' in op ? this.cast.named(op.of as string)! : remover;
    // a program that begins with nothing begins with cold TLBs, too
    if (this.history.length === 0 || !('page' in op)) return;
    for (const player of this.cast.players) {
      if (player.space !== owner.space || player === remover || player.exited) continue;
      const use = draw.weighted({ store: 2 * traits.store, load: traits.load });
      if (use === undefined || this.history.length >= MOST_HISTORY || draw.chance(0.4)) continue;
      this.history.push({ task: player.name, op: { do: use, page: op.page } });
    }
  }

  /** One operation of the player, or two where one waits for the other. @param room operations that may still be written */
  private writeAny(player: Player, room: number): void {
    const { draw, traits } = this;
    const others = this.otherShares(player, room);
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

  private otherShares(player: Player, room: number): Partial<Record<TraitName, number>> {
    const isUser = player.space !== undefined;
    const possible: Partial<Record<TraitName, boolean>> = {
      fork: isUser && this.spaces < MOST_MMS,
      sleep: room >= 2 && this.cast.others(player).length > 0 && !(this.concurrent && player.slept),
      messages: room >= 2 && isUser && this.cast.otherUsers(player).length > 0,
      exit: isUser && this.cast.others(player).length > 0,
      kalloc: player.role !== 'server',
      device: player.role !== 'server',
    };
    return sharesOfOthers(this.traits, possible, this.concurrent ? 'concurrent' : 'history');
  }

  private writeMemory(player: Player, shares: Partial<Record<MemoryOp, number>>): void {
    const name = this.draw.weighted(shares);
    // every share is 0: time passes instead
    if (name === undefined || !player.space) this.write(player, { do: 'compute', cycles: 1 });
    else this.write(player, drawMemoryOp(name, this.draw, player.space, this.traits));
  }

  private writeOther(player: Player, name: TraitName): void {
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
      case 'exit':
        this.write(player, { do: 'exit' });
        player.exited = true;
        return;
      default:
        this.write(player, drawOther(name, draw, this.cpus));
    }
  }

  private addChild(parent: Player): Player {
    this.spaces++;
    return this.cast.fork(parent, this.draw.below(this.cpus));
  }

  private write(player: Player, op: Op): void {
    this.written++;
    if (this.concurrent) player.ops.push(op);
    else this.history.push({ task: player.name, op });
  }
}
