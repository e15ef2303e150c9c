/** The routines of `mm/` that move folios out of the way. */
import { compactFinished, compactNode, compactZone } from './compaction.ts';
import { isolateMigratepages, isolateMigratepagesBlock, mayMigrate } from './compaction-source.ts';
import {
  compactionAlloc,
  compactionFree,
  isolateFreepages,
  isolateFreepagesBlock,
  releaseFreeList,
} from './compaction-target.ts';
import { getNewFolio, migratePages, migratePagesSync, putNewFolio } from './migrate-pages.ts';
import { isolateFreePage, pageBuddy } from './page-alloc.ts';

export const compactionRoutines = {
  compactNode,
  compactZone,
  compactFinished,
  isolateMigratepages,
  isolateMigratepagesBlock,
  mayMigrate,
  isolateFreepages,
  isolateFreepagesBlock,
  isolateFreePage,
  pageBuddy,
  compactionAlloc,
  compactionFree,
  releaseFreeList,
  migratePages,
  migratePagesSync,
  getNewFolio,
  putNewFolio,
};
