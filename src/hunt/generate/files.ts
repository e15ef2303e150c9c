/** Files of generated programs: one or two small ones that every task uses, and the operations on them. */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import { drawKind, drawPastCacheOp, mayPass } from './past-cache.ts';
import { drawRemoteOp, isFuse, isLocal, mayServe } from './remote.ts';
import { WORDS } from './sizes.ts';
import type { TraitName, Traits } from './traits.ts';

/** Pages that an operation on a file names, whatever its length: some lie behind the end. */
const PAGES = 4;
/** Share of the mappings that are of shared memory without a file. */
const SHARED_MEMORY = 0.12;
/** Frames that a walk covers at most. */
const FRAMES = 24;

/** The files of a program; none if the trait is off. */
export function drawFiles(draw: Draw, traits: Traits, most: 1 | 2): FileSpec[] {
  if (!draw.chance(0.65 * traits.files)) return [];
  const names = most === 2 && draw.chance(0.3) ? ['f', 'g'] : ['f'];
  return names.map((name) => {
    const file = { name, pages: draw.between(1, PAGES) };
    return { ...file, ...(draw.chance(0.2 * traits.remote) ? { remote: true } : drawKind(draw, traits)) };
  });
}

/** What tasks are to the file system: a server knows nothing of the machine's. */
export type Role = 'user' | 'kthread' | 'server';

type Drawer = (draw: Draw, files: readonly FileSpec[], nodes: number) => Op;

const FILE_OPS = {
  read: (draw, files) => ({ do: 'read', ...wordOf(draw, files) }),
  write: (draw, files) => ({ do: 'write', ...wordOf(draw, files.filter(mayWrite)) }),
  truncate: (draw, files) => ({
    do: 'truncate',
    file: fileOf(draw, files.filter(isLocal)),
    pages: draw.between(0, PAGES),
  }),
  fsync: (draw, files) => ({ do: 'fsync', file: fileOf(draw, files) }),
  reclaim: (draw, files) => ({ do: 'reclaim', ...rangeOf(draw, files) }),
  migrate: (draw, files, nodes) => ({
    do: 'migrate',
    ...rangeOf(draw, files),
    ...(draw.chance(0.3) ? { sync: true } : {}),
    ...(nodes > 1 && draw.chance(0.7) ? { node: 1 } : {}),
  }),
  pfnwalk: (draw) => ({ do: 'pfnwalk', page: 1, pages: draw.between(4, FRAMES) }),
  compaction: (draw, _, nodes) => ({
    do: 'compact',
    ...(draw.chance(0.3) ? { sync: true } : {}),
    ...(nodes > 1 && draw.chance(0.4) ? { node: 1 } : {}),
  }),
  remote: (draw, files) => drawRemoteOp('remote', draw, files, WORDS),
  open: (draw, files) => drawRemoteOp('open', draw, files, WORDS),
  lock: (draw, files) => drawRemoteOp('lock', draw, files, WORDS),
  notify: (draw, files) => drawRemoteOp('notify', draw, files, WORDS),
  direct: (draw, files) => drawPastCacheOp('direct', draw, files, WORDS),
  punch: (draw, files) => drawPastCacheOp('punch', draw, files, WORDS),
  dropcache: (draw, files) => drawPastCacheOp('dropcache', draw, files, WORDS),
  uprobe: (draw, files) => ({ do: 'uprobe', ...wordOf(draw, files), ...(draw.chance(0.3) ? { off: true } : {}) }),
} satisfies Partial<Record<TraitName, Drawer>>;

export type FileOp = keyof typeof FILE_OPS;

export const FILE_SHARES: Readonly<Record<FileOp, number>> = {
  read: 0.8,
  write: 2.5,
  truncate: 0.7,
  fsync: 0.7,
  reclaim: 2,
  migrate: 2,
  pfnwalk: 0.3,
  compaction: 0.5,
  remote: 3,
  open: 1,
  lock: 0.7,
  notify: 3,
  direct: 1,
  punch: 0.6,
  dropcache: 0.4,
  uprobe: 0.7,
};

/** What the kernel does on its own account: kernel threads do it, too. */
const DUTIES: readonly FileOp[] = ['fsync', 'reclaim', 'migrate', 'pfnwalk', 'compaction', 'uprobe'];
const SERVES: readonly FileOp[] = ['remote', 'notify'];
/** Operations that take translations of file pages away. */
const REMOVERS: readonly FileOp[] = ['reclaim', 'migrate', 'truncate', 'compaction', 'punch'];
/** Operations after which what a stale translation shows is wrong. */
const CHANGERS: readonly FileOp[] = ['write', 'truncate', 'migrate', 'reclaim', 'compaction', 'direct', 'punch'];
/** Operations behind which what other clients wrote is to be seen. */
const LOOKERS: readonly FileOp[] = ['open', 'lock', 'direct'];

/** Shares of the operations on files that a task may do; none in a program without files. */
export function fileShares(
  traits: Traits,
  files: readonly FileSpec[],
  { role, only }: { role: Role; only?: 'removers' | 'changers' | 'lookers' },
): Partial<Record<FileOp, number>> {
  const all = Object.keys(FILE_SHARES) as FileOp[];
  const wanted = only === undefined ? all : { removers: REMOVERS, changers: CHANGERS, lookers: LOOKERS }[only];
  const names = wanted.filter((name) => mayDo(role, name) && isPossible(name, files));
  return Object.fromEntries(names.map((name) => [name, FILE_SHARES[name] * traits[name]]));
}

function mayDo(role: Role, name: FileOp): boolean {
  if (role === 'user') return !SERVES.includes(name);
  return (role === 'server' ? SERVES : DUTIES).includes(name);
}

/** The length of what others write to stays what it is, and FUSE files are not written to here. */
function isPossible(name: FileOp, files: readonly FileSpec[]): boolean {
  if (name === 'truncate') return files.some(isLocal);
  if (name === 'write') return files.some(mayWrite);
  if (name === 'remote' || name === 'open' || name === 'lock' || name === 'notify')
    return files.some((f) => mayServe(name, f));
  if (name === 'direct' || name === 'punch' || name === 'dropcache') return files.some((f) => mayPass(name, f));
  return files.length > 0;
}

export function isFileOp(name: string): name is FileOp {
  return Object.hasOwn(FILE_OPS, name);
}

export function drawFileOp(name: FileOp, draw: Draw, files: readonly FileSpec[], nodes: number): Op {
  return FILE_OPS[name](draw, files, nodes);
}

/** What an mmap shows, and how: pages of a file, or shared memory without one. */
export interface Mapped {
  readonly file?: string;
  readonly offset?: number;
  readonly shared?: boolean;
}

/** Which pages of files a program maps: mostly the first ones, so that several mappings show the same. */
export class FileMappings {
  /** Pages that some mapping shows: `f0`. */
  private readonly shown = new Set<string>();

  /** @param devices are mapped shared, from their first page on */
  constructor(
    readonly files: readonly FileSpec[],
    private readonly devices: readonly FileSpec[],
  ) {}

  /** For an mmap of `pages` pages; undefined where it shows private memory. */
  draw(draw: Draw, traits: Traits, pages: number): Mapped | undefined {
    if (draw.chance(SHARED_MEMORY * traits.sharedMemory)) return { shared: true };
    if (this.devices.length > 0 && draw.chance(0.25)) return { file: this.devices[0].name, shared: true };
    if (this.files.length === 0 || !draw.chance(0.75)) return undefined;
    const kind = draw.weighted({ shared: 0.6 * traits.fileShared, private: 0.4 * traits.filePrivate });
    const place = draw.chance(traits.alias) ? this.anyPlace(draw, pages) : this.freshPlace(pages);
    if (kind === undefined || place === undefined) return undefined;
    const { file, offset } = place;
    for (let page = offset; page < offset + pages; page++) this.shown.add(file + page);
    return { file, ...(offset > 0 ? { offset } : {}), ...(kind === 'shared' ? { shared: true } : {}) };
  }

  /** May what is mapped so be stored to? */
  mayStore({ file, shared }: Mapped): boolean {
    return !shared || !this.files.some((f) => f.name === file && isFuse(f));
  }

  private anyPlace(draw: Draw, pages: number): { file: string; offset: number } {
    const offset = draw.chance(0.75) || pages >= PAGES ? 0 : draw.between(1, PAGES - pages);
    return { file: fileOf(draw, this.files), offset };
  }

  /** The first pages that nothing shows. */
  private freshPlace(pages: number): { file: string; offset: number } | undefined {
    for (const { name: file } of this.files) {
      for (let offset = 0; offset + pages <= PAGES; offset++) {
        const all = Array.from({ length: pages }, (_, i) => file + (offset + i));
        if (!all.some((page) => this.shown.has(page))) return { file, offset };
      }
    }
    return undefined;
  }
}

function mayWrite(file: FileSpec): boolean {
  return !isFuse(file);
}

function fileOf(draw: Draw, files: readonly FileSpec[]): string {
  return (files.length === 1 || draw.chance(0.75) ? files[0] : draw.pick(files)).name;
}

function wordOf(draw: Draw, files: readonly FileSpec[]): { file: string; page: number; word?: number } {
  const page = Math.min(draw.below(PAGES), draw.below(PAGES));
  return { file: fileOf(draw, files), page, ...(draw.chance(0.2) ? { word: draw.between(1, WORDS - 1) } : {}) };
}

function rangeOf(draw: Draw, files: readonly FileSpec[]): { file: string; page: number; pages?: number } {
  const page = draw.chance(0.7) ? 0 : draw.below(PAGES);
  const pages = draw.between(1, PAGES - page);
  return { file: fileOf(draw, files), page, ...(pages > 1 ? { pages } : {}) };
}
