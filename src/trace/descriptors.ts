/** File descriptors of a process: which open file each one is, and what becomes of them by dup, fork and exec. */
import type { TracedFile } from './traced-file.ts';

/** An open file description: shared by descriptors that were duplicated or inherited. */
export interface OpenFile {
  /** undefined: a pipe, a socket, a device: nothing that memory can be made of. */
  file: TracedFile | undefined;
  /** As opened, or as strace prints it beside the descriptor (option -y). */
  path?: string;
  /** Byte at which the next read or write begins. */
  offset: number;
  readonly append: boolean;
}

interface Descriptor {
  readonly open: OpenFile;
  readonly closedByExec: boolean;
}

export class Descriptors {
  private readonly entries: Map<number, Descriptor>;

  constructor(entries: Iterable<[number, Descriptor]> = []) {
    this.entries = new Map(entries);
  }

  get(fd: number): OpenFile | undefined {
    return this.entries.get(fd)?.open;
  }

  set(fd: number, open: OpenFile, closedByExec = false): void {
    this.entries.set(fd, { open, closedByExec });
  }

  /** What `from` is, `to` is too; nothing if the log does not show what `from` is. */
  dup(from: number, to: number, closedByExec = false): void {
    const open = this.get(from);
    if (open) this.set(to, open, closedByExec);
    else this.close(to, to);
  }

  close(first: number, last: number): void {
    for (const fd of [...this.entries.keys()]) if (fd >= first && fd <= last) this.entries.delete(fd);
  }

  markClosedByExec(first: number, last: number, closedByExec: boolean): void {
    for (const [fd, { open }] of [...this.entries]) if (fd >= first && fd <= last) this.set(fd, open, closedByExec);
  }

  /** What a child process gets: the same open files under the same numbers. */
  forked(): Descriptors {
    return new Descriptors(this.entries);
  }

  /** What is left after execve. */
  afterExec(): Descriptors {
    return new Descriptors([...this.entries].filter(([, d]) => !d.closedByExec));
  }
}
