import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { until } from './poll.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

export type Outcome = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

/**
 * A command of the command line as a process of its own. `environment` is all it gets, besides PATH and HOME. `through`: a
 * program that starts it, with its arguments.
 */
export class CliProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<Outcome>;

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    through: readonly string[] = [],
  ) {
    const { PATH = '', HOME = '', XDG_CACHE_HOME } = process.env;
    const base = { PATH, HOME, ...(XDG_CACHE_HOME === undefined ? {} : { XDG_CACHE_HOME }) };
    const [program = '', ...rest] = [...through, process.execPath, MAIN, ...args];
    this.child = spawn(program, rest, {
      env: { ...base, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    const ended = Promise.withResolvers<Outcome>();
    this.child.on('error', ended.reject);
    this.child.on('close', (code, signal) =>
      ended.resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
    );
    this.ended = ended.promise;
  }

  /** Waits until the output matches; fails at once, with the output, when the process ends before. */
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    return until(
      () => {
        const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (found === null && this.child.exitCode !== null)
          throw new Error(`it ended with ${this.child.exitCode}: ${this.stdout}\n${this.stderr}`);
        return found;
      },
      { timeoutMs, what: `${String(pattern)} in ${this.stdout}${this.stderr}` },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

export const runCli = (
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  through?: readonly string[],
): Promise<Outcome> => new CliProcess(args, environment, through).ended;
