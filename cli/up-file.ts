import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { CliError } from './errors.ts';

/** What a running `up` leaves for the other commands of its clone. Holds credentials: readable by its owner only. */
const upFileSchema = z.object({
  pid: z.number().int().positive(),
  /** Tells the process from another that was given the same pid later; empty where the system does not say. */
  processStart: z.string(),
  startedAt: z.string(),
  dataDir: z.string(),
  /** Settings by which another process reaches the same servers; empty until they are up. */
  env: z.record(z.string(), z.string()),
  dashboardUrl: z.string().optional(),
  healthUrl: z.string().optional(),
});
export type UpFile = z.output<typeof upFileSchema>;

/** Another `up` of this clone is at work. */
export class AlreadyUp extends CliError {
  override readonly name = 'AlreadyUp';
  constructor(running: UpFile) {
    const dashboard = running.dashboardUrl === undefined ? '' : `, dashboard ${running.dashboardUrl}`;
    super(
      `\`up\` runs here already: process ${running.pid} since ${running.startedAt}, data in ${running.dataDir}${dashboard}. ` +
        `End it with Ctrl-C in its terminal, or: kill -INT ${running.pid}`,
    );
  }
}

/** The running `up` of this clone, if there is one: a file whose process is gone is none. */
export function findUp(path: string): UpFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CliError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const parsed = upFileSchema.safeParse(parseJson(text));
  return parsed.success && isAlive(parsed.data) ? parsed.data : undefined;
}

/**
 * Claims the clone for this process.
 * @throws AlreadyUp
 */
export function claimUp(path: string, file: Omit<UpFile, 'pid' | 'processStart'>): UpFile {
  const mine: UpFile = { ...file, pid: process.pid, processStart: processStart(process.pid) };
  mkdirSync(dirname(path), { recursive: true });
  for (let attempt = 0; ; attempt += 1) {
    try {
      // Exclusive creation: of two that start at once, one gets it.
      writeFileSync(path, JSON.stringify(mine, null, 2), { mode: 0o600, flag: 'wx' });
      return mine;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new CliError(`${path} cannot be written: ${(error as Error).message}`);
      const running = findUp(path);
      if (running !== undefined) throw new AlreadyUp(running);
      if (attempt > 2) throw new CliError(`${path} is in the way: remove it`);
      rmSync(path, { force: true });
    }
  }
}

/** Writes what has become known since the claim. */
export function updateUp(path: string, file: UpFile): void {
  writeFileSync(path, JSON.stringify(file, null, 2), { mode: 0o600 });
}

/** Removes our own claim, and nobody else's. */
export function releaseUp(path: string): void {
  if (findUp(path)?.pid === process.pid) rmSync(path, { force: true });
}

function isAlive(file: UpFile): boolean {
  try {
    process.kill(file.pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const start = processStart(file.pid);
  return file.processStart === '' || start === '' || start === file.processStart;
}

/** Field 22 of /proc/PID/stat, clock ticks since boot; empty on systems without /proc. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // No /proc here, or the process has just gone: the signal above has the last word.
    return '';
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Half-written by a process that died: as good as none.
    return undefined;
  }
}
