/** What calls on mapped files become: one operation per page that is read or written. */
import type { Op } from '../program/program.ts';
import type { FileUse } from './file-survey.ts';
import type { ReplayedFile } from './replayed-file.ts';
import type { FileRange } from './traced-thread.ts';

/** Every page there is, for what concerns a file as a whole. */
const ALL = Number.MAX_SAFE_INTEGER;

export function fileEffect(
  uses: readonly FileUse[],
  fileOf: (use: FileUse) => ReplayedFile,
  cached: (file: ReplayedFile, page: number) => void,
): { ops: Op[]; files: FileRange[] } {
  const ops: Op[] = [];
  const files: FileRange[] = [];
  for (const use of uses) {
    const file = fileOf(use);
    if (use.do === 'read' || use.do === 'write') {
      const { page: first, pages } = use;
      const end = first + pages;
      files.push({ file, from: first, to: end, looks: use.do === 'read' });
      file.used.set(first, end, true);
      for (let page = first; page < end; page++) {
        cached(file, page);
        ops.push({ do: use.do, file: file.key, page });
      }
      if (use.do === 'write') file.pages = Math.max(file.pages, end);
    } else if (use.do === 'truncate') {
      files.push({ file, from: Math.min(use.pages, file.pages), to: ALL });
      ops.push({ do: 'truncate', file: file.key, pages: use.pages });
      file.pages = use.pages;
    } else if (use.do === 'fsync') {
      files.push({ file, from: 0, to: ALL, looks: true });
      ops.push({ do: 'fsync', file: file.key });
    }
  }
  return { ops, files };
}
