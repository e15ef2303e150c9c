/** The stack of a task: the frames of its path, and the frames that were put on top of it without being called. */
import type { Cpu } from '../kernel/cpu.ts';
import type { TaskId } from '../kernel/types.ts';
import { NOWHERE, type Word } from '../memory/memory.ts';
import { type Path, type Point, START } from '../memory/point.ts';
import type { SteppedMemory } from '../memory/stepped-memory.ts';

/** Where a path stood when a frame that it did not call was put on top of it: an interrupt handler or a policy's hook. */
interface Interposed {
  readonly depth: number;
  readonly irq: boolean;
  readonly point: Point;
  readonly word: Word;
  waiting: boolean;
  readonly waitSeen: number;
}

/** Where a task stands: all of it that is no word of the image, but for the frames themselves. */
export interface Standing extends Handle {
  readonly height: number;
  readonly interposed: readonly Readonly<Interposed>[];
  readonly known: readonly number[];
  readonly locks: readonly number[];
}

/** What is kept of the task's handle. */
type Handle = Readonly<
  Pick<
    Cpu,
    'id' | 'point' | 'word' | 'waiting' | 'waitSeen' | 'kernelDepth' | 'loaded' | 'faultCode' | 'faultVpn' | 'pteHi'
  >
>;

/** What a state of the machine is known by, beside its image. */
export interface StateKey {
  add(a: number, b: number, c: number, d: number, e: number, f: number): void;
}

const NONE: readonly never[] = [];

export class TaskStack {
  readonly frames: Path<unknown>[] = [];
  /** Frames that the task had where it stands, and that have to be made again before it goes on. */
  lost = 0;
  private readonly interposed: Interposed[] = [];

  constructor(
    readonly id: TaskId,
    readonly cpu: Cpu,
  ) {}

  /** How many frames the task has where it stands. */
  get height(): number {
    return this.lost > 0 ? this.lost : this.frames.length;
  }

  /** Nothing runs any more; the handle is as at the start. */
  clear(): void {
    this.empty();
    const { cpu } = this;
    cpu.point = START;
    cpu.word = NOWHERE;
    cpu.waiting = false;
    cpu.kernelDepth = 0;
    // what another run left in the handle would count as something that this one knows
    cpu.forgetAccesses();
  }

  /** Where it stands now; `mem` keeps a record. */
  standing(mem: SteppedMemory): Standing {
    const { id, point, word, waiting, waitSeen, kernelDepth, loaded, faultCode, faultVpn, pteHi } = this.cpu;
    return {
      id,
      point,
      word,
      waiting,
      waitSeen,
      kernelDepth,
      loaded,
      faultCode,
      faultVpn,
      pteHi,
      height: this.height,
      interposed: this.interposed.length === 0 ? NONE : this.interposed.map((below) => ({ ...below })),
      known: mem.record ? mem.record.knowledge(this.id).slice() : NONE,
      locks: mem.held.kept(this.id),
    };
  }

  /** Stands there again; its frames, if it had some, are lost. */
  standAgain(there: Standing, mem: SteppedMemory): void {
    const { cpu } = this;
    this.empty();
    this.lost = there.height;
    for (const below of there.interposed) this.interposed.push({ ...below });
    cpu.bind(there.id);
    cpu.point = there.point;
    cpu.word = there.word;
    cpu.waiting = there.waiting;
    cpu.waitSeen = there.waitSeen;
    cpu.kernelDepth = there.kernelDepth;
    cpu.loaded = there.loaded;
    cpu.faultCode = there.faultCode;
    cpu.faultVpn = there.faultVpn;
    cpu.pteHi = there.pteHi;
    mem.record?.knowsAgain(this.id, there.known);
    mem.held.restore(this.id, there.locks);
  }

  /** Does it stand there, with frames? */
  standsAt(there: Standing, mem: SteppedMemory): boolean {
    const { point, word, waiting } = this.cpu;
    const knows = mem.record?.knowledge(this.id) ?? NONE;
    return (
      this.frames.length === there.height &&
      this.interposed.length === there.interposed.length &&
      point === there.point &&
      word === there.word &&
      waiting === there.waiting &&
      knows.length === there.known.length &&
      knows.every((value, i) => value === there.known[i])
    );
  }

  /** A frame that the running path did not call is about to go on top: remembers where the path stands. */
  interpose(irq: boolean): void {
    const { cpu } = this;
    const { point, word, waiting, waitSeen } = cpu;
    this.interposed.push({ depth: this.frames.length, irq, point, word, waiting, waitSeen });
    cpu.mem.record?.enters(false, this.id);
    cpu.point = START;
    cpu.word = NOWHERE;
    cpu.waiting = false;
  }

  isInterrupted(): boolean {
    return this.interposed.some(({ irq }) => irq);
  }

  /**
   * A frame just ended. If it was an interposed one, the path below stands where it stood: 'hook' or 'irq' says which it
   * was; undefined: an ordinary call, whose caller goes on.
   */
  endsInterposed(): 'hook' | 'irq' | undefined {
    const { interposed, cpu } = this;
    if (interposed.length === 0) return undefined;
    const last = interposed[interposed.length - 1];
    if (last.depth !== this.frames.length) return undefined;
    interposed.pop();
    cpu.point = last.point;
    cpu.word = last.word;
    // a wait for nothing is a wait for the next interrupt
    cpu.waiting = last.waiting && last.word !== NOWHERE;
    cpu.waitSeen = last.waitSeen;
    cpu.mem.record?.drops(this.id);
    return last.irq ? 'irq' : 'hook';
  }

  /**
   * Adds to `key` what the task is about to do and all that it knows: its point, what it waits for, and what it has read
   * since its operation began, by routine; of a path under an interrupt the same.
   */
  addTo(key: StateKey): void {
    const { cpu, height, interposed } = this;
    if (height === 0) return;
    const known = cpu.mem.record?.knowledge(this.id) ?? [];
    key.add(this.id, cpu.id, cpu.kernelDepth, height, known.length, 0);
    for (let i = 0; i < known.length; i += 3) key.add(known[i], known[i + 1], 0, 0, 0, 0);
    key.add(cpu.point, cpu.word, cpu.waiting ? 1 : 0, cpu.waiting ? cpu.waitSeen : 0, interposed.length, 0);
    for (const { depth, point, word, waiting, waitSeen } of interposed) {
      key.add(depth, point, word, waiting ? waitSeen : -1, 0, 0);
    }
  }

  /** The task has died: nothing of its path is left. */
  end(): void {
    this.frames.length = 0;
    this.cpu.mem.record?.forgets(this.id);
  }

  private empty(): void {
    // popped, not cut by `length`: that setter leaves compiled code
    while (this.frames.length > 0) this.frames.pop();
    while (this.interposed.length > 0) this.interposed.pop();
    this.lost = 0;
  }

  /** The task leaves its CPU: a path that waited when it was preempted looks again when it is back. */
  lookAgain(): void {
    for (const below of this.interposed) below.waiting = false;
  }
}
