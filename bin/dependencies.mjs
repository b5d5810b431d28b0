// Brings node_modules to what package-lock.json says, once, however many start at the same time.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { BootError } from './boot-error.mjs';
import { withLock } from './lock.mjs';

// npm names the cause first and where its log is last; between them may stand pages of usage.
const FIRST_LINES_SHOWN = 12;
const LAST_LINES_SHOWN = 12;
const PROGRESS_EVERY_MS = 5_000;

export async function ensureDependencies(root) {
  const wanted = stampOf(root);
  if (readStamp(root) !== wanted) {
    await withLock(join(root, '.data', 'install.lock'), () => installUnlessDone(root, wanted), {
      onWait: (pid) =>
        console.error(`Waiting for process ${pid}, which installs the dependencies of this clone …`),
    });
  }
  linkCommand(root);
}

async function installUnlessDone(root, wanted) {
  // Somebody else may have installed while we waited, or a person by hand: `npm ci` has to be done once only.
  if (readStamp(root) === wanted) return;
  if (!matchesLock(root)) await npmCi(root);
  writeFileSync(stampPath(root), wanted);
}

const stampPath = (root) => join(root, 'node_modules', '.the0-runtime-stamp');

/** Packages bring binaries, so what was installed elsewhere does not serve here, even with the same lock. */
function stampOf(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`;
}

function readStamp(root) {
  try {
    return readFileSync(stampPath(root), 'utf8');
  } catch {
    return undefined;
  }
}

/** Whether npm's own record of what it installed names the versions of the lock; it is written last, so it is whole. */
export function matchesLock(root) {
  let lock, installed;
  try {
    lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  return Object.entries(lock).every(
    ([path, { version, optional, link }]) =>
      path === '' ||
      link ||
      (installed[path] === undefined ? optional === true : installed[path].version === version),
  );
}

/** `npm ci`, quiet while it goes well; its last lines are shown when it does not. */
async function npmCi(root) {
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  console.error('Installing the dependencies (npm ci) …');
  const ticker = setInterval(() => console.error(`  still installing, ${seconds()} s`), PROGRESS_EVERY_MS);
  const [command, ...first] = npmCommand();
  let output = '';
  let failure;
  try {
    failure = await new Promise((settle) => {
      // NODE_ENV=production would leave out the Node that everything runs on.
      const child = spawn(
        command,
        [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
        {
          cwd: root,
          stdio: ['ignore', 'pipe', 'pipe'],
          shell: process.platform === 'win32',
        },
      );
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      child.on('error', (error) =>
        settle(error.code === 'ENOENT' ? 'npm is not on the PATH: install Node with npm' : error.message),
      );
      child.on('close', (code, signal) =>
        settle(code === 0 ? undefined : `npm ci ended with ${signal ?? `code ${code}`}`),
      );
    });
  } finally {
    clearInterval(ticker);
  }
  if (failure !== undefined) {
    // A half-made tree must not pass for a whole one next time.
    rmSync(join(root, 'node_modules', '.package-lock.json'), { force: true });
    throw new BootError(
      `${excerpt(output)}\nThe dependencies could not be installed: ${failure}.\nMend the cause above (network, registry, disk), then run the same command again.`,
    );
  }
  console.error(`Dependencies installed in ${seconds()} s.`);
}

function excerpt(output) {
  const lines = output.trimEnd().split('\n');
  if (lines.length <= FIRST_LINES_SHOWN + LAST_LINES_SHOWN) return lines.join('\n');
  return [...lines.slice(0, FIRST_LINES_SHOWN), '…', ...lines.slice(-LAST_LINES_SHOWN)].join('\n');
}

/** The npm that runs us, if one does; else the one on the PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running)
    ? [process.execPath, running]
    : ['npm'];
}

/** Makes `npx the0-runtime` find this clone instead of asking a registry. */
function linkCommand(root) {
  if (process.platform === 'win32') return;
  const link = join(root, 'node_modules', '.bin', 'the0-runtime');
  const target = join('..', '..', 'bin', 'the0-runtime.mjs');
  try {
    if (readlinkSync(link) === target) return;
  } catch {
    // There is none yet, or something else is in its place.
  }
  const script = join(root, 'bin', 'the0-runtime.mjs');
  try {
    chmodSync(script, 0o755);
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(target, link);
  } catch (error) {
    // Two starts at once both make it; a read-only tree cannot have it, and works without.
    if (error.code !== 'EEXIST' && error.code !== 'EROFS' && error.code !== 'EACCES') throw error;
  }
}
