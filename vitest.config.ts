import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// What needs servers gets them from test/setup/global.ts, which vitest runs only for projects that have files to run:
// `npx vitest run --project unit` starts none.
const withServers = { globalSetup: ['test/setup/global.ts'], testTimeout: 60_000, hookTimeout: 60_000 };
const excluded = ['**/node_modules/**', '.data/**'];

export default defineConfig({
  test: {
    // Most tests wait for servers: one file at a time, vitest's choice for two cores, leaves them idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...excluded, 'test/{integration,conformance,e2e,chaos,browser}/**'],
          // Some start programs, or wait by `until`, which has its own patience: what must be quick says so itself.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...withServers,
          name: 'integration',
          include: ['test/{integration,conformance}/**/*.test.ts'],
          exclude: excluded,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...withServers,
          name: 'e2e',
          include: ['test/{e2e,chaos}/**/*.test.ts'],
          exclude: excluded,
          // Each of these files wants the machine, and the engine, for itself.
          fileParallelism: false,
          testTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...withServers,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: excluded,
          // A browser on a machine that has other things to do is slow, and is waited for.
          fileParallelism: false,
          testTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
