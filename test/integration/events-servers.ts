import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../infra/local/cache.ts';
import { runCommand } from '../../infra/local/command.ts';
import { startMongo, type MongoOptions } from '../../infra/local/mongo.ts';
import { startNats } from '../../infra/local/nats.ts';
import { obtainProgramOrThrow } from '../../infra/local/obtain.ts';
import type { RunningServer } from '../../infra/local/types.ts';

/** A server of this test file alone, which it may kill: its data go with it. */
export type OwnServer = RunningServer & { dispose(): Promise<void> };

export async function ownMongo(options: Omit<MongoOptions, 'dir'> = {}): Promise<OwnServer> {
  const dir = await mkdtemp(join(tmpdir(), 'the0-test-mongo-'));
  return disposable(await startMongo({ ...options, dir }), dir);
}

export async function ownNats(options: { binary?: string } = {}): Promise<OwnServer> {
  const dir = await mkdtemp(join(tmpdir(), 'the0-test-nats-'));
  return disposable(await startNats({ ...options, dir }), dir);
}

function disposable(server: RunningServer, dir: string): OwnServer {
  const dispose = async (): Promise<void> => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return Object.assign(server, { dispose });
}

/**
 * The servers to prove both ends of the supported range: the one that tests use anyway, and Debian's 2.9, which is
 * fetched without being installed. Where there is no apt the first alone, and it says so; where there is, 2.9 is meant to be
 * tested, and a test that could not is not to pass.
 */
export async function natsVersions(): Promise<{ version: string; binary: string }[]> {
  const usual = await obtainProgramOrThrow('nats', process.env);
  const old = await debianNats();
  const all = [{ version: usual.version, binary: usual.path }];
  if (old !== undefined) all.push({ version: '2.9 (Debian)', binary: old });
  else console.warn('There is no apt here to fetch nats-server 2.9 with: only the usual one is tested');
  return all;
}

/** Undefined where there is no apt. */
async function debianNats(): Promise<string | undefined> {
  const directory = join(cacheDirectory(process.env), 'test-servers', 'debian-nats');
  const binary = join(directory, 'usr', 'sbin', 'nats-server');
  if (existsSync(binary)) return binary;
  await mkdir(directory, { recursive: true });
  if ((await runCommand('sh', ['-c', 'command -v apt-get dpkg-deb'], {})).code !== 0) return undefined;
  const get = 'apt-get download nats-server';
  const script = `(${get} || (apt-get update && ${get})) && dpkg-deb -x nats-server_*.deb . && rm nats-server_*.deb`;
  const { code, output } = await runCommand('sh', ['-c', script], { cwd: directory });
  if (code === 0 && existsSync(binary)) return binary;
  throw new Error(
    `nats-server 2.9, the oldest that is supported, could not be fetched with apt-get, so that it is not tested:\n${output}\nPut one at ${binary}, or let apt-get reach a mirror.`,
  );
}
