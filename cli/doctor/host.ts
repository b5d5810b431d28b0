import type { Contradiction } from '../../infra/config/contradictions.ts';
import { retiredInUse, SettingsError, type Environment } from '../../infra/config/load.ts';
import { bad, ok, warn, type Check } from './check.ts';
import { reasonOf } from './probed.ts';

/** The sources are TypeScript that Node itself strips, with syntax of this version. */
const NEEDED_NODE = 24;

export function nodeCheck(version: string): Check {
  const major = Number(version.split('.')[0]);
  return major >= NEEDED_NODE
    ? ok('node', version)
    : bad(
        'node',
        `${version}, but ${NEEDED_NODE} is needed`,
        'run `npm install`: the package "node" brings it',
      );
}

/** What this is, and what it runs on. */
export function versionCheck(version: string, kernel: string): Check {
  return ok('the0-runtime', `${version}, on ${kernel}`);
}

/** What can be run with, but not as meant. */
export function contradictionChecks(contradictions: readonly Contradiction[]): Check[] {
  return contradictions.map(({ names, problem, cure }) =>
    warn('settings', `${names.join(', ')}: ${problem}`, cure),
  );
}

/** `origin`: how the servers were chosen. One line more for each name that has no effect any more. */
export function settingsChecks(environment: Environment, origin: string, installation: string): Check[] {
  return [
    ok('settings', `installation ${installation}, servers ${origin}`),
    ...retiredInUse(environment).map(({ name, replacement }) =>
      warn('settings', `${name} is set and has no effect`, `remove it: ${replacement}`),
    ),
  ];
}

/** Settings that cannot be used: one line per problem, and nothing else can be looked at. */
export function settingsFailures(error: unknown): Check[] {
  const problems = error instanceof SettingsError ? error.problems : [reasonOf(error)];
  return problems.map((problem) =>
    bad('settings', problem, 'see `npx the0-runtime settings`; nothing else was looked at'),
  );
}
