import { defineConfig } from 'vitest/config';

export default defineConfig({
  // the limits only bound a test that hangs; no test is timed. The files of a worker share their modules, whose import takes longer
  // than most tests do: what a test changes of them it changes back
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
  },
});
