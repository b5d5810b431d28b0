import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readArchive } from './archive.ts';
import { prepare, type Prepared } from './prepare.ts';

const CONFIG =
  'name: my-bot\nversion: 1.0.0\ntype: realtime\nruntime: python3.11\nentrypoints: {bot: main.py}\n';

let base = '';
let folder = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'prepare-'));
  folder = join(base, 'bot');
  await mkdir(folder);
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function files(content: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(content)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const run = (path = folder, configPath?: string): Promise<Prepared> =>
  prepare({
    path,
    workDir: base,
    say: () => undefined,
    buildOutput: 'stderr',
    ...(configPath === undefined ? {} : { configPath }),
  });

const packed = async ({ archive }: Prepared): Promise<string[]> =>
  (await readArchive(archive.path, () => false)).paths;

describe('a folder', () => {
  it('is packed without what is hidden, ignored, or this instance’s secret', async () => {
    await files({
      'bot-config.yaml': CONFIG,
      'main.py': 'pass',
      'config.json': '{"apiKey":"x"}',
      '.env': 'SECRET=1',
      'run.log': '',
      'test/a.py': '',
      'vendor/p/test/x.py': '',
      'data/big.csv': '',
      '.the0ignore': 'data/\n',
    });
    const prepared = await run();
    expect(await packed(prepared)).toEqual(['bot-config.yaml', 'main.py', 'vendor/p/test/x.py']);
    expect(prepared.instance).toEqual({ apiKey: 'x' });
  });

  it('makes the same bytes from the same files, and others when a file changes', async () => {
    await files({ 'bot-config.yaml': CONFIG, 'main.py': 'pass', 'b.py': '' });
    const first = await run();
    const second = await run();
    expect(second.archive.sha256).toBe(first.archive.sha256);
    expect((await readFile(second.archive.path)).length).toBe(second.archive.bytes);
    await files({ 'b.py': '1' });
    expect((await run()).archive.sha256).not.toBe(first.archive.sha256);
  });

  it.each([
    [{}, /There is no bot-config.yaml/],
    [{ 'bot-config.yaml': CONFIG }, /entrypoints.bot: "main.py" is not among the files/],
    [{ 'bot-config.yaml': CONFIG, 'main.py/x': '' }, /entrypoints.bot: "main.py" is a folder/],
    [{ 'bot-config.yaml': `${CONFIG}readme: R.md`, 'main.py': '' }, /readme: there is no file "R.md"/],
    [
      { 'bot-config.yaml': `${CONFIG}readme: R.md`, 'main.py': '', 'R.md': 'short' },
      /readme: "R.md" has 5 characters/,
    ],
    [
      { 'bot-config.yaml': `${CONFIG}schema: {bot: s.json}`, 'main.py': '', 's.json': '{' },
      /schema.bot: "s.json" is not JSON/,
    ],
    [
      { 'bot-config.yaml': CONFIG, 'main.py': '', 'config.json': '{"apiKey": "hunter2",}' },
      /config.json is not JSON$/,
    ],
    [{ 'bot-config.yaml': CONFIG, 'main.py': '', 'config.json': '[]' }, /must hold a JSON object/],
  ] as const)('is refused with the reason (%#)', async (content, message) => {
    await files(content);
    await expect(run()).rejects.toThrow(message);
  });

  it('never follows a link out of itself, nor round in circles', async () => {
    await files({ 'bot-config.yaml': CONFIG, 'main.py': 'pass' });
    await writeFile(join(base, 'outside.txt'), 'mine');
    await symlink(join(base, 'outside.txt'), join(folder, 'link.txt'));
    await expect(run()).rejects.toThrow(/link.txt is a link to .* outside of the bot’s folder/);
    await rm(join(folder, 'link.txt'));
    await symlink(folder, join(folder, 'loop'));
    await expect(run()).rejects.toThrow(/loop is a link to a folder that holds it/);
  });

  it('is built by its build.sh when the entry point is missing', async () => {
    await files({ 'bot-config.yaml': CONFIG, 'build.sh': 'echo building >&2; echo pass > main.py' });
    expect(await packed(await run())).toContain('main.py');
    await files({ 'build.sh': 'exit 3' });
    await rm(join(folder, 'main.py'));
    await expect(run()).rejects.toThrow(/build.sh in .* ended with exit code 3/);
  });

  it('keeps the run bit', async () => {
    await files({ 'bot-config.yaml': CONFIG, 'main.py': 'pass' });
    const before = await run();
    await chmod(join(folder, 'main.py'), 0o755);
    expect((await run()).archive.sha256).not.toBe(before.archive.sha256);
  });
});

describe('a ZIP', () => {
  it('is taken as it is', async () => {
    await files({
      'bot-config.yaml': `${CONFIG}readme: docs/R.md`,
      'main.py': 'pass',
      'docs/R.md': 'x'.repeat(60),
    });
    const made = await run();
    const path = join(base, 'bot.zip');
    await writeFile(path, await readFile(made.archive.path));
    const taken = await run(path);
    expect(taken.archive.sha256).toBe(made.archive.sha256);
    expect(taken.definition).toEqual(made.definition);
  });

  it('is refused where it is none, or cut off', async () => {
    const path = join(base, 'bad.zip');
    await writeFile(path, 'not a zip');
    await expect(run(path)).rejects.toThrow(/bad.zip is not a ZIP that can be read/);
    await files({ 'bot-config.yaml': CONFIG, 'main.py': 'pass' });
    const whole = await readFile((await run()).archive.path);
    await writeFile(path, whole.subarray(0, whole.length - 30));
    await expect(run(path)).rejects.toThrow(/is not a ZIP that can be read/);
  });
});

it('names what is neither', async () => {
  await expect(run(join(base, 'nothing'))).rejects.toThrow(/There is no folder or ZIP at/);
  await writeFile(join(base, 'x.tar'), '');
  await expect(run(join(base, 'x.tar'))).rejects.toThrow(/neither a folder nor a .zip/);
});

it('takes the configuration that is named, and says when it is not there', async () => {
  await files({ 'bot-config.yaml': CONFIG, 'main.py': 'pass', 'config.json': '{"from":"folder"}' });
  await writeFile(join(base, 'other.json'), '{"from":"other"}');
  const prepared = await run(folder, join(base, 'other.json'));
  expect(prepared.instance).toEqual({ from: 'other' });
  expect(await packed(prepared)).toEqual(['bot-config.yaml', 'main.py']);
  await expect(run(folder, join(base, 'none.json'))).rejects.toThrow(/There is no configuration at/);
});
