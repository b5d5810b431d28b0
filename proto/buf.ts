import { execFileSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

export const PROTO = import.meta.dirname;
const BIN = join(PROTO, '..', 'node_modules', '.bin');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs `buf` on this folder and gives its standard output. What it finds wrong is in the error's message. */
export function buf(...args: readonly string[]): Buffer {
  try {
    return execFileSync(join(BIN, 'buf'), args, {
      cwd: PROTO,
      env: { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` },
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    const said = `${stdout?.toString('utf8') ?? ''}${stderr?.toString('utf8') ?? ''}`.trim();
    throw new Error(`buf ${args.join(' ')}: ${said === '' ? (error as Error).message : said}`, {
      cause: error,
    });
  }
}
