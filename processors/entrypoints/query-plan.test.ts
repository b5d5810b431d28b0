import { describe, expect, it } from 'vitest';
import { LaunchRefused } from './errors.ts';
import type { LaunchInput } from './plan.ts';
import { planQuery } from './query-plan.ts';

const input: LaunchInput = {
  botId: 'b1',
  botType: 'realtime',
  runtime: 'python3.11',
  entrypoints: { bot: 'main.py', query: './src/query.py' },
  codeFile: 'owner/x/1.0.0',
  config: { key: 'secret' },
};
const plan = (over: Partial<LaunchInput> = {}, single?: Parameters<typeof planQuery>[1]) =>
  planQuery({ ...input, ...over }, single);
const program = (over: Partial<LaunchInput>) => plan(over).command.slice(5);

describe('planQuery', () => {
  it('runs the query program as it is, and says where it serves', () => {
    const { command, env, entryFile, files, executablePaths } = plan();
    expect(command).toEqual([
      '/bin/sh',
      '/the0/run/launch.sh',
      '/the0/code',
      '/the0/run',
      '/bot',
      'python3',
      '/bot/src/query.py',
    ]);
    expect(env).toMatchObject({
      BOT_ID: 'b1',
      BOT_TYPE: 'realtime',
      IS_SCHEDULED: 'false',
      THE0_QUERY_PORT: '9476',
      SCRIPT_PATH: 'src/query.py',
      STATE_DIR: '/state/.the0-state',
      CODE_MOUNT_DIR: 'bot',
    });
    expect(env).not.toHaveProperty('QUERY_PATH');
    expect(JSON.stringify(env)).not.toContain('secret');
    expect(entryFile).toBe('src/query.py');
    expect(executablePaths).toEqual([]);
    expect(files.map(({ name }) => name).sort()).toEqual(['config.json', 'launch.sh', 'result.json']);
  });

  it.each([
    ['nodejs20', 'query.js', ['node', '--preserve-symlinks', '--preserve-symlinks-main', '/bot/query.js']],
    ['rust-stable', 'bin/query', ['/bot/bin/query']],
    ['scala3', 'bot.jar:Query', ['java', '-cp', '/bot/bot.jar', 'Query']],
    ['dotnet8', 'Query.dll', ['dotnet', '/bot/Query.dll']],
  ])('in %s', (runtime, query, expected) => {
    expect(program({ runtime, entrypoints: { bot: query, query } })).toEqual(expected);
  });

  it('hands over a single query in the environment, as strings', () => {
    const { env, files } = plan(
      {},
      { path: '/trades', params: { limit: 5, symbol: 'BTC', deep: { a: 1 }, 'a b': 'x', nul: 'a\0b' } },
    );
    expect(env).toMatchObject({
      QUERY_PATH: '/trades',
      QUERY_PARAM_limit: '5',
      QUERY_PARAM_symbol: 'BTC',
      QUERY_PARAM_deep: '{"a":1}',
      BOT_TYPE: 'scheduled',
    });
    expect(JSON.parse(env['QUERY_PARAMS'] ?? '')).toEqual({
      limit: '5',
      symbol: 'BTC',
      deep: '{"a":1}',
      'a b': 'x',
      nul: 'a\0b',
    });
    expect(env).not.toHaveProperty('QUERY_PARAM_a b');
    expect(env).not.toHaveProperty('QUERY_PARAM_nul');
    expect(env).not.toHaveProperty('THE0_QUERY_PORT');
    expect(files.find(({ name }) => name === 'query.json')).toMatchObject({ mode: 0o600, uid: 1000 });
  });

  it('refuses parameters that no environment can hold, and a bot without a query program', () => {
    const large = () => plan({}, { path: '/x', params: { x: 'y'.repeat(200_000) } });
    expect(large).toThrow(/more than 100 KB/);
    expect(large).toThrow(LaunchRefused);
    expect(() => plan({ entrypoints: { bot: 'main.py' } })).toThrow(/entrypoints.query is missing/);
    expect(() => plan({ entrypoints: { bot: 'main.py', query: '../x.py' } })).toThrow(LaunchRefused);
  });
});
