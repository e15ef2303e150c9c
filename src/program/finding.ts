/** Findings as data: a program, the schedule that convicts it, and the verdict. Stored as `*.race.json`. */
import { z } from 'zod';
import { BadInput } from './bad-input.ts';
import { parseProgram } from './schema.ts';

/** Raised when a field changes its meaning; files of another number are refused. */
export const FINDING_SCHEMA = 1;

/** Where a schedule leaves one CPU for another: valid also when the model has changed. */
const Switch = z.object({
  /** CPU that acts from here on, and how (a path goes on, an interrupt is delivered, hardware acts, a tick, a store drains). */
  cpu: z.number().int().nonnegative(),
  does: z.enum(['run', 'deliver', 'adversary', 'tick', 'drain']),
  /** Number of the adversary's action; 0 otherwise. */
  argument: z.number().int().nonnegative(),
  /** It acts so until it stands at this point for the n-th time since the start. */
  until: z.object({ point: z.string(), visit: z.number().int().positive() }),
});

const Finding = z.object({
  schema: z.literal(FINDING_SCHEMA),
  tool: z.string(),
  /** Hash of the model's sources; the exact choices are valid for this model only. */
  model: z.string(),
  id: z.string(),
  policy: z.string(),
  patches: z.array(z.string()),
  seed: z.number().int(),
  strategy: z.string(),
  strict: z.boolean(),
  /** What the machine's memory was; sequentially consistent when left out. */
  memory: z.enum(['sc', 'tso']).optional(),
  harm: z.string(),
  /** One sentence: what was seen and what was expected. */
  invariant: z.string(),
  /** The flush that was owed, in words. */
  owed: z.string(),
  grade: z.enum(['causal', 'real-time', 'weak']),
  cpus: z.number().int().positive(),
  steps: z.number().int().positive(),
  shrunkFrom: z.object({ cpus: z.number(), steps: z.number(), operations: z.number() }),
  program: z.unknown(),
  choices: z.array(z.number().int()),
  switches: z.array(Switch),
  /** Image hash after every 64 steps and at the end. */
  hashes: z.array(z.string()),
  columns: z.string(),
});

export type ScheduleSwitch = z.infer<typeof Switch>;
export type Finding = Omit<z.infer<typeof Finding>, 'program'> & { program: ReturnType<typeof parseProgram> };

/**
 * A finding from the text of its file.
 * @throws BadInput with the place and what was expected there.
 */
export function parseFinding(text: string, where: string): Finding {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadInput({ what: (error as Error).message, where, expected: 'a *.race.json file' });
  }
  const parsed = Finding.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new BadInput({
      what: issue.message,
      where: `${where}: ${issue.path.join('.') || '(top)'}`,
      expected: `a finding of schema ${FINDING_SCHEMA}`,
    });
  }
  return { ...parsed.data, program: parseProgram(parsed.data.program, `${where}: program`) };
}
