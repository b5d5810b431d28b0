import { describe, expect, it } from 'vitest';
import { type BotUnderTest, runBot, stopBot } from './testing/harness.ts';

const SUCCESS = { status: 'success', message: 'Bot executed successfully' };
const TERMINATED = { status: 'terminated', message: 'Bot execution terminated by signal' };

const node = (source: string, rest: Partial<BotUnderTest> = {}): BotUnderTest => ({
  runtime: 'nodejs20',
  entry: 'main.js',
  ...rest,
  code: { [rest.entry ?? 'main.js']: source, ...rest.code },
});

const WRITES_RESULT = `const fs = require('node:fs'); const write = (status) => fs.writeFileSync('result.json', JSON.stringify({ status, own: true }));\n`;

describe('how a Node bot ends', () => {
  it.each([
    ['resolves with nothing', 'exports.main = async () => {}', 0, SUCCESS],
    ['resolves with an object', 'exports.main = async () => ({ profit: 3 })', 0, { profit: 3 }],
    [
      'resolves with what JSON cannot hold',
      'exports.main = async () => { const a = {}; a.a = a; return a; }',
      0,
      SUCCESS,
    ],
    ['returns without a promise', 'module.exports = () => ({ profit: 4 })', 0, { profit: 4 }],
    [
      'rejects',
      'exports.main = async () => { throw new Error("no such symbol") }',
      1,
      { status: 'error', message: 'no such symbol' },
    ],
    [
      'throws what is no Error',
      'exports.main = () => { throw "flat" }',
      1,
      { status: 'error', message: 'flat' },
    ],
    [
      'calls process.exit(3)',
      'exports.main = () => process.exit(3)',
      3,
      { status: 'error', message: 'Bot exited with code 3' },
    ],
    ['calls process.exit()', 'exports.main = () => process.exit()', 0, SUCCESS],
    [
      'sets process.exitCode and resolves',
      'exports.main = async () => { process.exitCode = 8; }',
      8,
      { status: 'error', message: 'Bot exited with code 8' },
    ],
    ['leaves a timer behind', 'exports.main = async () => { setInterval(() => {}, 1000); }', 0, SUCCESS],
    [
      'has an unhandled rejection',
      'exports.main = () => { Promise.reject(new Error("forgotten")); return new Promise((r) => setTimeout(r, 60_000)); }',
      1,
      { status: 'error', message: 'forgotten' },
    ],
    [
      'has an uncaught exception',
      'exports.main = () => new Promise(() => setTimeout(() => { throw new Error("late") }, 1))',
      1,
      { status: 'error', message: 'late' },
    ],
    [
      'awaits what can never settle',
      'exports.main = () => new Promise(() => {})',
      13,
      { status: 'error', message: 'main() never settled, and nothing is left that could settle it' },
    ],
    [
      'wrote a result and resolves with another',
      `${WRITES_RESULT}exports.main = async () => { write('mine'); return { other: 1 }; }`,
      0,
      { status: 'mine', own: true },
    ],
    [
      'wrote an error result and exits, as the SDK does',
      `${WRITES_RESULT}exports.main = async () => { write('error'); process.exit(1); }`,
      1,
      { status: 'error', own: true },
    ],
    [
      'replaced result.json by renaming',
      `${WRITES_RESULT}exports.main = async () => { fs.writeFileSync('r.tmp', '{"renamed":true}'); fs.renameSync('r.tmp', 'result.json'); }`,
      0,
      { renamed: true },
    ],
  ])('%s', async (_what, source, code, result) => {
    expect(await runBot(node(source))).toMatchObject({ code, signal: null, result });
  });

  it('prints the stack of a rejection', async () => {
    const { stderr } = await runBot(
      node('function helper() { throw new Error("BTC") }\nexports.main = async () => helper()'),
    );
    expect(stderr).toContain('EXECUTE_ERROR: main() rejected');
    expect(stderr).toMatch(/at helper .*main\.js:1/);
  });

  it.each([
    ['resolves', 'exports.main = async () => { console.log("x".repeat(3_000_000)); }'],
    [
      'calls process.exit',
      'exports.main = async () => { console.log("x".repeat(3_000_000)); process.exit(0); }',
    ],
  ])('loses no output when it %s', async (_what, source) => {
    expect((await runBot(node(source))).stdout).toHaveLength(3_000_001);
  });

  it.each([
    ['a module that is missing', 'require("no-such-module")', 'no-such-module'],
    ['a syntax error', 'exports.main = () => {', 'SyntaxError'],
    ['nothing exported', 'const main = () => {}', 'exports no function'],
    ['main is no function', 'exports.main = 3', 'exports no function'],
  ])('cannot be loaded: %s', async (_what, source, reason) => {
    const ended = await runBot(node(source));
    expect(ended).toMatchObject({ code: 1, result: { status: 'error' } });
    expect(ended.stderr).toContain('IMPORT_ERROR: ');
    expect(ended.stderr).toContain(reason);
  });
});

describe('which function of a module is the bot', () => {
  const says = (text: string): string => `(botId) => console.log("${text} " + botId)`;
  it.each([
    [
      'exports.main',
      'main.js',
      `exports.main = ${says('main')}; exports.default = ${says('default')}`,
      'main',
    ],
    [
      'exports.default, as TypeScript compiles it',
      'main.js',
      `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = ${says('default')}`,
      'default',
    ],
    ['the module itself', 'main.cjs', `module.exports = ${says('module')}`, 'module'],
    ['an ES module’s main', 'main.mjs', `export const main = ${says('esm')}`, 'esm'],
    ['an ES module’s default', 'main.mjs', `export default ${says('esm default')}`, 'esm default'],
    [
      'an ES module that awaits at its top level',
      'main.mjs',
      `const text = await Promise.resolve("tla"); export const main = (id) => console.log(text, id)`,
      'tla',
    ],
    [
      'a script with a hashbang',
      'main.js',
      `#!/usr/bin/env node\nexports.main = ${says('hashbang')}`,
      'hashbang',
    ],
  ])('%s', async (_what, entry, source, expected) => {
    expect(await runBot(node(source, { entry }))).toMatchObject({ code: 0, stdout: `${expected} bot-1\n` });
  });

  it('a .js ES module of a package of type module', async () => {
    const source =
      'import { text } from "./lib/text.js";\nexport async function main() { console.log(text); }';
    const code = {
      'package.json': '{"type":"module"}',
      'lib/text.js': 'export const text = await Promise.resolve("from lib")',
    };
    expect(await runBot(node(source, { code }))).toMatchObject({ code: 0, stdout: 'from lib\n' });
  });

  it.each([
    [
      'require.main === module',
      'main.js',
      'const main = async () => console.log("run"); module.exports = { main }; if (require.main === module) main();',
    ],
    [
      'module.parent',
      'main.js',
      'const main = async () => console.log("run"); module.exports = { main }; if (!module.parent) main();',
    ],
    [
      'import.meta.url',
      'main.mjs',
      'import { pathToFileURL } from "node:url"; export const main = async () => console.log("run"); if (import.meta.url === pathToFileURL(process.argv[1]).href) main();',
    ],
  ])('runs once where it starts itself only by itself: %s', async (_what, entry, source) => {
    expect(await runBot(node(source, { entry }))).toMatchObject({ code: 0, stdout: 'run\n' });
  });

  it('loads the entry point once, even when a module that it requires cannot be loaded', async () => {
    const source = 'console.log("top level"); require("./inner.mjs"); exports.main = () => {}';
    const ended = await runBot(node(source, { code: { 'inner.mjs': 'await 0; throw new Error("inner")' } }));
    expect(ended).toMatchObject({ code: 1, stdout: 'top level\n' });
  });
});

describe('SIGTERM to a Node bot', () => {
  it.each([
    [
      'that waits for the signal',
      'exports.main = (id, config, { signal }) => new Promise((resolve) => { const timer = setInterval(() => {}, 1000); signal.addEventListener("abort", () => { clearInterval(timer); console.log("cleaned up"); resolve(); }); console.log("ready"); })',
    ],
    [
      'that passes it to a timer, which rejects',
      'const { setTimeout } = require("node:timers/promises"); exports.main = async (id, config, { signal }) => { try { console.log("ready"); await setTimeout(60_000, undefined, { signal }); } finally { console.log("cleaned up"); } }',
    ],
    [
      'that throws if aborted',
      'const { setTimeout } = require("node:timers/promises"); exports.main = async (id, config, { signal }) => { console.log("ready"); for (;;) { await setTimeout(5); if (signal.aborted) console.log("cleaned up"); signal.throwIfAborted(); } }',
    ],
  ])('%s', async (_what, source) => {
    const ended = await stopBot(node(source));
    expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'ready\ncleaned up\n', result: TERMINATED });
    expect(ended.stderr).not.toContain('EXECUTE_ERROR');
  });

  const WAITS =
    'const aborted = (signal) => new Promise((resolve) => { const timer = setInterval(() => {}, 1000); signal.addEventListener("abort", () => { clearInterval(timer); resolve(); }); console.log("ready"); });\n';
  it.each([
    [
      'its own result',
      `${WRITES_RESULT}${WAITS}exports.main = async (i, c, { signal }) => { await aborted(signal); write("flat"); }`,
      0,
      { status: 'flat', own: true },
    ],
    [
      'the object it resolves with',
      `${WAITS}exports.main = async (i, c, { signal }) => { await aborted(signal); return { flat: true }; }`,
      0,
      { flat: true },
    ],
    [
      'its own exit code',
      `${WAITS}exports.main = async (i, c, { signal }) => { await aborted(signal); process.exitCode = 9; }`,
      9,
      { status: 'error', message: 'Bot exited with code 9' },
    ],
    [
      'a failure while it ends',
      `${WAITS}exports.main = async (i, c, { signal }) => { await aborted(signal); throw new Error("order stuck"); }`,
      1,
      { status: 'error', message: 'order stuck' },
    ],
    [
      'a handler of its own that exits',
      `${WAITS}process.on("SIGTERM", () => process.exit(6)); exports.main = (i, c, { signal }) => { aborted(signal); return new Promise(() => {}); }`,
      6,
      { status: 'error', message: 'Bot exited with code 6' },
    ],
  ])('keeps %s', async (_what, source, code, result) => {
    expect(await stopBot(node(source))).toMatchObject({ code, signal: null, result });
  });

  it('leaves a bot that ignores it to the second', async () => {
    const source =
      'exports.main = (i, c, { signal }) => new Promise(() => { signal.onabort = () => console.log("ready"); setInterval(() => {}, 1000); console.log("ready"); })';
    expect(await stopBot(node(source), ['SIGTERM', 'SIGTERM'])).toMatchObject({
      code: null,
      signal: 'SIGTERM',
    });
  });
});

describe('what a Node bot finds', () => {
  it('its id, its configuration and its environment', async () => {
    const source = `const fs = require('node:fs');
exports.main = (botId, config, context) => console.log(JSON.stringify({ botId, config, env: JSON.parse(process.env.BOT_CONFIG),
  legacy: JSON.parse(process.env.CONFIG), context: Object.keys(context), state: fs.existsSync(process.env.STATE_DIR), logs: fs.existsSync(process.env.LOGS_PATH) }))`;
    const config = { symbol: 'BTC/USD', nested: { text: 'Größe "x"\n\u2028' } };
    const { stdout } = await runBot(node(source, { config }));
    expect(JSON.parse(stdout)).toEqual({
      botId: 'bot-1',
      config,
      env: config,
      legacy: config,
      context: ['signal'],
      state: true,
      logs: true,
    });
  });

  it('packages, and a directory beside its code to write in', async () => {
    const source = `const fs = require('node:fs'); const path = require('node:path');
exports.main = () => { fs.writeFileSync(path.join(__dirname, 'cache.json'), '1');
  console.log(require('dependency'), __dirname === process.cwd(), fs.readdirSync('.').sort().join()); }`;
    const code = {
      'node_modules/dependency/index.js': 'module.exports = require("inner")',
      'node_modules/inner/index.js': 'module.exports = "vendored"',
    };
    expect((await runBot(node(source, { code }))).stdout).toBe(
      'vendored true cache.json,main.js,node_modules,result.json\n',
    );
  });

  it('no configuration quoted in an error about it', async () => {
    const source = 'exports.main = () => { throw new Error("x") }';
    const ended = await runBot(node(source, { config: { apiKey: 'canary-5e1f' } }));
    expect(ended.stderr).not.toContain('canary-5e1f');
  });
});
