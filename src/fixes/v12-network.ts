/** What comes from a server, or from a device that others write to, is paid for, as with v11. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlushMapping } from '../policy/luf12-flush.ts';
import { atServer } from './of-both.ts';

export const v12Network = definePatch({
  name: 'v12-network',
  says: 'luf-v12: what reads from a server or a shared device, or asks a server whether its file has changed, flushes the mapping',
  source: 'findings/luf-v12-flag-network-file.md',

  ...atServer(lufFlushMapping),
});
