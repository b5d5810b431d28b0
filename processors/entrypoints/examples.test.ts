import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planLaunch } from './plan.ts';
import { type Ended, printed, startBot } from './testing/harness.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const NAMES = readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

type Definition = {
  name: string;
  version: string;
  type: 'realtime' | 'scheduled';
  runtime: string;
  entrypoints: { bot: string };
  schema: { bot: string };
  readme: string;
};

/** What the runtime reads of a scheduled bot's instance. */
const OF_SCHEDULES = ['schedule', 'timezone', 'misfire', 'overlap', 'timeout'];

const read = (...parts: string[]): string => readFileSync(path.join(EXAMPLES, ...parts), 'utf8');
const definitionOf = (name: string): Definition => parse(read(name, 'bot-config.yaml')) as Definition;
const instanceOf = (name: string): Record<string, unknown> =>
  JSON.parse(read(name, 'config.json')) as Record<string, unknown>;

/** What an archive of the folder would hold: everything that is not hidden. */
function codeOf(name: string): Record<string, Buffer> {
  const root = path.join(EXAMPLES, name);
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  const visible = paths.filter(
    (file) => !file.split('/').some((part) => part.startsWith('.') || part === '__pycache__'),
  );
  return Object.fromEntries(visible.map((file) => [file, readFileSync(path.join(root, file))]));
}

describe.each(NAMES)('example %s', (name) => {
  it('is what the platform accepts', () => {
    const definition = definitionOf(name);
    const instance = instanceOf(name);
    expect(definition).toMatchObject({
      name,
      type: expect.stringMatching(/^(realtime|scheduled)$/) as string,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    });
    expect(instance).toMatchObject({ type: `${definition.type}/${name}`, version: definition.version });
    expect(read(name, definition.readme).length).toBeGreaterThan(50);
    const { properties } = JSON.parse(read(name, definition.schema.bot)) as {
      properties: Record<string, unknown>;
    };
    const platformKeys = [
      'name',
      'type',
      'version',
      ...(definition.type === 'scheduled' ? OF_SCHEDULES : []),
    ];
    expect(Object.keys(properties).sort()).toEqual(
      Object.keys(instance)
        .filter((key) => !platformKeys.includes(key))
        .sort(),
    );
    expect(() =>
      planLaunch({
        botId: 'b',
        botType: definition.type,
        ...definition,
        codeFile: `o/${name}/1.0.0`,
        config: instance,
      }),
    ).not.toThrow();
  });
});

/** Runs an example until it has printed that many metrics, stops it, and returns what it left. */
async function runExample(
  name: string,
  config: Record<string, unknown>,
  metrics: number,
  state: Record<string, string> = {},
) {
  const { runtime, entrypoints } = definitionOf(name);
  await using running = await startBot({
    runtime,
    entry: entrypoints.bot,
    code: codeOf(name),
    mode: 0o755,
    config: { ...instanceOf(name), ...config },
    state,
  });
  await printed(running, '"_metric"', metrics);
  running.kill('SIGTERM');
  const ended = await running.ended;
  const stateDir = running.at('/state/.the0-state');
  return {
    ended,
    state: Object.fromEntries(
      readdirSync(stateDir).map((file) => [file, readFileSync(path.join(stateDir, file), 'utf8')]),
    ),
  };
}

/** Every line is a JSON object with the fields that the platform’s SDKs write. */
function expectPlatformLines({ stdout, stderr }: Ended): void {
  const json = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  for (const line of json(stdout))
    expect(line).toMatchObject({
      _metric: expect.any(String) as string,
      timestamp: expect.anything() as unknown,
    });
  const own = stderr
    .split('\n')
    .filter((line) => !line.startsWith('SIGNAL: '))
    .join('\n');
  for (const line of json(own))
    expect(line).toMatchObject({
      level: expect.any(String) as string,
      message: expect.any(String) as string,
    });
}

const RUNNABLE = [
  ['python-momentum', { interval_seconds: 0.01, window: 3, threshold: 0.05 }, 'position.json', 'ticks'],
  ['node-price-alerts', { update_interval_ms: 10 }, 'alerts.json', 'ticks'],
  ['cpp-heartbeat', { interval_ms: 10 }, 'beats.json', 'beats'],
] as const;

describe('an example that runs', () => {
  it.each(RUNNABLE)(
    '%s: prints metrics, ends at SIGTERM with 0, and goes on where it was',
    async (name, config, file, counter) => {
      if (name === 'cpp-heartbeat' && !built()) return;
      const first = await runExample(name, config, 5);
      expect(first.ended).toMatchObject({ code: 0, signal: null });
      expectPlatformLines(first.ended);
      expect(Object.keys(first.state)).toEqual([file]);
      const count = (state: Record<string, string>) =>
        (JSON.parse(state[file] ?? '{}') as Record<string, number>)[counter] ?? 0;
      expect(count(first.state)).toBeGreaterThan(1);

      const second = await runExample(name, config, 5, first.state);
      expect(second.ended.code).toBe(0);
      expect(count(second.state)).toBeGreaterThan(count(first.state) + 1);
    },
  );
});

it('an example that is scheduled ends by itself, leaves its result, and goes on where its last run was', async () => {
  const name = 'python-rebalance';
  const runOnce = async (state: Record<string, string>) => {
    await using running = await startBot({
      runtime: 'python3.11',
      entry: 'main.py',
      code: codeOf(name),
      mode: 0o755,
      config: instanceOf(name),
      state,
    });
    const ended = await running.ended;
    const file = running.at('/state/.the0-state/portfolio.json');
    return { ended, portfolio: readFileSync(file, 'utf8') };
  };
  const first = await runOnce({});
  expect(first.ended).toMatchObject({
    code: 0,
    signal: null,
    result: { status: 'success', message: '3 trades' },
  });
  expectPlatformLines(first.ended);
  const second = await runOnce({ 'portfolio.json': first.portfolio });
  expect(second.ended.code).toBe(0);
  expect(JSON.parse(second.portfolio)).toMatchObject({ runs: 2 });
});

/** True once the program is there; where no compiler is, the script must have said so. */
function built(): boolean {
  const build = spawnSync(path.join(EXAMPLES, 'cpp-heartbeat', 'build.sh'), { encoding: 'utf8' });
  if (build.status === 0) return true;
  expect(build).toMatchObject({ status: 3, stderr: expect.stringContaining('there is no') as string });
  return false;
}
