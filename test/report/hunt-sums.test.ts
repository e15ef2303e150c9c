import { expect, it } from 'vitest';
import { added, NO_SUMS } from '#tlblab/report/hunt-sums.js';

it('says of two hunts what one of both lengths would say, the commonest windows first', () => {
  const window = (path: string, count: number, longestSteps: number) => ({ path, count, longestSteps });
  const before = { ...NO_SUMS, schedules: 2, windows: [window('munmap', 3, 9), window('fork', 2, 5)] };
  const after = { ...NO_SUMS, schedules: 3, windows: [window('reclaim', 4, 1), window('fork', 3, 7)] };
  const windows = [window('fork', 5, 7), window('reclaim', 4, 1), window('munmap', 3, 9)];
  expect(added(before, after)).toEqual({ ...NO_SUMS, schedules: 5, windows });
});
