import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines } from './command.ts';
import { SERVERS } from './catalogue.ts';
import { ServerStartFailed } from './errors.ts';
import { endStaleServer, removePidFile, writePidFile } from './pid-file.ts';
import { pollUntilReady } from './poll.ts';
import type { RunningServer, ServerKind, ServerPlan, StartOptions } from './types.ts';
import { deathWatch } from './watchdog.ts';
import { messageOf } from '../message-of.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const ATTEMPTS = 3;
const LOG_LINES_SHOWN = 15;

// Where the kernel does not end them with us, at least an exit without a stop (Ctrl-C in a test run) does.
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/**
 * Runs one server as a child that ends with us. `plan` is made anew when a port that was free has been taken meanwhile.
 * @throws ServerStartFailed with the end of the server's log
 */
export async function superviseServer(
  kind: ServerKind,
  binary: string,
  options: StartOptions,
  plan: () => Promise<ServerPlan>,
): Promise<RunningServer> {
  mkdirSync(join(options.dir, 'data'), { recursive: true });
  const stale = await endStaleServer(options.dir);
  if (stale !== undefined) options.log?.(`stopped process ${stale}, left behind by a run that was killed`);
  for (let attempt = 1; ; attempt += 1) {
    const server = new SupervisedServer(kind, binary, options, await plan());
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (
        options.port !== undefined ||
        attempt === ATTEMPTS ||
        !/address already in use|bind.*in use|EADDRINUSE/i.test(messageOf(error))
      )
        throw error;
    }
  }
}

class SupervisedServer implements RunningServer {
  readonly kind: ServerKind;
  readonly #binary: string;
  readonly #options: StartOptions;
  readonly #plan: ServerPlan;
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('never started');
  /** Whether an end is wanted, by `stop` or by a test's `kill`: another end is told to the owner. */
  #endExpected = false;

  constructor(kind: ServerKind, binary: string, options: StartOptions, plan: ServerPlan) {
    this.kind = kind;
    this.#binary = binary;
    this.#options = options;
    this.#plan = plan;
  }

  get url(): string {
    return this.#plan.url;
  }
  get env(): Readonly<Record<string, string>> {
    return this.#plan.env;
  }
  get port(): number {
    return this.#plan.port;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }
  get dataDir(): string {
    return join(this.#options.dir, 'data');
  }

  async start(): Promise<void> {
    const logFile = join(this.#options.dir, 'server.log');
    const log = openSync(logFile, 'a');
    const [command = this.#binary, ...args] = [
      ...deathWatch(),
      this.#binary,
      ...this.#plan.args,
      ...(this.#options.args ?? []),
    ];
    // A session of its own: Ctrl-C reaches the owner alone, who still needs the server while it winds up.
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      detached: true,
      cwd: this.#options.dir,
    });
    closeSync(log);
    this.#child = child;
    alive.add(child);
    this.#endExpected = false;
    const ended = new AbortController();
    this.#exited = new Promise((resolve) => {
      const over = (how: string): void => {
        if (this.#child === child) this.#child = undefined;
        alive.delete(child);
        ended.abort(new Error(how));
        resolve(how);
      };
      child.once('error', (error) => over(`it could not be started: ${error.message}`));
      child.once('exit', (code, signal) =>
        over(signal === null ? `it ended with code ${code ?? 'unknown'}` : `it was ended by ${signal}`),
      );
    });
    if (child.pid !== undefined) writePidFile(this.#options.dir, child.pid);
    try {
      await pollUntilReady(this.#plan.check, { timeoutMs: READY_TIMEOUT_MS, signal: ended.signal });
    } catch (error) {
      throw new ServerStartFailed(
        `${SERVERS[this.kind].title} (${this.#binary}) did not start: ${messageOf(error)}\n${endOf(logFile)}\nIts whole log: ${logFile}`,
        { cause: error },
      );
    }
    ended.signal.addEventListener('abort', () => {
      if (!this.#endExpected) this.#options.onExit?.(messageOf(ended.signal.reason));
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#endExpected = true;
    if (child !== undefined) {
      child.kill('SIGTERM');
      // A stopped process takes no SIGTERM before it goes on.
      child.kill('SIGCONT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    removePidFile(this.#options.dir);
  }

  kill(signal: NodeJS.Signals): void {
    this.#endExpected = signal !== 'SIGSTOP' && signal !== 'SIGCONT';
    this.#child?.kill(signal);
  }

  async restart(): Promise<void> {
    // After a SIGKILL a moment ago there is nothing to stop, but its port is free only once it is gone.
    await this.stop();
    await this.#exited;
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function endOf(logFile: string): string {
  try {
    return lastLines(readFileSync(logFile, 'utf8'), LOG_LINES_SHOWN);
  } catch (error) {
    return `(its log cannot be read: ${messageOf(error)})`;
  }
}
