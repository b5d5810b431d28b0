import { EXIT, type ExitCode } from '../errors.ts';

/** The parts of the table, in its order. */
export const GROUPS = [
  'This machine',
  'Settings',
  'Servers',
  'Notifications',
  'Engine',
  'Network of bots',
  'Limits for 1,000 containers',
  'Images',
  'Containers',
] as const;
export type Group = (typeof GROUPS)[number];

export const STATUSES = ['ok', 'warn', 'bad'] as const;
export type Status = (typeof STATUSES)[number];

/** One line of the table. `warn`: it works, less well than it should or less well guarded; `bad`: bots do not run as promised. */
export type Check = {
  name: string;
  status: Status;
  detail: string;
  /** What to do about it; absent only where all is well. */
  cure?: string;
  /** The part of the table that it stands in. */
  group?: Group;
  /** A server did not answer, as opposed to one that answers and is not as it should be. */
  unreachable?: true;
};

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });
export const warn = (name: string, detail: string, cure: string): Check => ({
  name,
  status: 'warn',
  detail,
  cure,
});
export const bad = (name: string, detail: string, cure: string): Check => ({
  name,
  status: 'bad',
  detail,
  cure,
});
export const away = (name: string, detail: string, cure: string): Check => ({
  ...bad(name, detail, cure),
  unreachable: true,
});

export const inGroup = (group: Group, checks: readonly Check[]): Check[] =>
  checks.map((check) => ({ ...check, group }));

export function worstOf(checks: readonly Check[]): Status {
  return STATUSES.findLast((status) => checks.some((check) => check.status === status)) ?? 'ok';
}

/** 0: nothing is bad; 4: a server cannot be reached; 1: something else is bad. */
export function exitCodeOf(checks: readonly Check[]): ExitCode {
  if (worstOf(checks) !== 'bad') return EXIT.ok;
  return checks.some((check) => check.unreachable === true) ? EXIT.unreachable : EXIT.failure;
}
