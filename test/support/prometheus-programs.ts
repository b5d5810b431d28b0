import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../bin/lock.mjs';
import { AptArchive } from '../../infra/images/apt.ts';
import { cacheDirectory } from '../../infra/local/cache.ts';
import { runCommand } from '../../infra/local/command.ts';
import { findOnPath } from '../../infra/local/find.ts';

const PROGRAMS = ['prometheus', 'promtool'] as const;
type Programs = Readonly<Record<(typeof PROGRAMS)[number], string>>;

/**
 * Paths of Prometheus and its tool: on the PATH, or out of the system's package, which is unpacked into the cache and not
 * installed, so that no service of it starts.
 */
export async function prometheusPrograms(): Promise<Programs> {
  const onPath = PROGRAMS.map((program) => findOnPath([program], process.env['PATH']));
  const [prometheus, promtool] = onPath;
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const tools = join(cacheDirectory(process.env), 'tools');
  const home = join(tools, 'prometheus');
  const unpacked = { prometheus: join(home, 'usr/bin/prometheus'), promtool: join(home, 'usr/bin/promtool') };
  if (existsSync(unpacked.promtool)) return unpacked;
  if (!AptArchive.isPossible)
    throw new Error('There is no Prometheus on the PATH, and no apt-get to get it with: install it');
  await mkdir(tools, { recursive: true });
  await withLock(join(tools, '.prometheus.lock'), async () => {
    if (!existsSync(unpacked.promtool)) await unpack(tools, home);
  });
  return unpacked;
}

async function unpack(tools: string, home: string): Promise<void> {
  const scratch = await mkdtemp(join(tools, 'prometheus-'));
  try {
    const [file = ''] = await new AptArchive(join(scratch, 'debs')).fetch([], ['prometheus']);
    const { code, output } = await runCommand('dpkg-deb', ['-x', file, join(scratch, 'root')]);
    if (code !== 0) throw new Error(`${file} could not be unpacked: ${output}`);
    await rm(home, { recursive: true, force: true });
    await rename(join(scratch, 'root'), home);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
