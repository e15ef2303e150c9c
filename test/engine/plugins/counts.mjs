import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { definePolicy } from '#tlblab/policy/policy.js';

export default definePolicy({
  name: 'counts',
  says: 'mainline, and each munmap wakes a thread that counts a promotion',
  base: 'mainline 6.18',
  threads: {
    counter: {
      says: 'counts a promotion',
      *run(cpu) {
        cpu.count(cpu.kcount.promoted);
      },
    },
  },
  *sysMunmap(cpu, start, pages) {
    const result = yield* MAINLINE.sysMunmap(cpu, start, pages);
    yield* cpu.kernel.wakeUpKthread(cpu, 0);
    return result;
  },
});
