import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from '../test/support/poll.ts';
import { appAssets } from './app-assets.ts';

/** Programs named so that this process has started, and that still run. */
const childrenCalled = (name: string): string[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        // PID (NAME) STATE PARENT …
        const [, called, state, parent] =
          /^\d+ \((.*)\) (\S) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        return called === name && state !== 'Z' && parent === String(process.pid);
      } catch {
        return false; // It has ended meanwhile.
      }
    });

it('is built for all who ask at once, and leaves no process behind', async () => {
  const asked = [appAssets(), appAssets()];
  await until(() => childrenCalled('esbuild').length > 0, { everyMs: 2, what: 'esbuild to be started' });
  expect(childrenCalled('esbuild')).toHaveLength(1);
  const [one, other] = await Promise.all(asked);
  expect(one?.files.size).toBeGreaterThan(2);
  expect(one?.html).toBe(other?.html);
  for (const name of one?.files.keys() ?? []) expect(name).toMatch(/^(app|early)-\w+\.(js|css)$/);
  await until(() => childrenCalled('esbuild').length === 0, { what: 'esbuild to end' });
  // Whoever comes later has it built anew.
  expect((await appAssets()).html).toBe(one?.html);
});
