import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'minio';
import { obtainProgramOrThrow } from './obtain.ts';
import { freePorts } from './ports.ts';
import { superviseServer } from './supervise.ts';
import type { RunningServer, ServerPlan, StartOptions } from './types.ts';
import { askOverTcp } from './wire.ts';

export type S3Keys = { accessKey: string; secretKey: string };

// Each has a usual value that two instances would fight over.
const INNER_PORTS = [
  's3.port.grpc',
  'master.port',
  'master.port.grpc',
  'volume.port',
  'volume.port.grpc',
].concat(['filer.port', 'filer.port.grpc', 'admin.port', 'admin.port.grpc']);

/** SeaweedFS with its S3 interface; its keys are made at the first start and kept beside the data. */
export async function startS3(options: StartOptions): Promise<RunningServer> {
  const binary = options.binary ?? (await obtainProgramOrThrow('s3', process.env)).path;
  mkdirSync(options.dir, { recursive: true });
  const keys = keysIn(options.dir);
  const config = join(options.dir, 's3.json');
  writeFileSync(config, JSON.stringify(identities(keys)), { mode: 0o600 });
  return superviseServer('s3', binary, options, async () => {
    const inner = await freePorts(INNER_PORTS.length + 1);
    const port = options.port ?? inner.pop() ?? 0;
    return {
      args: [
        'mini',
        `-dir=${join(options.dir, 'data')}`,
        '-ip=127.0.0.1',
        '-ip.bind=127.0.0.1',
        `-s3.port=${port}`,
        `-s3.config=${config}`,
      ]
        .concat([
          '-admin.ui=false',
          '-webdav=false',
          '-s3.port.iceberg=0',
          '-s3.port.lance=0',
          '-volume.preStopSeconds=0',
          // Each bucket takes some for itself; by default there are as many as would fill the disk, which is soon too few.
          '-volume.max=4096',
          '-s3.allowDeleteBucketNotEmpty=false',
        ])
        .concat(INNER_PORTS.map((name, index) => `-${name}=${inner[index] ?? 0}`)),
      ...s3At(port, keys),
    };
  });
}

export function s3At(port: number, keys: S3Keys): Omit<ServerPlan, 'args'> {
  const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, ...keys, region: 'us-east-1' });
  const check = async (): Promise<void> => {
    await askOverTcp(port, 'GET / HTTP/1.0\r\n\r\n');
    await client.listBuckets();
    await canStore(client);
  };
  const env = {
    S3_ENDPOINT: `127.0.0.1:${port}`,
    S3_ACCESS_KEY: keys.accessKey,
    S3_SECRET_KEY: keys.secretKey,
    S3_USE_SSL: 'false',
  };
  return { url: `http://127.0.0.1:${port}`, env, port, check };
}

/** The interface is up before there is a volume to write to, so only a write shows that it works. */
async function canStore(client: Client): Promise<void> {
  const bucket = 'readiness-probe';
  if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket);
  await client.putObject(bucket, 'probe', 'ready');
  await client.removeObject(bucket, 'probe');
  await client.removeBucket(bucket);
}

export const identities = (keys: S3Keys): unknown => ({
  identities: [
    { name: 'admin', credentials: [keys], actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] },
  ],
});

export function keysIn(dir: string): S3Keys {
  const path = join(dir, 'keys.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as S3Keys;
  const keys = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
  writeFileSync(path, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}
