import { point } from '#tlblab/memory/point.js';
import { definePolicy } from '#tlblab/policy/policy.js';

const WAITS = point('waits: for a generation that nobody raises');

export default definePolicy({
  name: 'waits',
  says: 'waits in a flush for what never happens',
  base: 'mainline 6.18',
  *flushTlbMmRange(cpu, mm) {
    const word = cpu.mm.tlbGen.at(mm);
    for (;;) yield cpu.waitWhile(WAITS, word, cpu.mem.load(word));
  },
});
