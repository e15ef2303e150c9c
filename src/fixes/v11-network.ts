/** What comes from a server, or from a device that others write to, is paid for. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';
import { atServer } from './of-both.ts';

export const v11Network = definePatch({
  name: 'v11-network',
  says: 'luf-v11: what reads from a server or a shared device, or asks a server whether its file has changed, flushes everything put off',
  source: 'findings/luf-v11-network-file.md',

  ...atServer(lufFlush),
});
