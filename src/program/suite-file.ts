/** The JSON form in which litmus suites of x86 memory transistency come. What it does not name is ignored. */
import { z } from 'zod';
import { MAX_EVENTS, MAX_THREADS } from './suite-program.ts';

const name = z.string().min(1);
const number = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);
const eventId = z.string().regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)$/, 'the name of an event, thread.index');
const flags = z.array(z.string()).optional();
const verdict = z.enum(['forbidden', 'permitted']);

const event = z.discriminatedUnion('op', [
  z.object({ op: z.literal('R'), va: name, reads: number.optional(), rmw_with: eventId.optional(), flags }),
  z.object({ op: z.literal('W'), va: name, val: number, flags }),
  z.object({ op: z.literal('WPTE'), va: name, pa: name }),
  z.object({ op: z.literal('INVLPG'), va: name, for: eventId.optional() }),
  z.object({ op: z.literal('MFENCE') }),
]);
export type FileEvent = z.infer<typeof event>;
export const EVENTS = event.options.map((o) => o.shape.op.value);

const threads = z.array(z.array(event).max(MAX_EVENTS)).min(1).max(MAX_THREADS);
const init = z.object({ map: z.record(name, name), mem: z.record(name, number) });
export type FileInit = z.infer<typeof init>;

const outcome = z.object({ reads: z.record(eventId, number), mem: z.record(name, number), map: z.record(name, name) });
const table = z.object({ threads, init, permitted: z.array(outcome), forbidden: z.array(outcome) });
export type FileTable = z.infer<typeof table>;

/** An event, or what hardware does for it: `ptw@` its walk, `dirty@` its setting of D. */
const place = z
  .string()
  .regex(/^((ptw|dirty)@)?(0|[1-9]\d*)\.(0|[1-9]\d*)$/, 'an event, thread.index, or ptw@ or dirty@ before one');
const pairs = z.array(z.tuple([place, place])).default([]);
const shape = z.object({
  id: name,
  verdict: verdict.optional(),
  threads: z
    .array(
      z
        .array(z.object({ op: z.enum(['R', 'W', 'WPTE', 'INVLPG', 'MFENCE']), for: eventId.optional() }))
        .max(MAX_EVENTS),
    )
    .max(MAX_THREADS)
    .default([]),
  same_pa: pairs,
  diff_pa: pairs,
  same_va: pairs,
  counts: z.record(z.string(), z.string()).default({}),
  outcomes: z.array(table).optional(),
});
export type FileShape = z.infer<typeof shape>;

export const suiteFile = z.object({
  handwritten: z.array(shape).optional(),
  tables: z.array(table.extend({ id: name })).optional(),
  tso: z
    .array(
      z.object({
        id: name,
        verdict: z.enum([...verdict.options, 'required']),
        threads,
        alternatives: z.int().min(1).optional(),
      }),
    )
    .optional(),
  synthesized: z
    .array(
      z.object({
        id: name,
        user_visible: z.boolean().nullable(),
        threads,
        init,
        outcome: z.object({
          reads: z.record(eventId, number),
          mem: z.record(name, number),
          pte: z.record(name, z.object({ pa: name })),
        }),
      }),
    )
    .optional(),
});
