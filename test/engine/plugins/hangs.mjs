import { definePolicy } from '#tlblab/policy/policy.js';

export default definePolicy({
  name: 'hangs',
  says: 'never comes back from a flush, and passes no point',
  base: 'mainline 6.18',
  *flushTlbMmRange() {
    for (;;);
  },
});
