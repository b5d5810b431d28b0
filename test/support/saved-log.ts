import { text } from 'node:stream/consumers';
import { Client } from 'minio';
import { said } from './log-reader.ts';
import type { TestServers } from './servers.ts';

/** What a bot said, as it was saved, in order. */
export async function savedLog(servers: TestServers, botId: string): Promise<string[]> {
  const client = new Client(servers.s3);
  const bucket = servers.environment['S3_LOG_BUCKET'] ?? '';
  const listed = client.listObjectsV2(bucket, `logs/${botId}/`, true) as AsyncIterable<{ name: string }>;
  const lines: string[] = [];
  for await (const { name } of listed)
    lines.push(...(await text(await client.getObject(bucket, name))).split('\n'));
  return lines.filter((line) => line !== '').map(said);
}
