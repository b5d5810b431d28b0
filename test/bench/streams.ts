import { connect } from '@nats-io/transport-node';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogService } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import { loadSettings } from '../../infra/config/load.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { liveSubject } from '../../producers/live-logs/subject.ts';
import { dayText } from '../../producers/control/logs/place.ts';
import { until } from '../support/poll.ts';
import { median, parameter, percentile, type Bench } from './harness/index.ts';

const READERS = parameter('STREAMS_READERS', 200);
const RATE = parameter('STREAMS_RATE', 50);
const SECONDS = parameter('STREAMS_SECONDS', 20);
const ROUNDS = parameter('STREAMS_ROUNDS', 3);

/** As the follower of output publishes: what comes within this goes together. */
const PUBLISHED_EVERY_MS = 50;
const WARM_UP_MS = 5_000;
const ID = 'followed';

export const bench: Bench = {
  name: 'streams',
  goal: `${READERS} readers of one log stream over gRPC, each over a connection of its own, of a bot that prints ${RATE} lines of 100 bytes a second: CPU of the API's process ≤ 20 % of a core, each line told to each once`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 'nats', 's3');
    const settings = loadSettings(servers.environment);
    using s3 = new S3Client(s3Options(settings));
    await s3.ensureBucket(settings.S3_LOG_BUCKET);
    await s3.put(settings.S3_LOG_BUCKET, `logs/${ID}/${dayText(Date.now())}.log`, `${lineOf(0)}\n`);
    const child = context.node({ script: 'test/bench/children/api.ts', environment: servers.environment });
    const { grpc, token } = JSON.parse(await child.line((line) => line.startsWith('{"ready"'))) as {
      grpc: { host: string; port: number };
      token: string;
    };
    const spent = async (): Promise<{ cpuMs: number; rss: number }> => {
      const answer = child.line((line) => line.includes('"cpuMs"'));
      child.kill('SIGUSR2');
      return JSON.parse(await answer) as { cpuMs: number; rss: number };
    };

    const leave = new AbortController();
    context.atEnd('the readers', async () => leave.abort());
    const lags: number[] = [];
    const counts = Array.from({ length: READERS }, () => 0);
    const readers = counts.map(async (_, reader) => {
      const client = createClient(
        LogService,
        createGrpcTransport({ baseUrl: `http://${grpc.host}:${grpc.port}` }),
      );
      const headers = { authorization: `Bearer ${token}` };
      for await (const { lines } of client.streamLogs({ id: ID }, { headers, signal: leave.signal }))
        for (const { text } of lines) {
          const { n, at } = JSON.parse(text) as { n: number; at: number };
          if (n === 0) continue;
          counts[reader] = (counts[reader] ?? 0) + 1;
          if (n !== counts[reader])
            throw new Error(`Reader ${reader} has line ${n} after ${counts[reader] - 1}`);
          lags.push(Date.now() - at);
        }
    });
    const reading = Promise.all(readers);
    reading.catch(() => undefined);

    const nats = await connect({ servers: servers.natsUrl });
    context.atEnd('the bot', () => nats.close());
    await sleep(WARM_UP_MS);
    let printed = 0;
    const beganMs = performance.now();
    const printing = setInterval(() => {
      const due = Math.floor(((performance.now() - beganMs) * RATE) / 1000);
      if (due <= printed) return;
      let chunk = '';
      while (printed < due) chunk += `${lineOf((printed += 1))}\n`;
      nats.publish(liveSubject(ID), chunk);
    }, PUBLISHED_EVERY_MS);
    context.atEnd('printing', async () => clearInterval(printing));
    await sleep(WARM_UP_MS);

    const runs: number[] = [];
    let rss = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [before, fromMs] = [await spent(), performance.now()];
      await Promise.race([sleep(SECONDS * 1000), reading]);
      const after = await spent();
      runs.push(((after.cpuMs - before.cpuMs) / (performance.now() - fromMs)) * 100);
      rss = after.rss;
      context.say(`${runs.at(-1)?.toFixed(1)} % of a core, ${lags.length} lines told`);
    }
    clearInterval(printing);
    await until(() => counts.every((count) => count === printed), { what: 'every line at every reader' });
    leave.abort();
    await reading.catch(() => undefined);
    return [
      { name: 'CPU of the API', value: median(runs), unit: '% of a core', runs, limit: { atMost: 20 } },
      {
        name: 'print → reader p99',
        value: percentile(lags, 0.99),
        unit: 'ms',
        runs: [percentile(lags, 0.99)],
      },
      { name: 'lines told a second', value: RATE * READERS, unit: 'lines/s', runs: [RATE * READERS] },
      { name: 'memory of the API', value: rss / 2 ** 20, unit: 'MB', runs: [rss / 2 ** 20] },
    ];
  },
};

const lineOf = (n: number): string => {
  const line = JSON.stringify({ n, at: Date.now(), message: '' });
  return line.replace('""', `"${'x'.repeat(Math.max(0, 100 - line.length))}"`);
};
