import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../infra/local/cache.ts';
import { lastLines, runCommand } from '../../infra/local/command.ts';

const PACKAGES = ['grpcio', 'grpcio-tools', 'grpcio-health-checking', 'grpcio-status'];
/** Another set of packages, or of versions, is another folder. */
const EDITION = 'grpc-1';
const INSTALL_TIMEOUT_MS = 300_000;
const CALL_TIMEOUT_MS = 60_000;
const PROTO = join(import.meta.dirname, '..', '..', 'proto');

/** Python's own gRPC, from PyPI; installed once for all clones and runs. Gives the folder that Python finds it in. */
async function ensurePackages(): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'foreign', EDITION);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  try {
    await python(
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', fresh, ...PACKAGES],
      { timeoutMs: INSTALL_TIMEOUT_MS },
    );
    // In one step, so that nobody sees half of it. Who was second has the first one's.
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** Makes stubs from the protos as they are, and runs `client.py` with them. */
export async function callFromPython(
  address: string,
  given: Readonly<Record<string, string>>,
  dir: string,
): Promise<Record<string, unknown>> {
  const packages = await ensurePackages();
  const stubs = join(dir, 'stubs');
  mkdirSync(stubs, { recursive: true });
  const environment = { PYTHONPATH: packages };
  const found = ['bots', 'common', 'events', 'installation', 'logs', 'runs', 'schedules'];
  await python(
    [
      '-m',
      'grpc_tools.protoc',
      // The first one that a file lies below names it.
      `--proto_path=${join(PROTO, 'third_party')}`,
      `--proto_path=${PROTO}`,
      `--python_out=${stubs}`,
      `--grpc_python_out=${stubs}`,
      ...found.map((name) => `the0/runtime/v1/${name}.proto`),
      'buf/validate/validate.proto',
    ],
    { environment },
  );
  const script = join(import.meta.dirname, 'client.py');
  const output = await talk([script, address, stubs], environment, JSON.stringify(given));
  return JSON.parse(output) as Record<string, unknown>;
}

async function python(
  args: readonly string[],
  options: { environment?: Record<string, string>; timeoutMs?: number },
): Promise<void> {
  const { environment = {}, timeoutMs = CALL_TIMEOUT_MS } = options;
  const { code, output } = await runCommand('python3', args, {
    environment: { ...process.env, ...environment },
    timeoutMs,
  });
  if (code !== 0) throw new Error(`python3 ${args.slice(0, 3).join(' ')}: ${lastLines(output, 15)}`);
}

function talk(args: readonly string[], environment: Record<string, string>, input: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn('python3', args, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: CALL_TIMEOUT_MS,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.on('error', reject);
  child.on('close', (code) =>
    code === 0
      ? resolve(stdout)
      : reject(new Error(`The Python client ended with ${code}: ${lastLines(stderr, 15)}`)),
  );
  child.stdin.end(input);
  return promise;
}
