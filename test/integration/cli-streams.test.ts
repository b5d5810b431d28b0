import { Code, ConnectError } from '@connectrpc/connect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GetLogsRequest, StreamLogsRequest } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import type { StreamEventsRequest } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { pause } from '../../infra/pause.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { CliProcess } from '../support/cli.ts';
import { runCliHere } from '../support/cli-here.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

/** Logs and events of an API elsewhere, whose streams break off as the test wants. */
const servers = testServers();
const asked: { logs: StreamLogsRequest[]; pages: GetLogsRequest[]; events: StreamEventsRequest[] } = {
  logs: [],
  pages: [],
  events: [],
};
let api: TestApi;
let token: string;

const line = (n: number): string =>
  JSON.stringify({ timestamp: '2026-11-24T10:00:00Z', message: `line ${n}` });
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ text: line(from + at), position: `p${from + at}` }));
const event = (id: string, after: string) => ({
  at: timestampFromDate(new Date('2026-11-24T10:00:00Z')),
  id,
  kind: 'phase',
  text: `It is ${after}.`,
  before: 'running',
  after,
  subject: 'bot',
});

const services = {
  logs: {
    /** A log of 25,000 lines. */
    getLogs: (request: GetLogsRequest) => {
      asked.pages.push(request);
      const end = request.before === '' ? 25_000 : Number(request.before);
      const from = Math.max(1, end - request.lines + 1);
      return { lines: lines(from, end), earlier: from === 1 ? '' : String(from - 1) };
    },
    streamLogs: async function* (request: StreamLogsRequest, { signal }: { signal: AbortSignal }) {
      asked.logs.push(request);
      yield { heartbeat: true };
      if (request.after === '') {
        yield { lines: lines(1, 2), position: 'p2' };
        throw new ConnectError('NATS does not answer', Code.Unavailable);
      }
      yield { note: 'Some lines may be missing here.' };
      yield { lines: lines(3, 3), position: 'p3' };
      await pause(60_000, signal);
    },
  },
  events: {
    streamEvents: async function* (request: StreamEventsRequest, { signal }: { signal: AbortSignal }) {
      asked.events.push(request);
      yield { heartbeat: true, position: 'e0' };
      yield { event: event('b1', 'failed'), position: 'e1' };
      await pause(60_000, signal);
    },
    listEvents: () => ({ events: [event('b1', 'failed'), event('b2', 'running')] }),
  },
};

const environment = (): Record<string, string> => ({ THE0_SERVER: api.server.url, THE0_TOKEN: token });

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment, services });
  token = await api.token('viewer');
});
afterAll(() => api?.stop());

describe('logs', () => {
  it('are asked for part by part from the end, and shown oldest first', async () => {
    const { code, stdout } = await runCliHere(['logs', 'b1', '--lines', '12000', '--json'], environment());
    expect(code).toBe(0);
    const shown = stdout.trimEnd().split('\n');
    expect(shown).toHaveLength(12_000);
    expect([shown[0], shown.at(-1)]).toEqual([line(13_001), line(25_000)]);
    expect(asked.pages.map(({ lines: count, before }) => [count, before])).toEqual([
      [10_000, ''],
      [2_000, '15000'],
    ]);
  });

  it('are followed beyond an interruption: nothing is missing, and nothing comes twice', async () => {
    await using following = new CliProcess(['logs', 'b1', '-f', '--lines', '2'], environment());
    await following.says(/line 3/);
    expect(following.stdout.match(/line \d/g)).toEqual(['line 1', 'line 2', 'line 3']);
    expect(following.stderr).toMatch(
      /NATS does not answer.*; it goes on\nSome lines may be missing here\.\n/,
    );
    expect(asked.logs.map(({ after, lines: count }) => [after, count])).toEqual([
      ['', 2],
      ['p2', 0],
    ]);
    following.child.kill('SIGINT');
    expect((await following.ended).code).toBe(0);
  });
});

describe('events', () => {
  it('are listed', async () => {
    const { stdout } = await runCliHere(['events'], environment());
    expect(stdout).toMatch(
      /^AT +ID +KIND +NOW +WHAT\n2026-11-24 10:00:00Z +b1 +phase +failed +It is failed\./,
    );
    const json = await runCliHere(['events', 'b1', '--json'], environment());
    expect(JSON.parse(json.stdout)).toMatchObject([{ id: 'b1', after: 'failed', who: null }, { id: 'b2' }]);
  });

  it('are followed, each as it comes, over gRPC as well', async () => {
    const { host, port } = api.server.grpc;
    const args = ['events', 'b1', '-f', '--json', '--kind', 'phase,hold'];
    const grpc = { ...environment(), THE0_SERVER: `grpc://${host}:${port}` };
    await using following = new CliProcess(args, grpc);
    await following.says(/"after":"failed"/);
    await until(() => asked.events.length === 1);
    expect(asked.events[0]).toMatchObject({ after: '', ids: ['b1'], kinds: ['phase', 'hold'] });
    following.child.kill('SIGTERM');
    expect((await following.ended).code).toBe(0);
  });
});
