/**
 * Another client's write is seen here once a page is read from the server, or must be once open or lock has returned: the mapping is
 * flushed there, whether or not a page of the file is cached.
 */
import { definePatch } from '../bugs/patch.ts';
import { isRemote } from '../kernel/fs/inode.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { lufFlushMapping } from '../policy/luf12-flush.ts';

export const v12Network = definePatch({
  name: 'v12-network',
  says: 'luf-v12: what reads from a server, or asks it whether its file has changed, flushes the mapping',
  source: 'findings/luf-v12-flag-network-file.md',

  *filemapReadFolio(cpu, file, index, folio) {
    if (isRemote(cpu, file)) yield* lufFlushMapping(cpu, file);
    yield* MAINLINE.filemapReadFolio(cpu, file, index, folio);
  },
  *nfsRevalidateMapping(cpu, file) {
    const result = yield* MAINLINE.nfsRevalidateMapping(cpu, file);
    yield* lufFlushMapping(cpu, file);
    return result;
  },
});
