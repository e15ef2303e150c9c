/** A historical bug or an ablation, as a change of the kernel. */
import type { Patch } from '../policy/policy.ts';
import { asksRcuOf, DefinitionError, isReplacement, type ReplacementSpec, replacement } from '../policy/replacement.ts';

export type { Patch };

export type PatchSpec = ReplacementSpec & { year?: number; source: string };

/**
 * Defines a patch: `definePatch({ name, says, year, source, *flushTlbFunc(cpu, initiator) { … } })`.
 * @throws DefinitionError, one clear line.
 */
export function definePatch(spec: PatchSpec): Patch {
  const common = replacement('patch', spec, ['year', 'source']);
  const { year, source } = spec;
  if (year !== undefined && !Number.isInteger(year)) {
    throw new DefinitionError(`patch "${common.name}": year: expected an integer`);
  }
  if (typeof source !== 'string' || source === '') {
    throw new DefinitionError(`patch "${common.name}": source: expected where the mistake is told`);
  }
  const asksRcu = asksRcuOf(`patch "${common.name}"`, spec.asksRcu, common.routines);
  return { ...common, asksRcu, year, source };
}

/**
 * The patch that a plug-in file exports; `where` names the file. An object that was not passed through `definePatch` is.
 * @throws DefinitionError if it is none
 */
export function requirePatch(value: unknown, where: string): Patch {
  if (isReplacement(value)) {
    if (typeof (value as Patch).source === 'string') return value as Patch;
    throw new DefinitionError(`${where}: expected a patch made with definePatch, not a policy`);
  }
  return definePatch(value as PatchSpec);
}
