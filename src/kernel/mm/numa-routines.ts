/** The routines of `mm/` that find out which node a page belongs on. */
import {
  doNumaPage,
  migrateMisplacedFolio,
  migrateMisplacedFolioPrepare,
  numaRebuildSingleMapping,
  numaStays,
} from './numa-fault.ts';
import { changeProtNuma, protNumaSkip, taskNumaWork } from './numa-scan.ts';

export const numaRoutines = {
  taskNumaWork,
  changeProtNuma,
  protNumaSkip,
  doNumaPage,
  numaStays,
  numaRebuildSingleMapping,
  migrateMisplacedFolioPrepare,
  migrateMisplacedFolio,
};
