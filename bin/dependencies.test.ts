import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

type LockedPackage = { optionalDependencies?: Record<string, string> };

it('the lock names every optional package of every system, or "npm ci" refuses it in a fresh clone', () => {
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(missing, 'run: node bin/complete-lock.mjs').toEqual([]);
});
