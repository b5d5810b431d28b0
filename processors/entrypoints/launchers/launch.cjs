'use strict';
/**
 * Starts a Node bot inside its container.
 *
 * Usage: launch.cjs CODE_DIR RUN_DIR WORK_DIR
 *
 * Makes WORK_DIR look like CODE_DIR, puts the configuration into this process's environment, and awaits the entry
 * point's `main || default || module` as (botId, config, { signal }).
 *
 * SIGTERM aborts `signal`, once; a second one has its default effect. When main settles the process ends: 0 (or
 * process.exitCode) if it resolved or ended because of the signal, 1 if it rejected. A bot that listens to nothing
 * is killed by the engine after the grace period. result.json is written only where the bot left none.
 */
const { setMaxListeners } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');

// Node's own code for a program whose last await can never settle.
const NEVER_SETTLED = 13;

const [codeDir, runDir, workDir] = process.argv.splice(2);
const stop = new AbortController();
/** What happened so far; turned into a result when the process exits, however it comes to that. */
const story = { settled: false, drained: false, value: undefined, failure: undefined };

class SetupFailure extends Error {
  constructor(prefix, message) {
    super(message);
    this.prefix = prefix;
  }
}

const say = (prefix, message) => process.stderr.write(`${prefix}: ${message}\n`);
const messageOf = (error) => (error instanceof Error ? error.message : String(error));
const storyOf = (error) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** One link per top-level entry of the code; result.json is always the one that outlives the container. */
function layOut() {
  const links = new Map(fs.readdirSync(codeDir).map((name) => [name, path.join(codeDir, name)]));
  links.set('result.json', path.join(runDir, 'result.json'));
  for (const [name, target] of links) {
    const link = path.join(workDir, name);
    if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined) fs.symlinkSync(target, link);
  }
}

/** Returns the bot's id and configuration. */
function prepare() {
  try {
    layOut();
    process.chdir(workDir);
    for (const variable of ['STATE_DIR', 'LOGS_PATH'])
      if (process.env[variable]) fs.mkdirSync(process.env[variable], { recursive: true });
  } catch (error) {
    throw new SetupFailure('CHDIR_ERROR', `the working directory cannot be prepared: ${messageOf(error)}`);
  }
  let text;
  let config;
  try {
    text = fs.readFileSync(path.join(runDir, 'config.json'), 'utf8');
    config = JSON.parse(text);
  } catch (error) {
    // JSON.parse quotes the text that it could not read, and the text holds the bot's keys.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : messageOf(error);
    throw new SetupFailure('CONFIG_ERROR', `the configuration cannot be read: ${reason}`);
  }
  if (!process.env.BOT_ID) throw new SetupFailure('CONFIG_ERROR', 'BOT_ID is not set');
  // CONFIG is the name that older bots read.
  process.env.BOT_CONFIG = process.env.CONFIG = text;
  return { botId: process.env.BOT_ID, config };
}

/**
 * Loads the entry point exactly once: what compiles as CommonJS by require, so that `require.main` and `module.parent`
 * tell the bot that it was not started by itself; everything else as an ES module, whose top level may await.
 */
async function load() {
  const script = process.env.SCRIPT_PATH ?? '';
  const file = path.join(workDir, script);
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new SetupFailure('IMPORT_ERROR', `there is no file ${JSON.stringify(script)} in the code`);
  let loaded;
  try {
    loaded = isCommonJs(file) ? require(file) : await import(pathToFileURL(file).href);
  } catch (error) {
    throw new SetupFailure('IMPORT_ERROR', `${script} cannot be loaded\n${storyOf(error)}`);
  }
  const main = loaded?.main || loaded?.default || loaded;
  if (typeof main !== 'function')
    throw new SetupFailure(
      'IMPORT_ERROR',
      `${script} exports no function: neither main, nor default, nor the module itself`,
    );
  return main;
}

function isCommonJs(file) {
  if (file.endsWith('.json') || file.endsWith('.node')) return true;
  const source = fs.readFileSync(file, 'utf8').replace(/^#!.*/, '');
  try {
    vm.compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname'], {
      filename: file,
    });
    return true;
  } catch {
    // Import and export statements and top-level await end here, and so does a real mistake, which import() reports.
    return false;
  }
}

/** What result.json says if the bot said nothing. */
function defaultResult(code) {
  if (code === 0 && story.value !== null && typeof story.value === 'object')
    try {
      return JSON.stringify(story.value);
    } catch (error) {
      say('RESULT_ERROR', `main() resolved with an object that JSON cannot hold: ${messageOf(error)}`);
    }
  return JSON.stringify(verdict(code));
}

function verdict(code) {
  if (code !== 0)
    return {
      status: 'error',
      message: story.failure === undefined ? `Bot exited with code ${code}` : messageOf(story.failure),
    };
  return stop.signal.aborted
    ? { status: 'terminated', message: 'Bot execution terminated by signal' }
    : { status: 'success', message: 'Bot executed successfully' };
}

/** Leaves what the bot wrote, also where it replaced our link by a file of its own; else writes the default. */
function keepResult(code) {
  const kept = path.join(runDir, 'result.json');
  const seen = path.join(workDir, 'result.json');
  try {
    const own = fs.lstatSync(seen, { throwIfNoEntry: false })?.isFile()
      ? fs.readFileSync(seen)
      : Buffer.alloc(0);
    if (own.length > 0) fs.writeFileSync(kept, own);
    else if (fs.statSync(kept).size === 0) fs.writeFileSync(kept, defaultResult(code));
  } catch (error) {
    say('RESULT_ERROR', `result.json cannot be written: ${messageOf(error)}`);
  }
}

/** Ends the process once everything that was printed is out. */
async function leave(code) {
  story.settled = true;
  for (const stream of [process.stdout, process.stderr])
    await new Promise((done) => stream.write('', () => done()));
  process.exit(code);
}

async function launch() {
  try {
    const { botId, config } = prepare();
    const main = await load();
    story.value = await main(botId, config, { signal: stop.signal });
  } catch (error) {
    const stopped = stop.signal.aborted && (error === stop.signal.reason || error?.name === 'AbortError');
    if (stopped) return leave(process.exitCode ?? 0);
    story.failure = error;
    if (error instanceof SetupFailure) say(error.prefix, error.message);
    else say('EXECUTE_ERROR', `main() rejected\n${storyOf(error)}`);
    return leave(process.exitCode || 1);
  }
  return leave(process.exitCode ?? 0);
}

// Output that is still in the process when the bot calls process.exit would be lost.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);
setMaxListeners(0, stop.signal);
for (const name of ['SIGTERM', 'SIGINT'])
  process.once(name, () => {
    say('SIGNAL', `${name} received, the bot is asked to end`);
    stop.abort();
  });
process.on('uncaughtExceptionMonitor', (error) => {
  story.failure = error;
});
process.on('beforeExit', () => {
  story.drained = true;
});
process.on('exit', (code) => {
  if (code === 0 && story.drained && !story.settled) {
    story.failure = new Error('main() never settled, and nothing is left that could settle it');
    say('EXECUTE_ERROR', story.failure.message);
    process.exitCode = NEVER_SETTLED;
  }
  keepResult(process.exitCode ?? code);
});
void launch();
