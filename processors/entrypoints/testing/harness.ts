import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BotConfig } from '../../../model/bots.ts';
import { PATHS } from '../paths.ts';
import { planLaunch } from '../plan.ts';

export type BotUnderTest = {
  runtime: string;
  entry: string;
  /** Path inside the archive → content. */
  code: Readonly<Record<string, string | Buffer>>;
  /** Of the files in `code`. */
  mode?: number;
  config?: BotConfig;
  /** Files that are in STATE_DIR already. */
  state?: Readonly<Record<string, string>>;
};

export type Ended = {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Content of the result file on the launch volume, parsed; undefined where it is empty. */
  result: unknown;
};

export type RunningBot = {
  kill(signal: NodeJS.Signals): void;
  stdout(): string;
  ended: Promise<Ended>;
  /** A path of the container, as it is on this machine. */
  at(containerPath: string): string;
} & AsyncDisposable;

/** Starts a bot as its container would, with every path of the container under a directory of its own. */
export async function startBot(bot: BotUnderTest): Promise<RunningBot> {
  const root = await mkdtemp(path.join(tmpdir(), 'launch-'));
  const moved = /(?<=^|:)\/(the0\/code|the0\/run|bot|state|var\/the0|tmp|query)(?=$|[/:])/g;
  const at = (text: string): string => text.replaceAll(moved, `${root}/$1`);
  const plan = planLaunch({
    botId: 'bot-1',
    botType: 'realtime',
    runtime: bot.runtime,
    entrypoints: { bot: bot.entry },
    codeFile: 'owner/bot/1.0.0',
    config: bot.config ?? {},
  });
  for (const directory of [PATHS.code, PATHS.run, PATHS.work, PATHS.state, PATHS.var, PATHS.tmp])
    await mkdir(at(directory), { recursive: true });
  await writeFiles(at(PATHS.code), bot.code, bot.mode ?? 0o644);
  await writeFiles(at(PATHS.stateDir), bot.state ?? {}, 0o644);
  for (const { name, mode, content } of plan.files)
    await writeFile(path.join(at(PATHS.run), name), content, { mode });

  const [planned = '', ...args] = plan.command;
  const env = Object.fromEntries(Object.entries(plan.env).map(([name, value]) => [name, at(value)]));
  const child = spawn(planned, args.map(at), {
    cwd: at(plan.workingDir),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));

  const ended = (async (): Promise<Ended> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const text = await readFile(path.join(at(PATHS.run), 'result.json'), 'utf8');
    return { code, signal, stdout, stderr, result: text === '' ? undefined : JSON.parse(text) };
  })();
  return {
    kill: (signal) => void child.kill(signal),
    stdout: () => stdout,
    ended,
    at,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended.catch(() => undefined);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>>,
  mode: number,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
  }
}

/** Starts a bot and waits for its end. */
export async function runBot(bot: BotUnderTest): Promise<Ended> {
  await using running = await startBot(bot);
  return await running.ended;
}

/** Starts a bot, sends the signal once it has printed `ready`, and waits for its end. */
export async function stopBot(
  bot: BotUnderTest,
  signals: readonly NodeJS.Signals[] = ['SIGTERM'],
): Promise<Ended> {
  await using running = await startBot(bot);
  for (const [count, signal] of signals.entries()) {
    await printed(running, 'ready\n', count + 1);
    running.kill(signal);
  }
  return await running.ended;
}

/** Resolves once the bot has printed the word so often; rejects when it ends before. */
export async function printed(running: RunningBot, word: string, times: number): Promise<void> {
  let over = false;
  const end = running.ended.then((ended) => {
    over = true;
    return ended;
  });
  while (running.stdout().split(word).length <= times) {
    if (over) throw new Error(`the bot ended before it printed ${word}: ${JSON.stringify(await end)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
