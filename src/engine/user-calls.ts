/** User mode enters the kernel: which routine serves which operation, and what the oracle is told about it. */
import type { Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import {
  type FileId,
  MADV_COLD,
  MADV_FREE,
  MADV_PAGEOUT,
  MAP_FIXED,
  MAP_POPULATE,
  MIGRATE_ASYNC,
  MIGRATE_SYNC,
  type MigrateMode,
  type MmId,
  type TaskId,
  VM_WRITE,
} from '../kernel/types.ts';
import { NOWHERE } from '../memory/memory.ts';
import { type Path, point } from '../memory/point.ts';
import { OP, type OpKind } from '../oracle/oracle.ts';
import type { CompiledTask, Instruction } from './compile.ts';
import { ksm, uprobe } from './installer-calls.ts';
import { elsewhere, notifyStore, open } from './remote-calls.ts';
import { freshValue } from './user-hits.ts';
import type { UserRun } from './user-mode.ts';

const SYSCALL = point('user: system call entered');

const KINDS: Partial<Record<Instruction['do'], OpKind>> = {
  mmap: OP.mmap,
  munmap: OP.munmap,
  mprotect: OP.mprotect,
  mremap: OP.mremap,
  madvise: OP.madvise,
  fork: OP.fork,
  exit: OP.exit,
  read: OP.read,
  write: OP.write,
  truncate: OP.truncate,
  fsync: OP.fsync,
  msync: OP.msync,
  open: OP.open,
  close: OP.close,
  lock: OP.lock,
  unlock: OP.unlock,
  remote: OP.remote,
  reclaim: OP.reclaim,
  migrate: OP.migrate,
  numascan: OP.numascan,
  gup: OP.gup,
  compact: OP.compact,
  clearrefs: OP.clearrefs,
  pagemap: OP.pagemap,
  punch: OP.punch,
  dropcache: OP.dropcache,
  notifystore: OP.notifystore,
  notifyinval: OP.notifyinval,
  uprobe: OP.uprobe,
  ksm: OP.ksm,
  revoke: OP.revoke,
  devmigrate: OP.migrate,
};

/** MADV_PAGEOUT and MADV_COLD take no content away, MADV_FREE takes it later. */
const ADVICE: Record<number, OpKind> = { [MADV_FREE]: OP.free, [MADV_COLD]: OP.other, [MADV_PAGEOUT]: OP.reclaim };

function kindOf(op: Instruction): OpKind {
  if (op.do === 'uffdwp' && op.on) return OP.uffdwp;
  if (op.direct) return op.do === 'read' ? OP.directRead : OP.directWrite;
  return ADVICE[op.advice] ?? KINDS[op.do] ?? OP.other;
}

/** A system call, or a kernel duty that the task does: an operation that the oracle hears of from begin to return. */
export function* systemCall(cpu: Cpu, run: UserRun, task: CompiledTask, op: Instruction): Path<void> {
  const { kernel } = cpu;
  const from = op.page as Vpn;
  const { oracle } = run;
  // an operation is over when its last store is visible, and what was stored before it is not its own
  cpu.mem.fence();
  oracle?.opBegins(cpu, kindOf(op), {
    mm: cpu.tasks.mm.own(cpu.current) as MmId,
    from,
    pages: op.pages,
    rights: op.do === 'gup' && op.write ? VM_WRITE : op.rights,
    to: op.to,
    toPages: op.newPages,
    fixed: op.fixed,
    populate: op.populate,
    file: op.file,
    pgoff: op.offset,
  });
  cpu.kernelDepth++;
  if (cpu.at(SYSCALL, NOWHERE)) yield;
  let result = 0;
  let childMm = 0 as MmId;
  switch (op.do) {
    case 'mmap':
      result = yield* kernel.sysMmap(cpu, from, op.pages, op.rights, mapFlagsOf(op), op.file, op.offset);
      break;
    case 'munmap':
      result = yield* kernel.sysMunmap(cpu, from, op.pages);
      break;
    case 'mprotect':
      result = yield* kernel.sysMprotect(cpu, from, op.pages, op.rights);
      break;
    case 'mremap':
      result = yield* kernel.sysMremap(cpu, from, op.pages, op.newPages, op.to as Vpn);
      break;
    case 'numascan':
      result = yield* kernel.taskNumaWork(cpu, from, op.pages);
      break;
    case 'gup':
      result = yield* gup(cpu, run, task, op);
      break;
    case 'madvise':
      result = yield* kernel.sysMadvise(cpu, from, op.pages, op.advice);
      break;
    case 'read':
      result = yield* kernel.sysRead(cpu, op.file, op.page, op.word, op.direct);
      if (result === 0 && op.register >= 0) run.user.register.put(task.id, cpu.loaded, op.register);
      break;
    case 'write':
      result = yield* kernel.sysWrite(cpu, op.file, op.page, op.word, valueToWrite(op, run, task), op.direct);
      break;
    case 'truncate':
      result = yield* kernel.sysTruncate(cpu, op.file, op.pages);
      break;
    case 'fsync':
      result = yield* kernel.sysFsync(cpu, op.file);
      break;
    case 'msync':
      result = yield* kernel.sysMsync(cpu, from, op.pages);
      break;
    case 'open':
      result = yield* open(cpu, op.file as FileId);
      break;
    case 'close':
      result = yield* kernel.nfsFileFlush(cpu, op.file as FileId);
      break;
    case 'lock':
      result = yield* kernel.doSetlk(cpu, op.file as FileId);
      break;
    case 'unlock':
      result = yield* kernel.doUnlk(cpu, op.file as FileId);
      break;
    case 'remote':
      result = yield* elsewhere(cpu, op, valueToWrite(op, run, task));
      break;
    case 'reclaim':
      result =
        op.file !== 0
          ? yield* kernel.reclaimPages(cpu, op.file, op.page, op.pages)
          : yield* kernel.reclaimMmRange(cpu, op.target as TaskId, op.page, op.pages);
      break;
    case 'migrate':
      result = yield* migrate(cpu, op);
      break;
    case 'devmigrate':
      result = yield* kernel.dmirrorMigrateToDevice(cpu, op.page, op.pages);
      break;
    case 'pfnwalk':
      result = yield* kernel.pageIdleWalk(cpu, op.page, op.pages);
      break;
    case 'compact':
      result = yield* kernel.compactNode(cpu, op.node, modeOf(op));
      break;
    case 'clearrefs':
      result = yield* kernel.clearRefsWrite(cpu);
      break;
    case 'uffdregister':
      result = yield* kernel.userfaultfdRegister(cpu, from, op.pages);
      break;
    case 'uffdwp':
      result = yield* kernel.mwriteprotectRange(cpu, from, op.pages, op.on);
      break;
    case 'pagemap':
      result = yield* kernel.pagemapRead(cpu, from, op.pages);
      if (result >= 0 && op.register >= 0) run.user.register.put(task.id, result, op.register);
      break;
    case 'kalloc':
      result = yield* kernel.allocPagesBulk(cpu, op.pages, op.context);
      break;
    case 'kfree':
      result = yield* kernel.releasePages(cpu, op.pages);
      break;
    case 'kswapd':
      yield* kernel.kswapd(cpu, op.node);
      break;
    case 'punch':
      result = yield* kernel.sysPunchHole(cpu, op.file, op.page, op.pages);
      break;
    case 'dropcache':
      result = yield* kernel.sysFadviseDontneed(cpu, op.file);
      break;
    case 'notifystore':
      result = yield* notifyStore(cpu, op, valueToWrite(op, run, task));
      break;
    case 'notifyinval':
      result = yield* kernel.fuseReverseInvalInode(cpu, op.file as FileId, op.page, op.pages);
      break;
    case 'uprobe':
      result = yield* uprobe(cpu, op, valueToWrite(op, run, task));
      break;
    case 'ksm':
      result = yield* ksm(cpu, op);
      break;
    case 'revoke':
      result = yield* kernel.vfioPciRevoke(cpu, op.file as FileId);
      break;
    case 'fork':
      result = yield* kernel.sysFork(cpu, op.target as TaskId);
      if (result >= 0) childMm = result as MmId;
      break;
    case 'exit':
      yield* kernel.sysExit(cpu);
      break;
    default:
      throw new Error(`operation ${op.do} of task ${task.name} is not a system call`);
  }
  // a task that has left its mm never comes back to user mode
  if (op.do !== 'exit') cpu.kernelDepth--;
  cpu.mem.fence();
  oracle?.opEnds(cpu, result, childMm);
  run.returned(cpu);
}

function* gup(cpu: Cpu, run: UserRun, task: CompiledTask, op: Instruction): Path<number> {
  const { page: start, word, fast, write } = op;
  const values = Array.from({ length: op.pages }, () => (write ? valueToWrite(op, run, task) : op.value));
  const got = yield* cpu.kernel.gupTestIoctl(cpu, { start, word, fast, write, values });
  if (got > 0 && !write && op.register >= 0) run.user.register.put(task.id, cpu.loaded, op.register);
  return got;
}

function valueToWrite(op: Instruction, run: UserRun, task: CompiledTask): number {
  return op.value >= 0 ? op.value : freshValue(run, task);
}

function* migrate(cpu: Cpu, op: Instruction): Path<number> {
  const mode = modeOf(op);
  if (op.file !== 0) return yield* cpu.kernel.migrateRange(cpu, op.file, op.page, op.pages, mode, op.node);
  return yield* cpu.kernel.migrateMmRange(cpu, op.target as TaskId, op.page, op.pages, mode, op.node);
}

function modeOf({ sync }: Instruction): MigrateMode {
  return sync ? MIGRATE_SYNC : MIGRATE_ASYNC;
}

function mapFlagsOf(op: Instruction): number {
  return (op.fixed ? MAP_FIXED : 0) | (op.populate ? MAP_POPULATE : 0);
}
