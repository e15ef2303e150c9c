/**
 * Programs for `--fuzz`. A program is a history, 0 to 40 operations one after another, and a concurrent part of 2 to 8
 * operations. It is drawn as one sequence: what an operation uses is what operations before it used or changed, by any
 * task. Waits refer to posts and wakes earlier in the sequence, so under every schedule the earliest operation not yet
 * done can be done: every program ends.
 */
import type { Program } from '../../program/program.ts';
import type { Player } from './cast.ts';
import { Draw } from './draw.ts';
import { fileShares } from './files.ts';
import { drawHistoryLength, MOST_HISTORY } from './history.ts';
import { memoryShares } from './ops.ts';
import { type Bounds, ProgramWriter } from './program-writer.ts';
import { swapShares } from './swap.ts';
import { drawScan, scanShare } from './tiers.ts';
import { drawTracking, trackShare } from './tracking.ts';
import type { Traits } from './traits.ts';

export { allTraits, swarmTraits, TRAITS, type TraitName, type Traits } from './traits.ts';

/** A canonical program that the schema accepts. @param random unsigned 32-bit numbers; the same numbers, the same program */
export function generateProgram(random: () => number, traits: Traits): Program {
  return new Generator(new Draw(random), traits, BOUNDS).program();
}

const BOUNDS: Bounds = { objects: [2, 3], pages: 4, files: 2 };

/** Who has used a page, so that a translation of it may be cached. */
type Use = { readonly user: Player; readonly page: number };

class Generator extends ProgramWriter {
  program(): Program {
    this.writeHistory();
    this.writeConcurrent();
    return this.finished();
  }

  private writeHistory(): void {
    const most = drawHistoryLength(this.draw, this.traits);
    while (this.written < most) this.writeAny(this.cast.any(), most - this.written);
  }

  /** Something is taken away, and somebody uses what was taken: the rest is drawn freely. */
  private writeConcurrent(): void {
    const { draw, traits } = this;
    this.concurrent = true;
    this.written = 0;
    const most = draw.between(2, 8);
    if (draw.chance(0.6 * scanShare(traits, this.memory))) this.scanSlowPages();
    else if (this.files.length > 0 && draw.chance(0.75)) this.removeFilePages();
    else if (draw.chance(0.8)) {
      const swaps = this.memory.swapSlots > 0 && draw.chance(0.7);
      const remover = swaps ? this.cast.anyOfMachine() : this.cast.anyUser();
      if (swaps) this.writeDuty(remover, swapShares(traits, this.memory.swapSlots));
      else this.writeMemory(remover, memoryShares(traits, 'removers'));
      const warm = this.warm(remover, swaps && draw.chance(0.4));
      if (swaps && warm.length > 1 && draw.chance(0.5)) this.changeOwn(warm);
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
    const warm: Use[] = [];
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

  /**
   * The last of the history: those who share the address space use what the remover is about to take away, for where nothing
   * is cached no flush is missed.
   * @param clean it is taken away here already, and comes back by loads alone
   * @returns who has used it
   */
  private warm(remover: Player, clean: boolean): Use[] {
    const { draw, traits } = this;
    const op = remover.ops.at(-1);
    if (op === undefined) return [];
    const owner = 'of' in op ? this.cast.named(op.of as string)! : remover;
    // a program that begins with nothing begins with cold TLBs, too
    if (this.history.length === 0 || !('page' in op)) return [];
    if (clean && this.history.length < MOST_HISTORY) this.history.push({ task: remover.name, op });
    const warm: Use[] = [];
    for (const player of this.cast.players) {
      if (player.space !== owner.space || player === remover || player.exited) continue;
      const use = draw.weighted({ store: clean ? 0 : 2 * traits.store, load: traits.load });
      if (use === undefined || this.history.length >= MOST_HISTORY || draw.chance(0.4)) continue;
      this.history.push({ task: player.name, op: { do: use, page: op.page } });
      warm.push({ user: player, page: op.page });
    }
    return warm;
  }

  /** One of those who have used a page stores to it, and another looks again. */
  private changeOwn(warm: readonly Use[]): void {
    const { draw, traits } = this;
    const changer = draw.pick(warm);
    const looker = draw.pick(warm.filter((use) => use !== changer));
    if (traits.store > 0) this.write(changer.user, { do: 'store', page: changer.page });
    if (traits.load > 0) this.write(looker.user, { do: 'load', page: looker.page });
  }
}
