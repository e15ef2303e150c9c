/** The files of a log, as far as it tells: which names are one file, how long it is, who maps it. */

/** Bytes in a page. */
const PAGE = 4096;

/** A file, or memory that is shared as if it were one. Two of them may turn out to be one: see `is`. */
export class TracedFile {
  /** Processes that map it. */
  readonly mappers = new Set<object>();
  /** Length at the start, and now, as far as known. */
  private first = 0;
  private now = 0;
  private exact = false;
  private changed = false;
  private merged: TracedFile | undefined;

  /**
   * @param name a path as printed, or what stands for one
   * @param kind `unnamed`: memory shared without a name. `unknown`: the log does not show which file a descriptor is
   */
  constructor(
    readonly name: string,
    readonly kind: 'named' | 'unnamed' | 'unknown' = 'named',
  ) {}

  /** The file that this one is. */
  get self(): TracedFile {
    return this.merged?.self ?? this;
  }

  get bytes(): number {
    return this.self.now;
  }

  /** Has it no disk? What has no name is the kernel's own; of files that have one the path must say so. */
  get isMemory(): boolean {
    const { kind, name } = this.self;
    return kind === 'unnamed' || name.startsWith('/memfd:') || name.startsWith('/dev/shm/');
  }

  /** Pages at the start. What nothing is known of is as long as the log reads or maps it. */
  get pagesAtStart(): number {
    return pagesIn(this.self.first);
  }

  /** From here on both are one file. */
  is(other: TracedFile): void {
    const [a, b] = [this.self, other.self];
    if (a === b) return;
    b.merged = a;
    for (const process of b.mappers) a.mappers.add(process);
    if (b.exact && !a.exact && !a.changed) Object.assign(a, { first: b.first, exact: true });
    a.first = Math.max(a.first, a.exact ? 0 : b.first);
    a.now = Math.max(a.now, b.now);
    a.changed ||= b.changed;
  }

  /** It was made empty, by this log. */
  startsEmpty(): void {
    this.self.exact = true;
  }

  /** Nothing is known of its length yet. */
  get isNew(): boolean {
    const { first, exact, changed } = this.self;
    return first === 0 && !exact && !changed;
  }

  /** The log says how long it is. */
  hasLength(bytes: number): void {
    const { self } = this;
    self.now = bytes;
    if (self.changed) return;
    self.first = bytes;
    self.exact = true;
  }

  /** Something lies, or is taken to lie, before that byte. */
  reaches(bytes: number): void {
    const { self } = this;
    if (self.exact || bytes <= self.now) return;
    self.now = bytes;
    if (!self.changed) self.first = bytes;
  }

  /** A write ends there. */
  grows(bytes: number): void {
    if (bytes > this.bytes) this.truncated(bytes);
  }

  /** From here on it is that long. */
  truncated(bytes: number): void {
    const { self } = this;
    self.changed = true;
    self.now = bytes;
  }
}

/** Files by the names and inodes that they have at a point of the log. */
export class FileNames {
  private readonly byPath = new Map<string, TracedFile>();
  private readonly byInode = new Map<string, TracedFile>();
  private readonly inodes = new Map<TracedFile, string>();

  /** The file of that name. */
  at(path: string): TracedFile {
    const known = this.byPath.get(path);
    if (known) return known.self;
    const file = new TracedFile(path);
    this.byPath.set(path, file);
    return file;
  }

  knows(path: string): boolean {
    return this.byPath.has(path);
  }

  link(from: string, to: string): void {
    this.byPath.set(to, this.at(from));
  }

  rename(from: string, to: string): void {
    this.link(from, to);
    this.byPath.delete(from);
  }

  unlink(path: string): void {
    this.byPath.delete(path);
  }

  /**
   * The file with that inode, which is what `file` must be: names that share an inode are one file, and a name whose file
   * has another inode than before has been given to another file.
   */
  withInode(file: TracedFile, inode: string): TracedFile {
    const of = file.self;
    const same = this.byInode.get(inode);
    const other = this.inodes.get(of);
    if (same) {
      if (other === undefined) same.is(of);
      return same.self;
    }
    const here = other === undefined ? of : new TracedFile(of.name);
    this.byInode.set(inode, here);
    this.inodes.set(here, inode);
    if (here !== of && this.byPath.get(of.name)?.self === of) this.byPath.set(of.name, here);
    return here;
  }
}

export function pagesIn(bytes: number): number {
  return Math.ceil(bytes / PAGE);
}
