import { describe, expect, it } from 'vitest';
import { LaunchRefused } from './errors.ts';
import { RUNTIME_IDS, runtimeOf } from './index.ts';
import { type LaunchInput, planLaunch } from './plan.ts';

const input = (over: Partial<LaunchInput> = {}): LaunchInput => ({
  botId: 'bot-1',
  botType: 'realtime',
  runtime: 'python3.11',
  entrypoints: { bot: 'main.py' },
  codeFile: 'owner/bot/1.0.0',
  config: { symbol: 'BTC' },
  ...over,
});

function refusal(over: Partial<LaunchInput>): LaunchRefused {
  try {
    planLaunch(input(over));
  } catch (error) {
    if (error instanceof LaunchRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('planLaunch', () => {
  it('knows the contract’s seven runtimes and the alias', () => {
    expect([...RUNTIME_IDS].sort()).toEqual(
      ['cpp-gcc13', 'dotnet8', 'gcc13', 'ghc96', 'nodejs20', 'python3.11', 'rust-stable', 'scala3'].sort(),
    );
    expect(runtimeOf('cpp-gcc13')).toBe(runtimeOf('gcc13'));
  });

  it.each([
    ['python3.11', 'main.py', ['python3', '/the0/run/launch.py'], [], [], 'main.py'],
    [
      'nodejs20',
      'src/main.js',
      ['node', '--preserve-symlinks', '/the0/run/launch.cjs'],
      [],
      [],
      'src/main.js',
    ],
    [
      'rust-stable',
      'target/release/bot',
      ['/bin/sh', '/the0/run/launch.sh'],
      ['/bot/target/release/bot'],
      ['target/release/bot'],
      'target/release/bot',
    ],
    [
      'gcc13',
      './build/bot',
      ['/bin/sh', '/the0/run/launch.sh'],
      ['/bot/build/bot'],
      ['build/bot'],
      'build/bot',
    ],
    ['cpp-gcc13', 'bot', ['/bin/sh', '/the0/run/launch.sh'], ['/bot/bot'], ['bot'], 'bot'],
    ['ghc96', 'bin/bot', ['/bin/sh', '/the0/run/launch.sh'], ['/bot/bin/bot'], ['bin/bot'], 'bin/bot'],
    [
      'scala3',
      'target/bot.jar',
      ['/bin/sh', '/the0/run/launch.sh'],
      ['java', '-jar', '/bot/target/bot.jar'],
      [],
      'target/bot.jar',
    ],
    [
      'scala3',
      'bot.jar:my.app.Main',
      ['/bin/sh', '/the0/run/launch.sh'],
      ['java', '-cp', '/bot/bot.jar', 'my.app.Main'],
      [],
      'bot.jar',
    ],
    [
      'dotnet8',
      'publish/Bot.dll',
      ['/bin/sh', '/the0/run/launch.sh'],
      ['dotnet', '/bot/publish/Bot.dll'],
      [],
      'publish/Bot.dll',
    ],
  ])('starts %s %s', (runtime, bot, launcher, program, executablePaths, entryFile) => {
    const plan = planLaunch(input({ runtime, entrypoints: { bot } }));
    expect(plan.command).toEqual([...launcher, '/the0/code', '/the0/run', '/bot', ...program]);
    expect(plan).toMatchObject({ workingDir: '/bot', executablePaths, entryFile });
  });

  it('gives the container the contract’s environment, and nothing else', () => {
    const { env } = planLaunch(input({ entrypoints: { bot: 'main.py', query: 'query.py' } }));
    expect(env).toEqual({
      BOT_ID: 'bot-1',
      ID: 'bot-1',
      BOT_TYPE: 'realtime',
      IS_SCHEDULED: 'false',
      RUNTIME: 'python3.11',
      CODE_FILE: 'owner/bot/1.0.0',
      ENTRYPOINT: 'main.py',
      ENTRYPOINT_TYPE: 'bot',
      SCRIPT_PATH: 'main.py',
      QUERY_ENTRYPOINT: 'query.py',
      CODE_MOUNT_DIR: 'bot',
      CODE_PATH: '/bot',
      STATE_PATH: '/state',
      STATE_DIR: '/state/.the0-state',
      LOGS_PATH: '/var/the0/logs',
      HOME: '/tmp',
      PYTHONPATH: '/bot/vendor:/bot',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      PYTHONFAULTHANDLER: '1',
    });
  });

  it('tells a scheduled bot that it is one', () => {
    expect(planLaunch(input({ botType: 'scheduled' })).env).toMatchObject({
      BOT_TYPE: 'scheduled',
      IS_SCHEDULED: 'true',
    });
  });

  it('hands over the configuration in a file that the bot’s user alone reads', () => {
    const { files } = planLaunch(input());
    expect(files.map(({ name, mode, uid }) => [name, mode, uid])).toEqual([
      ['config.json', 0o400, 1000],
      ['result.json', 0o600, 1000],
      ['launch.py', 0o555, 0],
    ]);
    expect(files[0]?.content.toString()).toBe('{"symbol":"BTC"}');
    expect(files[1]?.content).toHaveLength(0);
  });

  it('wants the query’s program executable too', () => {
    const plan = planLaunch(input({ runtime: 'gcc13', entrypoints: { bot: 'bot', query: 'query' } }));
    expect(plan.executablePaths).toEqual(['bot', 'query']);
  });

  it.each([undefined, null, '', 'python2', 'PYTHON3.11', '__proto__', 7, {}])(
    'refuses runtime %j',
    (runtime) => {
      const error = refusal({ runtime });
      expect(error).toMatchObject({
        code: 'unknown_runtime',
        retryable: false,
        field: 'custom.config.runtime',
      });
      expect(error.message).toContain('use one of python3.11, nodejs20');
    },
  );

  it.each([undefined, null, '', {}, { bot: '' }, { query: 'query.py' }, 'main.py', []])(
    'refuses entry points %j',
    (entrypoints) => {
      expect(refusal({ entrypoints })).toMatchObject({
        code: 'missing_entry_point',
        field: 'custom.config.entrypoints.bot',
      });
    },
  );

  it.each([
    ['/etc/passwd', 'absolute'],
    ['../main.py', '".."'],
    ['src/../../main.py', '".."'],
    ['src\\main.py', 'backslash'],
    ['main.py\0', 'control character'],
    ['main.py\nINFO forged', 'control character'],
    ['src/', 'directory'],
    ['.', 'directory'],
    ['x'.repeat(5000), 'longer than'],
    [7, 'not a string'],
    [['main.py'], 'not a string'],
  ])('refuses entry point %j', (bot, reason) => {
    const error = refusal({ entrypoints: { bot } });
    expect(error).toMatchObject({ code: 'bad_entry_point', retryable: false });
    expect(error.message).toContain(reason);
    expect(error.message.length).toBeLessThan(400);
    expect(refusal({ entrypoints: { bot: 'main.py', query: bot } }).field).toBe(
      'custom.config.entrypoints.query',
    );
  });

  it.each([
    ['scala3', 'bot.class'],
    ['scala3', 'bot.jar:'],
    ['scala3', 'bot.jar:-Xmx9g'],
    ['scala3', 'bot.jar:Main;id'],
    ['dotnet8', 'Bot.csproj'],
  ])('refuses what %s cannot run: %s', (runtime, bot) => {
    expect(refusal({ runtime, entrypoints: { bot } })).toMatchObject({ code: 'bad_entry_point' });
  });

  it.each([undefined, '', 'a b', '../x\n', 7])('refuses code file %j', (codeFile) => {
    expect(refusal({ codeFile })).toMatchObject({ code: 'bad_code_file', field: 'custom.filePath' });
  });

  it('refuses a configuration that no environment can hold, without showing it', () => {
    const error = refusal({ config: { key: 'canary'.repeat(50_000) } });
    expect(error).toMatchObject({ code: 'bad_config', retryable: false });
    expect(error.message).toMatch(/config has 300010 bytes as JSON; at most 122880/);
    expect(error.message).not.toContain('canary');
  });
});
