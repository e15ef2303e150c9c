import { definePolicy } from '#tlblab/policy/policy.js';

export default definePolicy({
  name: 'asserts',
  says: 'finds the kernel in a state that it must not be in',
  base: 'mainline 6.18',
  *flushTlbMmRange(cpu) {
    cpu.bug('a flush was asked for');
  },
});
