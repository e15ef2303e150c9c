/** What things are called in columns: pages, values, operations. */
import { KERNEL_BYTES } from '../kernel/mm/clear-copy.ts';
import { perCpuThreads } from '../program/hotplug.ts';
import { type Regions, regionsOf } from '../program/litmus-regions.ts';
import type { Op, Program } from '../program/program.ts';

const CONTEXTS = { task: '', irqoff: ' with irqs off', locked: ' under a spinlock' } as const;

/**
 * Names of pages, tasks and values of one program. Regions have the names that the program's litmus text gives them; pages
 * outside every region go by number.
 */
export class Names {
  private readonly regions: Regions;

  constructor(
    private readonly program: Program,
    private readonly cpus: number,
    /** Threads of the policy, whose rows follow those of the program's tasks. */
    private readonly threads: readonly { readonly name: string }[] = [],
  ) {
    this.regions = regionsOf(program);
  }

  /** `p`, `p[1]`, or `page 7`. */
  page(vpn: number): string {
    return this.range(vpn);
  }

  /** `p` for the whole region, `p[1] 3` for three pages of it, `page 7 3` outside every region. */
  range(vpn: number, pages = 1): string {
    return this.regions.range(vpn, pages).replace('@', 'page ');
  }

  /** The task in a row of the task table; idle tasks have no name of their own. */
  task(row: number): string {
    if (row < this.cpus) return 'idle';
    return [...this.program.tasks, ...this.threads, ...perCpuThreads(this.program)][row - this.cpus].name;
  }

  /** Is the task the only one of the program that starts on this CPU? Then its name is in the head of the column. */
  isAlone(row: number, cpu: number): boolean {
    const here = this.program.tasks.filter((task) => task.cpu === cpu);
    return row < this.cpus || (here.length === 1 && here[0].name === this.task(row));
  }

  /** A stored value: its number, or whose store it was (`P1#2`: the second value that P1 made up). */
  value(value: number): string {
    if (value === KERNEL_BYTES) return 'kernel bytes';
    const row = (value >>> 20) - 1;
    const task = this.program.tasks[row - this.cpus];
    return value > 0 && task ? `${task.name}#${value & 0xfffff}` : String(value);
  }

  /** `, promoted` or `, demoted` if the two frames are in different nodes. */
  tiers(was: number, now: number): string {
    const { nodes = 1, fastFrames = 0 } = this.program.machine.override ?? {};
    if (nodes < 2 || was < fastFrames === now < fastFrames) return '';
    return now < fastFrames ? ', promoted' : ', demoted';
  }

  op(op: Op): string {
    switch (op.do) {
      case 'load':
      case 'fetch':
        return `${op.do} ${this.word(op.page, op.word)}`;
      case 'store':
        return `store ${this.word(op.page, op.word)}${op.value === undefined ? '' : ` = ${op.value}`}`;
      case 'touch':
        return `${op.write ? 'write' : 'read'} ${this.range(op.page, op.pages)}`;
      case 'mmap':
        return `mmap ${this.range(op.page, op.pages)} ${op.prot}${flags(op)}${op.file === undefined ? '' : ` of ${op.file}${op.offset ? `[${op.offset}]` : ''}`}`;
      case 'munmap':
      case 'numascan':
      case 'msync':
      case 'devmigrate':
        return `${op.do} ${this.range(op.page, op.pages)}`;
      case 'uffdregister':
      case 'pagemap':
        return `${op.do} ${this.range(op.page, op.pages)}`;
      case 'uffdwp':
        return `${op.on ? 'uffdwp' : 'uffdresolve'} ${this.range(op.page, op.pages)}`;
      case 'gup': {
        const how = `${op.fast ? ' fast' : ''}${op.write ? ' write' : ''}${op.value === undefined ? '' : ` = ${op.value}`}`;
        return `gup ${this.range(op.page, op.pages)}${op.word ? ` w${op.word}` : ''}${how}`;
      }
      case 'mprotect':
        return `mprotect ${this.range(op.page, op.pages)} ${op.prot}`;
      case 'mremap': {
        const to = op.to === undefined ? '' : ` to ${this.range(op.to, op.newPages ?? op.pages)}`;
        const size = op.newPages === undefined || op.newPages === (op.pages ?? 1) ? '' : ` (${op.newPages} pages)`;
        return `mremap ${this.range(op.page, op.pages)}${to}${size}`;
      }
      case 'madvise':
        return `madvise ${this.range(op.page, op.pages)} ${op.advice}`;
      case 'read':
        return `read ${this.fileWord(op.file, op.page, op.word)}${op.direct ? ' direct' : ''}`;
      case 'write':
      case 'notifystore':
      case 'remote':
        return `${this.writes(op)} ${this.fileWord(op.file, op.page, op.word)}${'direct' in op && op.direct ? ' direct' : ''}${op.value === undefined ? '' : ` = ${op.value}`}`;
      case 'truncate':
        return `truncate ${op.file} to ${op.pages}`;
      case 'punch':
      case 'notifyinval':
        return `${op.do} ${op.file}[${op.page}]${(op.pages ?? 1) > 1 ? ` ${op.pages}` : ''}`;
      case 'fsync':
      case 'dropcache':
      case 'open':
      case 'close':
      case 'lock':
      case 'unlock':
      case 'revoke':
        return `${op.do} ${op.file}`;
      case 'reclaim':
      case 'migrate':
        return `${op.do} ${this.dutyRange(op)}${'sync' in op && op.sync ? ' sync' : ''}${'node' in op && op.node ? ` to node ${op.node}` : ''}`;
      case 'pfnwalk':
        return `walk frames ${op.page} to ${op.page + (op.pages ?? 1) - 1}`;
      case 'compact':
        return `compact${op.node ? ` node ${op.node}` : ''}${op.sync ? ' sync' : ''}`;
      case 'kswapd':
        return `kswapd${op.node ?? 0}`;
      case 'kalloc':
        return `${op.do} ${op.pages ?? 1}${CONTEXTS[op.context ?? 'task']}`;
      case 'kfree':
        return `${op.do} ${op.pages ?? 1}`;
      case 'uprobe': {
        const what = op.off ? ' off' : op.value === undefined ? '' : ` = ${op.value}`;
        return `uprobe ${this.fileWord(op.file, op.page, op.word)}${what}`;
      }
      case 'ksm':
        return `ksm ${this.dutyRange(op)} with ${this.dutyRange({ page: op.with, of: op.withOf })}`;
      case 'device':
        return `device interrupts CPU${op.cpu}`;
      case 'fork':
      case 'wake':
        return `${op.do} ${op.task}`;
      case 'post':
      case 'await':
        return `${op.do} ${op.flag}`;
      case 'offline':
      case 'online':
        return `CPU${op.cpu} ${op.do}`;
      case 'move':
        return `move to CPU${op.cpu}`;
      case 'compute':
        return `compute ${op.cycles}`;
      default:
        return op.do;
    }
  }

  /** What keeps the words of a file that is shared with others. */
  holder(file: number): string {
    const { blockdev, fuse } = this.program.files?.[file - 1] ?? {};
    return blockdev ? 'device' : fuse ? 'daemon' : 'server';
  }

  private writes({ do: what, file }: Op & { do: 'write' | 'notifystore' | 'remote' }): string {
    if (what !== 'remote') return what;
    const { blockdev, fuse } = this.program.files?.find((f) => f.name === file) ?? {};
    return fuse ? 'the daemon changes' : `another ${blockdev ? 'host' : 'client'} writes`;
  }

  /** `f[0] 2`, or `p[0] 2 of P1`. */
  private dutyRange(op: { file?: string; of?: string; page: number; pages?: number }): string {
    if (op.file === undefined) return `${this.range(op.page, op.pages)}${op.of === undefined ? '' : ` of ${op.of}`}`;
    return `${op.file}[${op.page}]${(op.pages ?? 1) > 1 ? ` ${op.pages}` : ''}`;
  }

  /** `f[0]`, or `f[0].w2` for another word than the first; files by name or, as the machine knows them, by row from 1. */
  fileWord(file: string | number, index: number, word = 0): string {
    const name = typeof file === 'string' ? file : (this.program.files?.[file - 1]?.name ?? `file ${file}`);
    return `${name}[${index}]${word === 0 ? '' : `.w${word}`}`;
  }

  /** `p`, or `p.w2` for another word than the first. */
  word(vpn: number, word = 0): string {
    return word === 0 ? this.page(vpn) : `${this.page(vpn)}.w${word}`;
  }
}

function flags(op: { fixed?: boolean; populate?: boolean; shared?: boolean }): string {
  const names = (['fixed', 'populate', 'shared'] as const).filter((name) => op[name]);
  return names.length > 0 ? ` ${names.join(' ')}` : '';
}
