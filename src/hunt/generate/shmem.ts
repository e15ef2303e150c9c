/** Shared anonymous memory in generated programs: each mapping takes a file without a name, of which the machine has few. */
import type { FileSpec, MachineSpec, Op } from '../../program/program.ts';
import type { Draw } from './draw.ts';

/** What is written so far. */
interface Written {
  readonly files: readonly FileSpec[];
  readonly history: readonly { readonly op: Op }[];
  readonly cast: { readonly players: readonly { readonly ops: readonly Op[] }[] };
}

/** Most programs get what they map, some too little. */
const SPARE = [1, 2, 4, 8];

/** The machine with files that have no name, if the program maps such. */
export function withNamelessFiles(draw: Draw, machine: MachineSpec, { files, history, cast }: Written): MachineSpec {
  const ops = [...history.map(({ op }) => op), ...cast.players.flatMap((p) => p.ops)];
  if (!ops.some((op) => op.do === 'mmap' && op.shared && op.file === undefined)) return machine;
  return { ...machine, override: { ...machine.override, files: files.length + draw.pick(SPARE) } };
}
