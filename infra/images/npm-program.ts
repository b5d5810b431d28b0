import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runCommand } from '../local/command.ts';
import { BuildImpossible } from './errors.ts';

/** Fetches `name@range` with npm into `dir`, unpacks it, and returns the path of `file` in it. Works offline with what it fetched before. */
export async function fetchNpmProgram(spec: string, file: string, dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const scratch = await mkdtemp(join(dir, 'fetch-'));
  try {
    const packed = await runCommand(
      'npm',
      ['pack', spec, '--pack-destination', scratch, '--loglevel=error'],
      { cwd: scratch, timeoutMs: 300_000 },
    );
    const [tarball] = (await readdir(scratch)).filter((name) => name.endsWith('.tgz'));
    if (packed.code === 0 && tarball !== undefined) {
      const { code, output } = await runCommand(
        'tar',
        ['-xzf', join(scratch, tarball), '-C', scratch, `package/${file}`],
        { timeoutMs: 120_000 },
      );
      if (code !== 0) throw new BuildImpossible(`${tarball} has no ${file}: ${lastLines(output, 1)}`);
      const kept = join(dir, tarball.replace(/\.tgz$/, ''));
      if (!existsSync(kept)) await rename(join(scratch, 'package', file), kept);
      return kept;
    }
    const earlier = await newest(dir, spec.replace(/@[^@]*$/, ''));
    if (earlier !== undefined) return earlier;
    throw new BuildImpossible(`npm could not fetch ${spec}: ${lastLines(packed.output, 2)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function newest(dir: string, name: string): Promise<string | undefined> {
  const files = (await readdir(dir))
    .filter((file) => file.startsWith(`${name}-`))
    .map((file) => join(dir, file));
  const dated = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  return dated.sort((a, b) => b.at - a.at)[0]?.file;
}
