/**
 * Another client's write is seen here once a page is read from the server, or must be once open or lock has returned: everything put
 * off is flushed there, whether or not a page of the file is cached.
 */
import { definePatch } from '../bugs/patch.ts';
import { isRemote } from '../kernel/fs/inode.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';

export const v11Network = definePatch({
  name: 'v11-network',
  says: 'luf-v11: what reads from a server, or asks it whether its file has changed, flushes everything put off',
  source: 'findings/luf-v11-network-file.md',

  *filemapReadFolio(cpu, file, index, folio) {
    if (isRemote(cpu, file)) yield* lufFlush(cpu);
    yield* MAINLINE.filemapReadFolio(cpu, file, index, folio);
  },
  *nfsRevalidateMapping(cpu, file) {
    const result = yield* MAINLINE.nfsRevalidateMapping(cpu, file);
    yield* lufFlush(cpu);
    return result;
  },
});
