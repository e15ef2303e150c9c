/** Worker entry of one CPU of a parallel run: wiring only. Every answer is data; an error comes back as one. */
import { parentPort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { CpuActor } from '../src/engine/threads/worker-actor.ts';

if (!parentPort) throw new Error('actors/cpu is the entry of a worker thread');
Comlink.expose(new CpuActor(() => performance.now()), nodeEndpoint(parentPort));
