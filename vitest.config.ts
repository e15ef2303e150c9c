import { defineConfig } from 'vitest/config';

export default defineConfig({
  // the limits only bound a test that hangs; no test is timed
  test: { include: ['test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, pool: 'forks', maxWorkers: 2 },
});
