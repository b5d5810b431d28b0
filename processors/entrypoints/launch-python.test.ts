import { describe, expect, it } from 'vitest';
import { type BotUnderTest, runBot, startBot, stopBot } from './testing/harness.ts';

const SUCCESS = { status: 'success', message: 'Bot executed successfully' };
const TERMINATED = { status: 'terminated', message: 'Bot execution terminated by signal' };

const python = (source: string, rest: Partial<BotUnderTest> = {}): BotUnderTest => ({
  runtime: 'python3.11',
  entry: 'main.py',
  ...rest,
  code: { 'main.py': source, ...rest.code },
});

const WRITES_RESULT = `import json
def write(status):
    with open("result.json", "w") as file:
        json.dump({"status": status, "own": True}, file)
`;

describe('how a Python bot ends', () => {
  it.each([
    ['returns', 'def main(bot_id, config): return 7', 0, SUCCESS],
    [
      'raises',
      'def main(bot_id, config): raise ValueError("no such symbol")',
      1,
      { status: 'error', message: 'no such symbol' },
    ],
    [
      'exits with 3',
      'import sys\ndef main(bot_id, config): sys.exit(3)',
      3,
      { status: 'error', message: 'Bot exited with code 3' },
    ],
    ['exits with 0', 'import sys\ndef main(bot_id, config): sys.exit()', 0, SUCCESS],
    [
      'exits with words',
      'import sys\ndef main(bot_id, config): sys.exit("out of funds")',
      1,
      { status: 'error', message: 'Bot exited with code 1' },
    ],
    [
      'is a coroutine that returns',
      'import asyncio\nasync def main(bot_id, config): await asyncio.sleep(0)',
      0,
      SUCCESS,
    ],
    [
      'is a coroutine that raises',
      'async def main(bot_id, config): raise ValueError("x")',
      1,
      { status: 'error', message: 'x' },
    ],
    [
      'is a coroutine that exits',
      'import sys\nasync def main(bot_id, config): sys.exit(4)',
      4,
      { status: 'error', message: 'Bot exited with code 4' },
    ],
    [
      'wrote a result and returns',
      `${WRITES_RESULT}def main(bot_id, config): write("mine")`,
      0,
      { status: 'mine', own: true },
    ],
    [
      'wrote an error result and exits, as the SDK does',
      `${WRITES_RESULT}import sys\ndef main(bot_id, config): write("error"); sys.exit(1)`,
      1,
      { status: 'error', own: true },
    ],
    [
      'wrote a result and raises',
      `${WRITES_RESULT}def main(bot_id, config): write("mine"); raise ValueError`,
      1,
      { status: 'mine', own: true },
    ],
    [
      'replaced result.json by renaming',
      `${WRITES_RESULT}import os\ndef main(bot_id, config):\n  os.chdir("/"); open(os.environ["CODE_PATH"] + "/r.tmp", "w").write('{"renamed": true}'); os.replace(os.environ["CODE_PATH"] + "/r.tmp", os.environ["CODE_PATH"] + "/result.json")`,
      0,
      { renamed: true },
    ],
  ])('%s', async (_what, source, code, result) => {
    expect(await runBot(python(source))).toMatchObject({ code, signal: null, result });
  });

  it('shows the traceback from the bot’s own first frame on', async () => {
    const { stderr } = await runBot(
      python('def helper(): raise KeyError("BTC")\ndef main(bot_id, config): helper()'),
    );
    expect(stderr).toContain('EXECUTE_ERROR: main() raised');
    expect(stderr).toMatch(/main\.py", line 1, in helper/);
    expect(stderr).not.toContain('launch.py');
  });

  it.each([
    ['a module that is missing', 'import no_such_module', 'no_such_module'],
    ['a syntax error', 'def main(:', 'SyntaxError'],
    ['no main', 'def start(): pass', 'defines no function main'],
    ['a main that is no function', 'main = 3', 'defines no function main'],
  ])('cannot be loaded: %s', async (_what, source, reason) => {
    const ended = await runBot(python(source));
    expect(ended).toMatchObject({ code: 1, result: { status: 'error' } });
    expect(ended.stderr).toContain('IMPORT_ERROR: ');
    expect(ended.stderr).toContain(reason);
  });

  it('keeps the code of sys.exit at import', async () => {
    expect(await runBot(python('import sys; sys.exit(5)'))).toMatchObject({ code: 5 });
  });
});

describe('SIGTERM to a Python bot', () => {
  it.each([
    [
      'sleeping: finally blocks run',
      `import time
def main(bot_id, config):
    try:
        print("ready"); time.sleep(60)
    finally:
        print("cleaned up")`,
    ],
    [
      'catching every Exception in a loop',
      `import time
def main(bot_id, config):
    while True:
        try: print("ready"); time.sleep(60)
        except Exception: pass
        finally: print("cleaned up")`,
    ],
    [
      'in asyncio.run of its own',
      `import asyncio
async def work():
    try:
        print("ready"); await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0); print("cleaned up")
def main(bot_id, config): asyncio.run(work())`,
    ],
    [
      'as a coroutine: its task is cancelled',
      `import asyncio
async def main(bot_id, config):
    try:
        print("ready"); await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0); print("cleaned up")`,
    ],
    [
      'as a coroutine that returns when cancelled',
      `import asyncio
async def main(bot_id, config):
    try:
        print("ready"); await asyncio.sleep(60)
    except asyncio.CancelledError: print("cleaned up")`,
    ],
    [
      'at import',
      `import time
try:
    print("ready"); time.sleep(60)
finally: print("cleaned up")`,
    ],
    [
      'waiting for a thread',
      `import threading, time
def main(bot_id, config):
    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True); thread.start()
    try:
        print("ready"); thread.join()
    finally: print("cleaned up")`,
    ],
  ])('%s', async (_what, source) => {
    const ended = await stopBot(python(source));
    expect(ended).toMatchObject({ code: 0, signal: null, result: TERMINATED });
    expect(ended.stdout).toContain('cleaned up');
    expect(ended.stderr).not.toContain('Traceback');
  });

  it('leaves a result that the bot wrote while ending, and the code it chose', async () => {
    const source = `${WRITES_RESULT}import sys, time
def main(bot_id, config):
    try:
        print("ready"); time.sleep(60)
    except SystemExit:
        write("flat"); sys.exit(9)`;
    expect(await stopBot(python(source))).toMatchObject({ code: 9, result: { status: 'flat', own: true } });
  });

  it.each([
    [
      'plain',
      'def main(bot_id, config):\n    signal.signal(signal.SIGTERM, mine)\n    print("ready"); time.sleep(60)',
    ],
    [
      'set at import, with a coroutine',
      'signal.signal(signal.SIGTERM, mine)\nasync def main(bot_id, config):\n    print("ready"); time.sleep(60)',
    ],
  ])('goes to the handler of a bot that has one: %s', async (_what, body) => {
    const source = `import os, signal, sys, time\ndef mine(number, frame):\n    print("mine"); sys.exit(6)\n${body}`;
    expect(await stopBot(python(source))).toMatchObject({ code: 6, stdout: 'ready\nmine\n' });
  });

  it('ends a bot that swallows the first at the second', async () => {
    const source = `import time
def main(bot_id, config):
    while True:
        try: print("ready"); time.sleep(60)
        except BaseException: pass`;
    expect(await stopBot(python(source), ['SIGTERM', 'SIGTERM'])).toMatchObject({
      code: null,
      signal: 'SIGTERM',
    });
  });

  it('ends threads that the bot left behind, with the code of main', async () => {
    // Ready once main is over: only then is there a result.
    const source = `import os, threading, time
def late():
    while os.path.getsize("result.json") == 0: time.sleep(0.01)
    print("ready"); time.sleep(60)
def main(bot_id, config):
    threading.Thread(target=late).start()
    raise ValueError("main is over")`;
    expect(await stopBot(python(source))).toMatchObject({
      code: 1,
      result: { status: 'error', message: 'main is over' },
    });
  });
});

describe('what a Python bot finds', () => {
  it('its id, its configuration and its environment', async () => {
    const source = `import json, os, threading
def main(bot_id, config):
    print(json.dumps({"id": bot_id, "config": config, "env": json.loads(os.environ["BOT_CONFIG"]), "legacy": json.loads(os.environ["CONFIG"]),
      "name": __name__, "state": os.path.isdir(os.environ["STATE_DIR"]), "logs": os.path.isdir(os.environ["LOGS_PATH"]),
      "main_thread": threading.current_thread() is threading.main_thread()}))`;
    const config = { symbol: 'BTC/USD', nested: { text: 'Größe "x"\n\u2028' } };
    const { stdout } = await runBot(python(source, { config }));
    expect(JSON.parse(stdout)).toEqual({
      id: 'bot-1',
      config,
      env: config,
      legacy: config,
      name: 'main',
      state: true,
      logs: true,
      main_thread: true,
    });
  });

  it('its vendored modules first, then its own, whatever they are named', async () => {
    const code = {
      'vendor/dependency/__init__.py': 'WHO = "vendor"',
      'dependency.py': 'WHO = "own"',
      'launch.py': 'WHO = "the bot’s own launch module"',
      'lib/inner.py': 'WHO = "inner"',
    };
    const source =
      'import dependency, launch\nfrom lib import inner\ndef main(b, c): print(dependency.WHO, launch.WHO, inner.WHO, sep="|")';
    expect((await runBot(python(source, { code }))).stdout).toBe(
      'vendor|the bot’s own launch module|inner\n',
    );
  });

  it('a working directory to write in, beside code that it cannot change through it', async () => {
    const source = `import os, pathlib
def main(bot_id, config):
    here = pathlib.Path(__file__).parent
    (here / "cache.json").write_text("x")
    print(os.getcwd() == str(here), os.path.islink(here / "main.py"), sorted(os.listdir(".")))`;
    const { stdout } = await runBot(
      python(source, { code: { 'data.txt': 'd', 'result.json': '{"from": "archive"}' } }),
    );
    expect(stdout).toBe("True True ['cache.json', 'data.txt', 'main.py', 'result.json']\n");
  });

  it('log lines of level INFO on stderr', async () => {
    const { stdout, stderr } = await runBot(python('import logging\ndef main(b, c): logging.info("hello")'));
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'INFO:root:hello\n' });
  });

  it('no result of the archive’s in place of its own', async () => {
    const bot = python('def main(b, c): pass', { code: { 'result.json': '{"status": "forged"}' } });
    expect((await runBot(bot)).result).toEqual(SUCCESS);
  });

  it('the code directory untouched', async () => {
    await using running = await startBot(
      python('import helper\ndef main(b, c): pass', { code: { 'helper.py': '' } }),
    );
    await running.ended;
    const { readdir } = await import('node:fs/promises');
    expect((await readdir(running.at('/the0/code'))).sort()).toEqual(['helper.py', 'main.py']);
  });
});
