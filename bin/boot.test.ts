import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../test/support/poll.ts';
import { withLock } from './lock.mjs';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'the0-boot-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

describe('the lock between processes', () => {
  it('lets one in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock(join(dir, 'lock'), work)));
    expect(most).toBe(1);
  });

  it('is free again after the work has failed', async () => {
    const path = join(dir, 'lock');
    await expect(withLock(path, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(withLock(path, () => 'done')).resolves.toBe('done');
  });

  it('is taken over from a process that was killed while it held it', async () => {
    const path = join(dir, 'lock');
    const script = `import { withLock } from ${JSON.stringify(here('lock.mjs'))};
      await withLock(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'));`;
    expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal).toBe('SIGKILL');
    await expect(Promise.all([withLock(path, () => 1), withLock(path, () => 2)])).resolves.toEqual([1, 2]);
  });

  it('says whom it waits for, and gives up naming him', async () => {
    const path = join(dir, 'lock');
    const waitedFor: number[] = [];
    await withLock(path, async () => {
      const second = withLock(path, () => 'never', {
        timeoutMs: 50,
        onWait: (pid) => void waitedFor.push(pid),
      });
      await expect(second).rejects.toThrow(`held by process ${process.pid}`);
    });
    expect(waitedFor).toEqual([process.pid]);
  });
});

/** A tree with a lock file that names nothing and a recorded installation of it, so that no npm is needed. */
function makeTree(main: string): void {
  for (const folder of ['bin', 'cli', 'node_modules']) mkdirSync(join(dir, folder));
  for (const file of ['the0-runtime', 'boot-error', 'dependencies', 'find-node', 'hand-over', 'lock'])
    spawnSync('cp', [here(`${file}.mjs`), join(dir, 'bin', `${file}.mjs`)]);
  const lock = JSON.stringify({ packages: { '': {} } });
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'package-lock.json'), lock);
  writeFileSync(join(dir, 'node_modules', '.package-lock.json'), lock);
  writeFileSync(join(dir, 'cli', 'main.ts'), main);
}

const boot = (): string => join(dir, 'bin', 'the0-runtime.mjs');

describe('the boot script', () => {
  it('passes arguments on, and the exit code back', () => {
    makeTree(
      'const args: string[] = process.argv.slice(2); console.log(args.join("+")); process.exitCode = 7;',
    );
    const result = spawnSync(process.execPath, [boot(), 'bots', '--json'], { encoding: 'utf8' });
    expect(result).toMatchObject({ stdout: 'bots+--json\n', status: 7 });
  });

  it('runs another file of the tree with --run, and says so when its name is missing', () => {
    makeTree('');
    writeFileSync(join(dir, 'other.ts'), 'console.log("other", ...process.argv.slice(2));');
    expect(spawnSync(process.execPath, [boot(), '--run', 'other.ts', 'a'], { encoding: 'utf8' }).stdout).toBe(
      'other a\n',
    );
    const nameless = spawnSync(process.execPath, [boot(), '--run'], { encoding: 'utf8' });
    expect(nameless.stderr).toContain('--run needs the name of a file');
    expect(nameless.status).toBe(1);
  });

  it('ends by the signal that ended its child', () => {
    makeTree('process.kill(process.pid, "SIGKILL");');
    expect(spawnSync(process.execPath, [boot()]).signal).toBe('SIGKILL');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on once', async (signal) => {
    makeTree(`let seen = 0;
      process.on(${JSON.stringify(signal)}, () => { seen += 1; setTimeout(() => { console.log("seen", seen); process.exit(3); }, 200); });
      console.log("ready"); setInterval(() => {}, 1000);`);
    // In a session of its own there is no terminal that would send it to the child as well.
    const child = spawn(process.execPath, [boot()], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = new Promise((resolve) => child.on('exit', resolve));
    await until(() => output.includes('ready'));
    child.kill(signal);
    await expect(code).resolves.toBe(3);
    expect(output).toContain('seen 1\n');
  });

  it('shows what npm said when the dependencies cannot be installed', () => {
    makeTree('console.log("never");');
    rmSync(join(dir, 'node_modules'), { recursive: true });
    writeFileSync(join(dir, 'package-lock.json'), 'not a lock');
    const { status, stdout, stderr } = spawnSync(process.execPath, [boot()], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('npm error');
    expect(stderr).toContain('The dependencies could not be installed: npm ci ended with code');
  });

  it('says how to get npm when there is none', () => {
    makeTree('');
    rmSync(join(dir, 'node_modules'), { recursive: true });
    const { stderr } = spawnSync(process.execPath, [boot()], { encoding: 'utf8', env: { PATH: dir } });
    expect(stderr).toContain('npm is not on the PATH');
  });
});

/** Other Nodes of this machine that the boot script is for, and that cannot run the project themselves. */
const olderNodes = [...new Set((process.env['PATH'] ?? '').split(delimiter))]
  .map((folder) => join(folder, 'node'))
  .map((path) => ({ path, version: spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '' }))
  .filter(({ version }) => {
    const major = Number(/^v(\d+)\./.exec(version)?.[1]);
    return major >= 18 && major < 24;
  });

describe.each(olderNodes)('booted by $path, $version', ({ path }) => {
  it('goes on with the Node that the project brings', () => {
    makeTree('const version: string = process.version; console.log(version, ...process.argv.slice(2));');
    const own = join(dir, 'node_modules', 'node', 'bin');
    mkdirSync(own, { recursive: true });
    symlinkSync(process.execPath, join(own, 'node'));
    const result = spawnSync(path, [boot(), 'bots'], { encoding: 'utf8' });
    expect(result).toMatchObject({ stdout: `${process.version} bots\n`, stderr: '', status: 0 });
  });

  it('says what is needed where the project’s Node is missing', () => {
    makeTree('');
    const { status, stderr } = spawnSync(path, [boot()], { encoding: 'utf8' });
    expect(stderr).toMatch(/^Node 24 is needed, and this is Node \d+/);
    expect(status).toBe(1);
  });
});
