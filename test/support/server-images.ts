import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../../infra/images/build.ts';
import { EngineImages } from '../../infra/images/engine-images.ts';
import { cacheDirectory } from '../../infra/local/cache.ts';
import { lastLines, runCommand } from '../../infra/local/command.ts';
import { obtainProgram } from '../../infra/local/obtain.ts';
import type { ServerKind } from '../../infra/local/types.ts';

/** Stands for `valkey-cli ping`, the one thing that the compose file asks of it. */
const PING = "#!/bin/sh\nprintf 'PING\\r\\nQUIT\\r\\n' | nc -w 2 127.0.0.1 6379\n";
const BASE = 'the0-test-server-base:2';

/** As the stock images have them: who runs, where data lie, what a command is given to. */
const SERVERS: Readonly<Record<ServerKind, { program: string; more: readonly string[] }>> = {
  mongo: {
    program: 'mongod',
    more: ['RUN mkdir -p /data/db && chown -R 999:999 /data', 'VOLUME /data/db'],
  },
  redis: { program: 'valkey-server', more: ['COPY valkey-cli /usr/local/bin/valkey-cli', 'RUN mkdir /data'] },
  nats: { program: 'nats-server', more: ['RUN mkdir /data', 'ENTRYPOINT ["nats-server"]'] },
  s3: { program: 'weed', more: ['RUN mkdir /data', 'ENTRYPOINT ["weed"]'] },
};

/**
 * Images of the servers that `infra/compose.yaml` runs, where no registry is in reach: the programs that tests use anyway on a
 * base made of packages. Named for the variables by which the file takes another image.
 */
export async function serverImages(dockerHost: string): Promise<Record<string, string>> {
  const images = new EngineImages(dockerHost);
  if ((await images.find(BASE)) === undefined)
    await buildImage(
      {
        name: 'native',
        // bash: the health check of MongoDB, whose stock image has it.
        packages: ['bash', 'libc6', 'libstdc++6', 'libgcc-s1', 'zlib1g', 'libssl3', 'libcurl4', 'liblzma5'],
        env: {},
        command: ['/bin/sh'],
      },
      BASE,
      images,
      cacheDirectory(process.env),
    );
  const built: Record<string, string> = {};
  for (const [kind, { program, more }] of Object.entries(SERVERS) as [
    ServerKind,
    (typeof SERVERS)[ServerKind],
  ][])
    built[`${kind.toUpperCase()}_IMAGE`] = await build(kind, program, more);
  return built;

  async function build(kind: ServerKind, program: string, more: readonly string[]): Promise<string> {
    const found = await obtainProgram(kind, process.env);
    if ('failed' in found) throw new Error(`${kind}: ${found.failed.map(({ reason }) => reason).join('; ')}`);
    const dir = mkdtempSync(join(tmpdir(), 'the0-server-image-'));
    try {
      copyFileSync(found.path, join(dir, program));
      writeFileSync(join(dir, 'valkey-cli'), PING);
      for (const file of [program, 'valkey-cli']) chmodSync(join(dir, file), 0o755);
      const lines = [`FROM ${BASE}`, `COPY ${program} /usr/local/bin/${program}`, ...more];
      writeFileSync(join(dir, 'Dockerfile'), `${lines.join('\n')}\n`);
      const image = `the0-test-${kind}:1`;
      const { code, output } = await runCommand(
        'docker',
        ['--host', dockerHost, 'build', '--quiet', '--tag', image, dir],
        { timeoutMs: 120_000 },
      );
      if (code !== 0) throw new Error(`${image} could not be built: ${lastLines(output, 5)}`);
      return image;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}
