import { readFileSync } from 'node:fs';
import type { SettingDefinition } from './define.ts';
import { RETIRED, SETTINGS, type SettingName, type Settings } from './settings.ts';

/** Settings that cannot be used; the message names each variable, its value (never a secret's) and the cure. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `The settings cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}\nRun "npx the0-runtime settings" to see what each means.`,
    );
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

type Found = { name: string; value: string } | { problem: string } | undefined;

/** Reads all settings once. `environment` is usually `process.env`; `readFile` serves `NAME_FILE` secrets. */
export function loadSettings(
  environment: Environment,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(SETTINGS) as [SettingName, SettingDefinition][]) {
    const found = find(name, definition, environment, readFile);
    if (found !== undefined && 'problem' in found) {
      problems.push(found.problem);
      continue;
    }
    const parsed = definition.schema.safeParse(found?.value);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = definition.secret === true ? '(secret)' : JSON.stringify(found?.value);
      problems.push(
        `${found?.name ?? name}=${shown}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`,
      );
    }
  }
  problems.push(...contradictions(values));
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.freeze(values) as Settings;
}

/** What is set although it has no effect any more, with what replaces it: to be said once, in the log. */
export function retiredInUse(environment: Environment): { name: string; replacement: string }[] {
  return Object.entries(RETIRED)
    .filter(([name]) => (environment[name] ?? '') !== '')
    .map(([name, replacement]) => ({ name, replacement }));
}

function find(
  name: string,
  definition: SettingDefinition,
  environment: Environment,
  readFile: (path: string) => string,
): Found {
  for (const candidate of [name, ...(definition.aliases ?? [])]) {
    const value = environment[candidate];
    if (value !== undefined && value !== '') return { name: candidate, value };
    const path = definition.secret === true ? environment[`${candidate}_FILE`] : undefined;
    if (path === undefined || path === '') continue;
    try {
      return { name: candidate, value: readFile(path).trimEnd() };
    } catch (error) {
      return {
        problem: `${candidate}_FILE=${JSON.stringify(path)} cannot be read: ${(error as Error).message}`,
      };
    }
  }
  return undefined;
}

function contradictions(values: Partial<Settings>): string[] {
  const problems: string[] = [];
  const {
    BOT_MEMORY_LIMIT_MB: memory,
    BOT_MEMORY_CEILING_MB: memoryCeiling,
    BOT_CPU_LIMIT: cpu,
    BOT_CPU_CEILING: cpuCeiling,
  } = values;
  if (memory !== undefined && memoryCeiling !== undefined && memory > memoryCeiling)
    problems.push(
      `BOT_MEMORY_LIMIT_MB=${memory} is above BOT_MEMORY_CEILING_MB=${memoryCeiling}: raise the ceiling too`,
    );
  if (cpu !== undefined && cpuCeiling !== undefined && cpu > cpuCeiling)
    problems.push(`BOT_CPU_LIMIT=${cpu} is above BOT_CPU_CEILING=${cpuCeiling}: raise the ceiling too`);
  if (
    values.BACKOFF_FIRST !== undefined &&
    values.BACKOFF_MAX !== undefined &&
    values.BACKOFF_FIRST > values.BACKOFF_MAX
  )
    problems.push('BACKOFF_FIRST is above BACKOFF_MAX');
  const registry = [
    values.IMAGE_REGISTRY_SERVER,
    values.IMAGE_REGISTRY_USERNAME,
    values.IMAGE_REGISTRY_PASSWORD,
  ];
  if (registry.some((value) => value !== undefined) && registry.includes(undefined))
    problems.push(
      'IMAGE_REGISTRY_SERVER, IMAGE_REGISTRY_USERNAME and IMAGE_REGISTRY_PASSWORD belong together: set all three or none',
    );
  if ((values.CONTROL_TLS_CERT_FILE === undefined) !== (values.CONTROL_TLS_KEY_FILE === undefined))
    problems.push('CONTROL_TLS_CERT_FILE and CONTROL_TLS_KEY_FILE belong together: set both or neither');
  for (const name of ['NOTIFY_SECRET', 'NOTIFY_SECRET_PREVIOUS'] as const) {
    const length = values[name]?.length ?? Infinity;
    if (length < 16) problems.push(`${name} has ${length} characters: 16 or more are needed`);
  }
  if (values.NOTIFY_SECRET === undefined && values.NOTIFY_SECRET_PREVIOUS !== undefined)
    problems.push(
      'NOTIFY_SECRET_PREVIOUS is set, and NOTIFY_SECRET is not: set both, or NOTIFY_SECRET alone',
    );
  return problems;
}
