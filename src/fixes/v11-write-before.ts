/**
 * The flush at the end of write(2) comes too late for whoever is told of the new content by somebody that has read it. Here
 * everything put off is flushed once the folio is found and locked and before it is written to, as in v12; where the file system writes
 * by iomap, too.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';
import { atIomap } from './of-both.ts';

export const v11WriteBefore = definePatch({
  name: 'v11-write-before',
  says: 'luf-v11: write(2) flushes everything put off before it changes the page',
  source: 'findings/luf-v11-write-in-flight.md',

  *mappingWriteBegin(cpu, file, index) {
    const folio = yield* MAINLINE.mappingWriteBegin(cpu, file, index);
    if (folio !== NO_PAGE) yield* lufFlush(cpu);
    return folio;
  },
  ...atIomap(lufFlush),
});
