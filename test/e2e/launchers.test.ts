import { ZipFile } from 'yazl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { type ContainerBot, runInContainer } from '../support/container-bot.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';

const CONFIG = { api_key: 'canary-key', memory_limit: '128Mi' };

const python: ContainerBot = {
  botId: 'python',
  runtime: 'python3.11',
  entry: 'main.py',
  config: CONFIG,
  code: {
    'vendor/dependency.py': 'WHO = "vendored"',
    'main.py': `import os, sys, time, dependency
def attempt(path):
    try:
        open(path, "w").close(); return "written"
    except OSError as error: return error.strerror
def main(bot_id, config):
    print(bot_id, config["api_key"], os.environ["BOT_CONFIG"] != "", os.getuid(), os.getcwd(), dependency.WHO)
    for path in ["cache.json", os.environ["STATE_DIR"] + "/s.json", "/tmp/t", "main.py", "/the0/run/x", "/the0/code/x", "/etc/x"]:
        print(path, attempt(path))
    try:
        print("ready"); time.sleep(600)
    finally: print("cleaned up")
`,
  },
};

const node: ContainerBot = {
  botId: 'node',
  runtime: 'nodejs20',
  entry: 'src/main.mjs',
  config: CONFIG,
  code: {
    'node_modules/dependency/index.js': 'module.exports = "vendored"',
    'src/main.mjs': `import { setTimeout as wait } from 'node:timers/promises';
import dependency from 'dependency';
await 0;
export async function main(botId, config, { signal }) {
  console.log(botId, config.api_key, process.env.BOT_CONFIG !== '', process.getuid(), process.cwd(), dependency);
  console.log('ready');
  try { await wait(600_000, undefined, { signal }); } finally { console.log('cleaned up'); }
}`,
  },
};

const native: ContainerBot = {
  botId: 'native',
  runtime: 'gcc13',
  entry: 'build/bot',
  config: CONFIG,
  code: {
    'build/bot': `#!/bin/sh
trap 'echo cleaned up; echo "{\\"own\\":1}" > result.json; exit 7' TERM
echo "$BOT_ID $BOT_CONFIG $(id -u) $PWD"
echo ready
while :; do sleep 0.05; done
`,
  },
};

/** Runs a program that every Java runtime has, so that no compiler is needed to test how jars are started. */
const java = async (entry: string): Promise<ContainerBot> => {
  const zip = new ZipFile();
  zip.addBuffer(
    Buffer.from('Manifest-Version: 1.0\nMain-Class: sun.security.tools.keytool.Main\n'),
    'META-INF/MANIFEST.MF',
  );
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return {
    botId: `java-${entry.length}`,
    runtime: 'scala3',
    entry,
    config: { memory_limit: '256Mi' },
    code: { 'target/bot.jar': Buffer.concat(chunks) },
  };
};

describe('bots in real containers', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = createDockerEngine({
      installation: testServers().installation,
      dockerHost: testEngine(),
      log: createLogger({ level: 'silent', service: 'test' }),
    });
    await engine.ensureNetwork();
  });
  afterAll(async () => {
    await removeAll(engine);
    await engine[Symbol.asyncDispose]();
  });

  it('Python: writes where it may and nowhere else, and cleans up at SIGTERM', async () => {
    const { output, detail, result } = await runInContainer(engine, python, 'ready\n');
    expect(output).toContain('python canary-key True 1000 /bot vendored\n');
    expect(output.split('\n').filter((line) => /written|only|denied/.test(line))).toEqual([
      'cache.json written',
      '/state/.the0-state/s.json written',
      '/tmp/t written',
      'main.py Read-only file system',
      '/the0/run/x Permission denied',
      '/the0/code/x Read-only file system',
      '/etc/x Read-only file system',
    ]);
    expect(output).toContain('cleaned up\n');
    expect(detail).toMatchObject({ exitCode: 0, oomKilled: false });
    expect(JSON.parse(result)).toMatchObject({ status: 'terminated' });
  });

  it('Node: an ES module finds its packages, and its signal is aborted at SIGTERM', async () => {
    const { output, detail, result } = await runInContainer(engine, node, 'ready\n');
    expect(output).toContain('node canary-key true 1000 /bot vendored\n');
    expect(output).toContain('cleaned up\n');
    expect(detail.exitCode).toBe(0);
    expect(JSON.parse(result)).toMatchObject({ status: 'terminated' });
  });

  it('native: gets SIGTERM itself, and its exit code and result are kept', async () => {
    const { output, detail, result } = await runInContainer(engine, native, 'ready\n');
    expect(output).toContain(`native ${JSON.stringify(CONFIG)} 1000 /bot\n`);
    expect(output).toContain('cleaned up\n');
    expect(detail.exitCode).toBe(7);
    expect(result).toBe('{"own":1}\n');
  });

  it.each(['target/bot.jar', 'target/bot.jar:sun.security.tools.keytool.Main'])(
    'Java: starts %s',
    async (entry) => {
      const { output, detail } = await runInContainer(engine, await java(entry));
      expect(output).toContain('Key and Certificate Management Tool');
      expect(detail.exitCode).toBe(0);
    },
  );

  it('a failing Python bot fails, with its traceback in the output', async () => {
    const bot = {
      ...python,
      botId: 'failing',
      code: { 'main.py': 'def main(b, c): raise ValueError("no such symbol")' },
    };
    const { output, detail, result } = await runInContainer(engine, bot);
    expect(output).toContain('ValueError: no such symbol');
    expect(detail.exitCode).toBe(1);
    expect(JSON.parse(result)).toEqual({ status: 'error', message: 'no such symbol' });
  });

  it('a bot that takes more memory than it may is told apart by the engine', async () => {
    const bot = {
      ...python,
      botId: 'greedy',
      config: { memory_limit: '32Mi' },
      code: { 'main.py': 'def main(b, c): x = bytearray(256 * 2**20)' },
    };
    const { detail } = await runInContainer(engine, bot);
    expect(detail.exitCode).toBe(137);
    // The engine hears of that apart from the end, and maybe after it.
    await until(async () => (await engine.inspect(detail.id))?.oomKilled, { what: 'the engine telling why' });
  });
});
