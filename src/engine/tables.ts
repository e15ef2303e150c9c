/** The words of running programs: where each task stands, its registers, and the flags that tasks pass to each other. */
import type { Geometry } from '../hardware/geometry.ts';
import type { TaskId } from '../kernel/types.ts';
import { table } from '../memory/table.ts';

const mine = { private: 'task' } as const;

export const REGISTERS = 16;

/** User state of a task; rows as in the kernel's task table. */
export const USER = table<TaskId, Geometry>()('user', (g) => g.cpus + g.tasks, {
  /** Operations of the present round that have begun. */
  pc: mine,
  /** 1: the last one begun is one that the task can leave in its midst, and would begin anew elsewhere. */
  anew: mine,
  round: mine,
  /** Stores done, to give each a value of its own. */
  stores: mine,
  register: { owner: mine, width: () => REGISTERS },
  /** 1 when the program of the task has ended. */
  done: mine,
});

/** Words that belong to the program as a whole. */
export const SHARED_USER = table<number, Geometry>()('program', () => 1, {
  /** Index of the operation of the history that comes next. */
  turn: 'shared',
  /** User-level flags: `post` sets, `await` waits. They stand for synchronisation that is not under test. */
  flag: { owner: 'shared', width: (g) => g.flags },
});

export const ENGINE_TABLES = { user: USER, program: SHARED_USER } as const;
