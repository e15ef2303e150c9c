/**
 * The worker in which the command line hunts, measures and replays: started, listened to, given up when it is silent, kept for
 * the next call.
 */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { HunterActor } from '../../actors/hunter.ts';
import { isPluginPath } from '../engine/load.ts';
import type { WorkerAnswer } from '../report/hunter-protocol.ts';
import { ToolError, UsageError } from './exit.ts';

/** Some hunts are no longer than a tenth of a second. */
const POLL_MS = 20;
/** A schedule takes milliseconds. With a plug-in, so much silence means that it never yields. */
const SILENCE_PLUGIN_MS = 10_000;
const SILENCE_MS = 120_000;

export interface Watch {
  /** Policy and patches as named. */
  readonly names: readonly string[];
  /** A number that changes while the worker gets on; without it only the whole call is timed. */
  beat?(): number;
  poll?(): void;
}

/**
 * One call, answered or given up: at `signal`, or when nothing is heard for long.
 * @throws UsageError for what a plug-in or a program does wrong, ToolError for everything else
 */
export async function withHunter<T>(
  watch: Watch,
  call: (actor: Comlink.Remote<HunterActor>) => Promise<WorkerAnswer<T>>,
  signal?: AbortSignal,
): Promise<T> {
  const hunter = spare ?? newHunter();
  spare = undefined;
  const { worker, actor } = hunter;
  worker.ref();
  let timer: NodeJS.Timeout | undefined;
  let reusable = false;
  try {
    const ended = new Promise<WorkerAnswer<T>>((resolve) => {
      const fail = (fault: 'input' | 'tool', message: string): void => resolve({ ok: false, fault, message });
      worker.once('error', (error: Error) => fail('tool', `hunter: ${error.stack ?? error.message}`));
      worker.once('exit', (code) => fail('tool', `hunter: ended with code ${code}`));
      signal?.addEventListener('abort', () => fail('tool', 'interrupted'));
      const isSilent = silenceOf(watch);
      timer = setInterval(() => {
        watch.poll?.();
        if (isSilent()) fail(...silent(watch.names));
      }, POLL_MS);
    });
    const answer = await Promise.race([call(actor), ended]);
    // what a plug-in leaves behind is nobody's business but its own
    reusable = answer.ok && !watch.names.some(isPluginPath);
    if (answer.ok) return answer.value;
    throw answer.fault === 'input' ? new UsageError(answer.message) : new ToolError(answer.message);
  } finally {
    clearInterval(timer);
    if (reusable && spare === undefined) keep(hunter);
    else {
      actor[Comlink.releaseProxy]();
      await worker.terminate();
    }
  }
}

/** A worker that hunts, and the way to it. */
interface Hunter {
  readonly worker: Worker;
  readonly actor: Comlink.Remote<HunterActor>;
}

/** A hunter that waits for the next call: to start one takes as long as a short hunt. It does not keep the process alive. */
let spare: Hunter | undefined;

function newHunter(): Hunter {
  const worker = new Worker(new URL('../../actors/hunter.js', import.meta.url));
  return { worker, actor: Comlink.wrap<HunterActor>(nodeEndpoint(worker)) };
}

function keep(hunter: Hunter): void {
  const { worker } = hunter;
  for (const event of ['error', 'exit']) {
    worker.removeAllListeners(event);
    worker.once(event, () => {
      if (spare === hunter) spare = undefined;
    });
  }
  worker.unref();
  spare = hunter;
}

function silenceOf({ beat, names }: Watch): () => boolean {
  let last = Number.NaN;
  let heard = performance.now();
  return () => {
    const now = performance.now();
    const is = beat?.() ?? 0;
    if (is !== last) {
      last = is;
      heard = now;
    }
    return now - heard > (names.some(isPluginPath) ? SILENCE_PLUGIN_MS : SILENCE_MS);
  };
}

function silent(names: readonly string[]): ['input' | 'tool', string] {
  const plugins = names.filter(isPluginPath);
  const who = plugins.length > 0 ? `plug-in ${plugins.join(' or ')}` : `policy ${names[0]}`;
  const silence = (plugins.length > 0 ? SILENCE_PLUGIN_MS : SILENCE_MS) / 1000;
  const message = `${who}: a path ran ${silence} s without coming to a point; expected a point on every way round a loop`;
  return [plugins.length > 0 ? 'input' : 'tool', message];
}
