/** Worker threads, kept from run to run: starting one takes some 30 ms and 9 MB. */
/// <reference path="./comlink.d.ts" />
import { Worker } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { CpuActor } from './worker-actor.ts';

const ENTRY = new URL('../../../actors/cpu.js', import.meta.url);

/** A call to a worker that did not come back: the thread ended, crashed, or took too long. */
export class WorkerLost extends Error {
  override readonly name = 'WorkerLost';
}

/** One worker thread and the actor in it. */
export class ThreadWorker {
  /** True once the thread has ended or crashed. */
  lost = false;
  private readonly worker: Worker;
  private readonly remote: Comlink.Remote<CpuActor>;
  private readonly gone: Promise<never>;

  constructor() {
    this.worker = new Worker(ENTRY, { name: 'tlblab-cpu' });
    this.remote = Comlink.wrap<CpuActor>(nodeEndpoint(this.worker));
    this.gone = new Promise((_, reject) => {
      const end = (message: string): void => {
        this.lost = true;
        reject(new WorkerLost(message));
      };
      this.worker.once('error', (error) => end(`its thread crashed: ${error.message}`));
      this.worker.once('exit', (code) => end(`its thread ended with code ${code}`));
    });
    // a thread may end while nobody asks it anything
    this.gone.catch(() => {});
  }

  /**
   * Asks the actor; a dead thread never leaves the caller waiting.
   * @throws WorkerLost if the thread ends, or does not answer in `ms` milliseconds (0: no limit)
   */
  async ask<T>(question: (actor: Comlink.Remote<CpuActor>) => T, ms = 0): Promise<Awaited<T>> {
    const rivals: (T | Promise<never>)[] = [question(this.remote), this.gone];
    let timer: NodeJS.Timeout | undefined;
    if (ms > 0) {
      rivals.push(
        new Promise((_, reject) => {
          timer = setTimeout(() => reject(new WorkerLost(`it did not answer for ${ms / 1000} s`)), ms);
        }),
      );
    }
    try {
      return await Promise.race(rivals);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the thread keeps the process alive. */
  busy(yes: boolean): void {
    if (yes) this.worker.ref();
    else this.worker.unref();
  }

  /** Ends the thread, wherever it stands. */
  async terminate(): Promise<void> {
    this.lost = true;
    this.remote[Comlink.releaseProxy]();
    await this.worker.terminate();
  }
}

export class ThreadPool {
  private readonly idle: ThreadWorker[] = [];
  private readonly taken = new Set<ThreadWorker>();

  take(count: number): ThreadWorker[] {
    const workers: ThreadWorker[] = [];
    for (let i = 0; i < count; i++) {
      const worker = this.idle.pop() ?? new ThreadWorker();
      if (worker.lost) {
        i--;
        continue;
      }
      worker.busy(true);
      this.taken.add(worker);
      workers.push(worker);
    }
    return workers;
  }

  /** Takes a worker back; one that is lost is not kept. */
  give(worker: ThreadWorker): void {
    this.taken.delete(worker);
    if (worker.lost) return;
    worker.busy(false);
    this.idle.push(worker);
  }

  /** Ends all threads, those in use too. */
  async close(): Promise<void> {
    const all = [...this.idle, ...this.taken];
    this.idle.length = 0;
    this.taken.clear();
    await Promise.all(all.map((worker) => worker.terminate()));
  }
}

/** The pool of this process; its idle threads do not keep the process alive. */
export const POOL = new ThreadPool();
