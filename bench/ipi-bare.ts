/** The far end of the bare loop of `ipi-round-trip`: answers each ring of a word by raising another, spinning. */
import { parentPort, workerData } from 'node:worker_threads';

/** Words of the shared array: the last ring, the last answer, and 1 to end. */
export const RING = 0;
export const ANSWER = 16;
export const END = 32;

export function answerRings(words: Int32Array): void {
  for (let answered = 0; Atomics.load(words, END) === 0; ) {
    const rung = Atomics.load(words, RING);
    if (rung === answered) continue;
    answered = rung;
    Atomics.store(words, ANSWER, rung);
  }
}

if (parentPort) {
  parentPort.postMessage('ready');
  answerRings(workerData as Int32Array);
}
