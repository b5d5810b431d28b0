import { randomBytes } from 'node:crypto';
import { Client } from 'minio';
import type { Collection } from 'mongodb';
import yazl from 'yazl';
import type { BotDocument } from '../../model/bots.ts';
import type { BotStatus } from '../../model/status.ts';
import { until } from './poll.ts';
import type { TestServers } from './servers.ts';

/** A bot id as the platform makes them. */
export const newBotId = (): string => `b${randomBytes(12).toString('hex').slice(0, 23)}`;

/** A ZIP of the given files. */
export async function zipOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files))
    zip.addBuffer(Buffer.from(content), name, { mode: 0o100755 });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Puts code into the test's bucket, as the platform's upload does, and returns its key. */
export async function uploadCode(
  servers: TestServers,
  files: Readonly<Record<string, string | Buffer>>,
  key?: string,
): Promise<string> {
  return uploadObject(servers, await zipOf(files), key);
}

export async function uploadObject(
  servers: TestServers,
  content: Buffer,
  key = `owner/code-${randomBytes(4).toString('hex')}/1.0.0`,
): Promise<string> {
  const s3 = new Client(servers.s3);
  if (!(await s3.bucketExists(servers.codeBucket))) await s3.makeBucket(servers.codeBucket);
  await s3.putObject(servers.codeBucket, key, content, content.length, { 'Content-Type': 'application/zip' });
  return key;
}

export type BotOverrides = {
  config?: Record<string, unknown>;
  runtime?: string;
  entry?: string;
  filePath: string;
};

/** A document as the event consumer writes it. */
export function botDocument(id: string, bot: BotOverrides): BotDocument {
  const { config = {}, runtime = 'python3.11', entry = 'main.py', filePath } = bot;
  return {
    id,
    segment_id: 0,
    config: { name: `bot ${id}`, type: 'realtime/example', version: '1.0.0', ...config },
    custom: {
      version: '1.0.0',
      filePath,
      config: { name: 'example', runtime, type: 'realtime', version: '1.0.0', entrypoints: { bot: entry } },
    },
  };
}

/** Waits until the bot's status passes the check, and returns it. */
export function statusOf(
  statuses: Collection<BotStatus>,
  botId: string,
  check: (status: BotStatus) => boolean,
  timeoutMs = 15_000,
): Promise<BotStatus> {
  let seen: BotStatus | null = null;
  return until(
    async () => {
      seen = await statuses.findOne({ _id: botId });
      if (seen !== null && check(seen)) return seen;
      throw new Error(`status is ${JSON.stringify(seen)}`);
    },
    { timeoutMs, what: `the status of ${botId}` },
  );
}
