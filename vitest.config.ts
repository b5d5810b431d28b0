import { defineConfig } from 'vitest/config';

// What needs servers gets them from test/setup/global.ts, which vitest runs only for projects that have files to run:
// `npx vitest run --project unit` starts none.
const withServers = { globalSetup: ['test/setup/global.ts'], testTimeout: 30_000, hookTimeout: 60_000 };
const excluded = ['**/node_modules/**', '.data/**', 'test/browser/**'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...excluded, 'test/{integration,conformance,e2e,chaos}/**'],
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
    ],
  },
});
