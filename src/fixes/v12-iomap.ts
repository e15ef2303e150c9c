/** A write that does not go by way of write_begin flushes as one that does. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlushMapping } from '../policy/luf12-flush.ts';
import { atIomap } from './of-both.ts';

export const v12Iomap = definePatch({
  name: 'v12-iomap',
  says: 'luf-v12: write(2) by iomap flushes the mapping before it changes the page',
  source: 'findings/luf-v12-flag-iomap-write.md',

  ...atIomap(lufFlushMapping),
});
