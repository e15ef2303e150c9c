import { definePolicy } from '#tlblab/policy/policy.js';

export default definePolicy({
  name: 'exits',
  says: 'ends its thread in a flush',
  base: 'mainline 6.18',
  *flushTlbMmRange() {
    process.exit(3);
  },
});
