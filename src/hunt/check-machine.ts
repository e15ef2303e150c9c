/** Programs whose machine cannot exist: found before a machine is built, in one line. */
import { compileProgram } from '../engine/compile.ts';
import { type Geometry, GeometryError, geometry } from '../hardware/geometry.ts';
import { SWITCHES_6_18 } from '../hardware/switches.ts';
import { oracleFits } from '../oracle/oracle.ts';
import { BadInput } from '../program/bad-input.ts';
import { checkProgram } from '../program/check.ts';
import type { Program } from '../program/program.ts';

/** @throws BadInput when no machine of this kind can be built. */
export function checkMachine(program: Program, where: string): void {
  const { machine } = program;
  for (const [key, value] of Object.entries(machine.switches ?? {})) {
    const known = (SWITCHES_6_18 as unknown as Record<string, unknown>)[key];
    if (known === undefined) {
      const expected = Object.keys(SWITCHES_6_18).join(', ');
      throw new BadInput({ what: 'no such switch', where: `${where}: switch ${key}`, expected });
    }
    if (typeof value !== typeof known) {
      throw new BadInput({ what: String(value), where: `${where}: switch ${key}`, expected: `a ${typeof known}` });
    }
  }
  try {
    const sizes = geometry(machine.geometry ?? 'tiny', { ...machine.override, cpus: machine.cpus });
    checkProgram(program, { pages: sizes.pages, filePages: sizes.filePages }, (path) => `${where}: ${path}`);
    compileProgram(program, sizes);
    if (!oracleFits(sizes)) {
      const pages = `${sizes.mms} address spaces of ${sizes.pages} pages`;
      throw new BadInput({
        what: pages,
        where,
        expected: 'a machine small enough for the oracle: geometry tiny or small',
      });
    }
    const mms = 1 + Math.max(...program.tasks.map((t) => t.mm ?? 0));
    const need = { tasks: program.tasks.length, mms, files: program.files?.length ?? 0 };
    for (const key of ['tasks', 'mms', 'files'] as const) {
      if (need[key] > sizes[key]) {
        throw new GeometryError(
          `geometry parameter ${key} = ${sizes[key]}: expected at least ${need[key]}, which the program needs`,
        );
      }
    }
    checkRoots(sizes, mms);
  } catch (error) {
    if (!(error instanceof GeometryError || error instanceof RangeError)) throw error;
    const [what, expected] = error.message.split(': expected ');
    throw new BadInput({ what, where, expected: expected ?? 'a smaller program' });
  }
}

/** Frame 0 and the zero page, which is the last frame, are nobody's. */
function checkRoots({ nodes, frames, fastFrames }: Geometry, mms: number): void {
  const [name, size, spared] = nodes > 1 ? ['fastFrames', fastFrames, 1] : ['frames', frames, 2];
  const least = mms + 1 + spared;
  if (size < least) {
    throw new GeometryError(`geometry parameter ${name} = ${size}: expected at least ${least}, for the root tables`);
  }
}

/** Not if it awaits what nobody posts any more, wakes a task that is gone, or has a machine that cannot be built. */
export function makesSense(program: Program): boolean {
  try {
    checkMachine(program, program.name);
    return true;
  } catch (error) {
    if (error instanceof BadInput) return false;
    throw error;
  }
}
