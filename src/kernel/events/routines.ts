/** The routines of `events/`. */
import { origPageIsIdentical, uprobeWriteOpcode, uprobeWritePte, verifyOpcode } from './uprobe-write.ts';
import {
  buildMapInfo,
  copyInsn,
  registerForEachVma,
  uprobeRegister,
  uprobeUnregister,
  uprobeUnregisterNosync,
} from './uprobes.ts';

export const eventRoutines = {
  uprobeRegister,
  copyInsn,
  uprobeUnregister,
  uprobeUnregisterNosync,
  registerForEachVma,
  buildMapInfo,
  uprobeWriteOpcode,
  uprobeWritePte,
  verifyOpcode,
  origPageIsIdentical,
};
