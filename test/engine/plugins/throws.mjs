import { definePolicy } from '#tlblab/policy/policy.js';

export default definePolicy({
  name: 'throws',
  says: 'throws in a flush',
  base: 'mainline 6.18',
  *flushTlbMmRange() {
    throw new Error('out of ideas');
  },
});
