/**
 * The quick look at an access in `threads`: does its translation belong to the page, lead to the frame's present owner, and
 * carry the page's present version? Epochs only rise, and a version falls back only where the removal it stood for was undone:
 * what is equal now was right when the access was made. What looks wrong is judged again with care.
 */
import type { TlbSlot, Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Ghost } from './ghost.ts';

export class FastLook {
  private readonly words: Int32Array;
  private readonly pages: number;
  // first words and distances of the columns looked at
  private readonly mmAt: number;
  private readonly mmStride: number;
  private readonly epochAt: number;
  private readonly epochStride: number;
  private readonly versionAt: number;
  private readonly versionStride: number;
  private readonly tlbPageAt: number;
  private readonly tlbEpochAt: number;
  private readonly tlbVersionAt: number;
  private readonly tlbStride: number;

  constructor({ mem, g, machine, geometry }: Ghost) {
    this.words = mem.words;
    this.pages = geometry.pages;
    this.mmAt = machine.tasks.mm.base;
    this.mmStride = machine.tasks.mm.stride;
    this.epochAt = g.frame.epoch.base;
    this.epochStride = g.frame.epoch.stride;
    this.versionAt = g.page.version.base;
    this.versionStride = g.page.version.stride;
    this.tlbPageAt = g.cpu.tlbPage.base;
    this.tlbEpochAt = g.cpu.tlbEpoch.base;
    this.tlbVersionAt = g.cpu.tlbVersion.base;
    this.tlbStride = g.cpu.tlbPage.stride;
  }

  /** True: nothing to judge. */
  isCurrent(cpu: Cpu, slot: TlbSlot, vpn: Vpn): boolean {
    const { words } = this;
    const page = words[this.mmAt + cpu.current * this.mmStride] * this.pages + vpn;
    const entry = cpu.id * this.tlbStride + slot;
    const pfn = words[cpu.tlbLoAt + slot] >>> 12;
    return (
      words[this.tlbPageAt + entry] === page &&
      words[this.epochAt + pfn * this.epochStride] === words[this.tlbEpochAt + entry] &&
      words[this.versionAt + page * this.versionStride] === words[this.tlbVersionAt + entry]
    );
  }
}
