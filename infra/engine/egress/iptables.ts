import { execFile } from 'node:child_process';

/** Runs `iptables` or `iptables-restore`; resolves with what it prints, rejects with an `IptablesError`. */
export type Iptables = (
  program: 'iptables' | 'iptables-restore',
  args: readonly string[],
  stdin?: string,
) => Promise<string>;

export class IptablesError extends Error {
  override readonly name = 'IptablesError';
  /** `ENOENT` where the program is not there, otherwise its exit code. */
  readonly code: string | number | undefined;
  constructor(message: string, code: string | number | undefined, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Docker and others change the tables too: each call waits so long for the lock. */
const LOCK_WAIT_S = 10;
const TIMEOUT_MS = 30_000;

export const runIptables: Iptables = (program, args, stdin) =>
  new Promise((resolve, reject) => {
    const child = execFile(
      program,
      ['-w', String(LOCK_WAIT_S), ...args],
      { timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(
            new IptablesError(
              `${program} ${args.join(' ')}: ${stderr.trim() || error.message}`,
              error.code ?? undefined,
              { cause: error },
            ),
          );
      },
    );
    // A program that ends before it has read everything says why by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin ?? '');
  });
