import { connect } from '@nats-io/transport-node';
import type { Client } from 'minio';
import { setTimeout as sleep } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import { LineLedger, printedOfStored, type LineFindings } from './printed-lines.ts';

/** How late a line was there, and when it was printed (epoch milliseconds). */
export type Seen = { lagMs: number; atMs: number };

export type LiveReader = {
  readonly seen: Seen[];
  findings(botId: string, total: number): LineFindings;
};

/** Reads what all bots print as the platform's API does, by NATS. What is no whole line waits for its end. */
export async function readLive(url: string): Promise<LiveReader & AsyncDisposable> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const seen: Seen[] = [];
  const ledgers = new Map<string, { ledger: LineLedger; rest: string }>();
  const of = (botId: string): { ledger: LineLedger; rest: string } => {
    const known = ledgers.get(botId) ?? { ledger: new LineLedger(), rest: '' };
    ledgers.set(botId, known);
    return known;
  };
  const subscription = connection.subscribe('the0.bot.logs.*');
  const reading = (async () => {
    for await (const message of subscription) {
      const now = Date.now();
      const known = of(message.subject.slice('the0.bot.logs.'.length));
      const lines = `${known.rest}${message.string()}`.split('\n');
      known.rest = lines.pop() ?? '';
      for (const line of lines) {
        const printed = known.ledger.take(line);
        if (printed !== undefined) seen.push({ lagMs: now - printed.atMs, atMs: printed.atMs });
      }
    }
  })();
  await connection.flush();
  return {
    seen,
    findings: (botId, total) => of(botId).ledger.findings(total),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await reading;
    },
  };
}

export type StoredSeen = Seen & { objectBytes: number };

/** Looks at the logs of some bots all the time, and notes when each line was first there to be read. */
export function watchStored(
  client: Client,
  bucket: string,
  botIds: readonly string[],
  everyMs: number,
): { readonly seen: StoredSeen[]; stop(): Promise<void> } {
  const seen: StoredSeen[] = [];
  const over = new AbortController();
  const look = async (botId: string, sizes: Map<string, number>): Promise<void> => {
    for (const { key, bytes } of await logsOf(client, bucket, botId)) {
      const before = sizes.get(key) ?? 0;
      if (bytes <= before) continue;
      const tail = await buffer(await client.getPartialObject(bucket, key, before));
      const now = Date.now();
      sizes.set(key, before + tail.length);
      const ledger = new LineLedger();
      for (const line of tail.toString().split('\n')) {
        const printed = line === '' ? undefined : ledger.take(printedOfStored(line));
        if (printed !== undefined)
          seen.push({ lagMs: now - printed.atMs, atMs: printed.atMs, objectBytes: before });
      }
    }
  };
  const watching = Promise.all(
    botIds.map(async (botId) => {
      const sizes = new Map<string, number>();
      while (!over.signal.aborted) {
        // What is not there yet, or cannot be reached, is looked for again.
        await look(botId, sizes).catch(() => undefined);
        await sleep(everyMs);
      }
    }),
  );
  return {
    seen,
    async stop() {
      over.abort();
      await watching;
    },
  };
}

/** Everything that is stored of a bot's output, day by day, judged against what it printed. */
export async function judgeStored(
  client: Client,
  bucket: string,
  botId: string,
  total: number,
): Promise<LineFindings & { days: number }> {
  const ledger = new LineLedger();
  const logs = await logsOf(client, bucket, botId);
  for (const { key } of logs) {
    const text = (await buffer(await client.getObject(bucket, key))).toString();
    for (const line of text.split('\n')) if (line !== '') ledger.take(printedOfStored(line));
  }
  return { ...ledger.findings(total), days: logs.length };
}

/** By day, since keys end with it. */
async function logsOf(
  client: Client,
  bucket: string,
  botId: string,
): Promise<{ key: string; bytes: number }[]> {
  const found: { key: string; bytes: number }[] = [];
  const listed = client.listObjectsV2(bucket, `logs/${botId}/`, true) as AsyncIterable<{
    name?: string;
    size: number;
  }>;
  for await (const { name, size } of listed) if (name !== undefined) found.push({ key: name, bytes: size });
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}
