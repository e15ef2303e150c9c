/** `tlblab doctor`: does everything that the tool needs exist here, and how is a trace recorded? */
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { EXIT, print, printJson } from './exit.ts';
import { toolVersion } from './files.ts';

const NODE_LEAST = [20, 19];

const PERF_EVENTS = [
  'tlb:tlb_flush,exceptions:page_fault_user,ipi:ipi_send_cpu,csd:csd_function_entry,csd:csd_function_exit',
  'irq_vectors:call_function_single_entry,irq_vectors:call_function_single_exit,sched:sched_switch',
  ...['mmap', 'munmap', 'mprotect', 'madvise', 'mremap', 'brk'].map(
    (x) => `syscalls:sys_enter_${x},syscalls:sys_exit_${x}`,
  ),
].join(',');

const RECIPE = [
  'strace -f -ttt -T -Y -y -s 0 -e trace=%memory,%process,%file,%desc,sched_setaffinity -o LOG PROGRAM',
  `perf record -a -k CLOCK_MONOTONIC -e ${PERF_EVENTS} -- PROGRAM`,
  'perf script -F comm,pid,tid,cpu,time,event,trace --ns',
];

export async function doctor(options: { json?: boolean }): Promise<number> {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const node = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1]);
  const workerMs = await workerStart();
  const checks = {
    node: { ok: node, found: process.versions.node, needs: `${NODE_LEAST.join('.')} or later` },
    cores: { ok: availableParallelism() >= 2, found: availableParallelism(), needs: '2 to run CPUs in parallel' },
    sharedMemory: { ok: sharedMegabytes() >= 64, found: `${sharedMegabytes()} MB`, needs: 'shared buffers of 64 MB' },
    atomicsWait: { ok: waits(), found: waits() ? 'blocks' : 'refused', needs: 'Atomics.wait in this thread' },
    workers: { ok: workerMs >= 0, found: workerMs < 0 ? 'none' : 'start', needs: 'worker threads' },
  };
  const tools = { perf: onPath('perf'), strace: onPath('strace'), valgrind: onPath('valgrind') };
  const ok = Object.values(checks).every((check) => check.ok);
  if (options.json) {
    printJson({ version: toolVersion(), ok, checks, tools, recipe: RECIPE, timing: { workerStartMs: workerMs } });
  } else {
    print(toolVersion());
    for (const [name, check] of Object.entries(checks)) {
      print(
        `${check.ok ? 'ok ' : 'NO '} ${name.padEnd(13)} ${check.found}${check.ok ? '' : ` (needs ${check.needs})`}`,
      );
    }
    print(`ok  worker start  ${workerMs.toFixed(0)} ms`);
    for (const [name, found] of Object.entries(tools))
      print(`${found ? 'ok ' : '-  '} ${name.padEnd(13)} ${found ?? 'not found: only needed to record traces'}`);
    print('\nto record a program (the strace log runs with evaluate --trace LOG):');
    for (const line of RECIPE) print(`  ${line}`);
  }
  return ok ? EXIT.clean : EXIT.tool;
}

/** Milliseconds until a thread says that it runs; -1 if it never does. */
function workerStart(): Promise<number> {
  const began = performance.now();
  const worker = new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true });
  return new Promise((resolve) => {
    worker.once('message', () => resolve(performance.now() - began));
    worker.once('error', () => resolve(-1));
  });
}

function sharedMegabytes(): number {
  for (let megabytes = 1024; megabytes >= 1; megabytes /= 2) {
    try {
      return new SharedArrayBuffer(megabytes * 2 ** 20).byteLength / 2 ** 20;
    } catch {
      // less, then
    }
  }
  return 0;
}

function waits(): boolean {
  try {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1) === 'timed-out';
  } catch {
    return false;
  }
}

function onPath(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}
