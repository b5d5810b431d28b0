import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { lastLines, runCommand } from './command.ts';
import type { Machine } from './engine.ts';
import type { Ping } from './engine-ping.ts';
import { EngineMissing } from './errors.ts';
import type { Environment, Progress } from './types.ts';

const APT_TIMEOUT_MS = 600_000;
const PID_FILE = '/var/run/docker.pid';

type Parts = {
  environment: Environment;
  progress: Progress;
  ping: (host: string) => Promise<Ping>;
  findProgram: (name: string) => string | undefined;
};

/** The machine that we are on. */
export class EngineMachine implements Machine {
  readonly isRoot = process.getuid?.() === 0;
  readonly isDebian = isDebianLike();
  readonly hasSystemd = existsSync('/run/systemd/system');
  readonly logFile = '/var/log/dockerd.log';
  readonly ping: Parts['ping'];
  readonly findProgram: Parts['findProgram'];
  readonly #environment: Environment;
  readonly #progress: Progress;

  constructor(parts: Parts) {
    this.ping = parts.ping;
    this.findProgram = parts.findProgram;
    this.#environment = parts.environment;
    this.#progress = parts.progress;
  }

  runningEngines(): number[] {
    const ours = networkNamespace('self');
    return processIds().filter((pid) => nameOf(pid) === 'dockerd' && networkNamespace(pid) === ours);
  }

  async install(): Promise<void> {
    const first = await this.#apt('install', '-y', '--no-install-recommends', 'docker.io');
    if (first.code === 0) return;
    // Fresh machines have no package lists, and old lists name packages that are gone.
    this.#progress({ what: 'Container engine', detail: 'fetching package lists (apt-get update)' });
    const update = await this.#apt('update');
    const second = await this.#apt('install', '-y', '--no-install-recommends', 'docker.io');
    if (second.code !== 0)
      throw new EngineMissing(
        `docker.io could not be installed:\n${lastLines(update.code === 0 ? second.output : update.output, 8)}\nMend what it names, then run:  apt-get install -y docker.io`,
      );
  }

  async startService(): Promise<void> {
    const { code, output } = await runCommand('systemctl', ['start', 'docker'], {
      environment: this.#environment,
    });
    if (code !== 0)
      throw new EngineMissing(
        `systemctl start docker failed: ${lastLines(output, 3)}\nSee:  journalctl -u docker`,
      );
  }

  startDetached(dockerd: string): void {
    forgetDeadEngine();
    const log = openSync(this.logFile, 'a');
    // In a session of its own and not waited for: it outlives us, since bots live in it.
    const child = spawn(dockerd, [], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...this.#environment },
    });
    child.on('error', (error) =>
      this.#progress({ what: 'Container engine', detail: `dockerd could not be started: ${error.message}` }),
    );
    child.unref();
    closeSync(log);
  }

  #apt(...args: string[]): ReturnType<typeof runCommand> {
    const environment = { ...this.#environment, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
    return runCommand('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      environment,
      timeoutMs: APT_TIMEOUT_MS,
    });
  }
}

/** dockerd refuses to start when its pid file names a living process, though that may be a stranger by now. */
function forgetDeadEngine(): void {
  if (!existsSync(PID_FILE)) return;
  const pid = Number(readFileSync(PID_FILE, 'utf8'));
  if (nameOf(pid) !== 'dockerd') rmSync(PID_FILE, { force: true });
}

function isDebianLike(): boolean {
  if (!existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

function processIds(): number[] {
  return existsSync('/proc')
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
    : [];
}

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

function networkNamespace(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    // Not ours to look at, or gone.
    return undefined;
  }
}
