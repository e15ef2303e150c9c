/** The smallest programs for the bugs of CPUs that go offline and come back. See scenarios.ts. */
import { awaits, by, load, mmap, move, munmap, offline, online, post, race, store } from '#tlblab/program/builder.js';
import type { Scenario } from './scenarios.ts';

/** CPU1 has page 8 in its TLB, and so is in the cpumask of the address space. */
const used = [mmap(8, 2, 'rw', { fixed: true }), ...by('P1', store(8))];

export const UNPLUGS: Readonly<Record<string, Scenario>> = {
  'call-offline': {
    harm: 'deadlock',
    program: race({ cpus: 2 }, { setup: used, P0: [munmap(8, 2)], P1: [offline(1)] }),
  },
  'offline-unstopped': {
    harm: 'deadlock',
    program: race(
      { cpus: 3 },
      { setup: used, P0: [munmap(8, 2)], P1: [], K: { cpu: 2, kthread: true, ops: [offline(1)] } },
    ),
  },
  'replug-tlbstate': {
    harm: 'kernel-assert',
    program: race(
      { cpus: 2 },
      { setup: used, P0: [offline(1), online(1), post('back')], P1: [awaits('back'), move(1), load(8)] },
    ),
  },
  'lazy-offline': {
    harm: 'kernel-assert',
    program: race({ cpus: 2 }, { setup: used, P0: [offline(1)], P1: [] }),
  },
};
