import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BotUnderTest, runBot, stopBot } from './testing/harness.ts';

const native = (script: string, rest: Partial<BotUnderTest> = {}): BotUnderTest => ({
  runtime: 'rust-stable',
  entry: 'target/release/bot',
  mode: 0o755,
  ...rest,
  code: { 'target/release/bot': `#!/bin/sh\n${script}\n`, ...rest.code },
});

describe('a bot that is a program of its own', () => {
  it('finds id, configuration, state directory and working directory', async () => {
    const config = { key: `a 'quoted' "$HOME" \`id\`\n`, emoji: '🚀' };
    const ended = await runBot(
      native(
        'printf "%s|%s|%s|" "$BOT_ID" "$BOT_CONFIG" "$CONFIG"; test -d "$STATE_DIR" && test -d "$LOGS_PATH" && ls -m',
        {
          config,
          code: { 'data.txt': '', '.hidden': '', 'result.json': '{"forged":1}', '-odd name': '' },
        },
      ),
    );
    const json = JSON.stringify(config);
    expect(ended).toMatchObject({
      code: 0,
      stdout: `bot-1|${json}|${json}|-odd name, data.txt, result.json, target\n`,
      stderr: '',
      result: undefined,
    });
  });

  it('keeps its exit code and its result', async () => {
    const script = 'echo \'{"status":"mine"}\' > result.json; exit 42';
    expect(await runBot(native(script))).toMatchObject({ code: 42, result: { status: 'mine' } });
  });

  it('gets SIGTERM itself', async () => {
    const script = 'trap "echo flat; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
    expect(await stopBot(native(script))).toMatchObject({ code: 5, stdout: 'ready\nflat\n' });
    expect(await stopBot(native('echo ready; exec sleep 60'))).toMatchObject({
      code: null,
      signal: 'SIGTERM',
    });
  });

  it.each([
    ['is not there', { entry: 'target/release/other' }, 127, 'there is no file'],
    ['is not executable', { mode: 0o644 }, 126, 'is not executable'],
    [
      'has a name that JSON escapes',
      { entry: 'a "b" $HOME `c` %s é🚀' },
      127,
      'there is no file .*/a "b" \\$HOME `c` %s é🚀$',
    ],
    [
      'needs an interpreter that is not there',
      { code: { 'target/release/bot': '#!/no/such/interpreter\n' } },
      127,
      'bot cannot be executed: .*',
    ],
  ])('says so as the platform shows it when it %s', async (_what, rest, code, reason) => {
    const ended = await runBot(native('exit 0', rest));
    expect(ended.code).toBe(code);
    expect(JSON.parse(ended.stderr.trim().split('\n').at(-1) ?? '')).toEqual({
      level: 'error',
      message: expect.stringMatching(`^Failed to start process: EXECUTE_ERROR: .*${reason}`) as string,
    });
  });

  it('says so when the image has no such interpreter', async () => {
    const ended = await runBot(native('', { runtime: 'dotnet8', entry: 'Bot.dll', code: { 'Bot.dll': '' } }));
    expect(ended).toMatchObject({
      code: 127,
      stderr:
        '{"level":"error","message":"Failed to start process: EXECUTE_ERROR: the image has no dotnet"}\n',
    });
  });

  it('says whatever it cannot start as JSON, and to who asks a query in plain words', () => {
    const program = 'no "such" \\ program\t\u0001\n%s\\';
    const said = `EXECUTE_ERROR: the image has no ${program}`;
    const { message } = JSON.parse(launched(program)) as { message: string };
    expect(message).toBe(`Failed to start process: ${said.replaceAll(/[\t\u0001\n]/g, ' ')}`);
    expect(launched(program, { THE0_QUERY_PORT: '9476' })).toBe(`${said}\n`);
  });

  it('starts with code that has no visible file at its top', async () => {
    const ended = await runBot(
      native('', { entry: '.bin/bot', code: { '.bin/bot': '#!/bin/sh\nls -a -m' } }),
    );
    expect(ended.stdout).toContain('.bin');
  });

  it('takes the largest configuration that is accepted', async () => {
    const config = { data: 'x'.repeat(120 * 1024 - JSON.stringify({ data: '' }).length) };
    const ended = await runBot(native('printf "%s" "$BOT_CONFIG" | wc -c', { config }));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.trim()).toBe(String(120 * 1024));
  });
});

/** What the launcher says of a program that is no file of the archive. */
function launched(program: string, env: Record<string, string> = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), 'launch-'));
  try {
    writeFileSync(path.join(root, 'config.json'), '{}');
    const launcher = path.join(import.meta.dirname, 'launchers/launch.sh');
    const places = { STATE_DIR: path.join(root, 'state'), LOGS_PATH: path.join(root, 'logs') };
    return spawnSync('/bin/sh', [launcher, `${root}/code`, root, root, program], {
      env: { PATH: process.env['PATH'] ?? '', ...places, ...env },
      encoding: 'utf8',
    }).stderr;
  } finally {
    rmSync(root, { recursive: true });
  }
}
