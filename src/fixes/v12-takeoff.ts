/**
 * A handler that allocates runs on the counts of the task that it has interrupted. A count of its own around its brackets keeps
 * their end from flushing what their start forbade; what the task has folded stays for the task.
 */
import { definePatch } from '../bugs/patch.ts';
import { irqsOff } from '../hardware/apic.ts';
import { LUF12_FLUSH_POINTS } from '../policy/luf-v12.ts';
import { LUF12_TASK } from '../policy/luf12-tables.ts';

export const v12Takeoff = definePatch({
  name: 'v12-takeoff',
  says: 'luf-v12: an allocation with interrupts off ends its takeoff without a flush, whatever the task below it owes',
  source: 'findings/luf-v12-takeoff-interrupted.md',

  *rmqueue(cpu, node, mark) {
    const { allocate } = LUF12_FLUSH_POINTS;
    if (!irqsOff(cpu)) return yield* allocate.rmqueue(cpu, node, mark);
    const { lufNoShootdown } = cpu.wordsOf(LUF12_TASK);
    lufNoShootdown.put(cpu.current, lufNoShootdown.own(cpu.current) + 1);
    const pfn = yield* allocate.rmqueue(cpu, node, mark);
    lufNoShootdown.put(cpu.current, lufNoShootdown.own(cpu.current) - 1);
    return pfn;
  },
});
