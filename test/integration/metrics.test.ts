import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import { START_STEPS } from '../../processors/start-timing.ts';
import { BOT_QUEUES } from '../../queues/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

/** What a bot-runner tells of bots: one that runs, one that crashes again and again, one that cannot run. */
const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
let runner: TestRunner;
const [steady, crashing, broken] = [newBotId(), newBotId(), newBotId()];

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  const filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  runner = await startTestRunner({
    environment: {
      ...environment,
      RECONCILE_INTERVAL: '200ms',
      METRICS_NAME_BOTS: '1',
      BACKOFF_MAX: '200ms',
    },
    engine,
  });
  const { bots, status } = runner.services.collections;
  await bots.insertMany([
    botDocument(steady, { filePath }),
    botDocument(crashing, { filePath }),
    botDocument(broken, { filePath, config: { memory_limit: 'much' } }),
  ]);
  await statusOf(status, steady, ({ phase }) => phase === 'running');
  await statusOf(status, broken, ({ phase }) => phase === 'failed');
  for (let crash = 1; crash <= 3; crash += 1) {
    await statusOf(status, crashing, ({ phase, lock }) => phase === 'running' && lock === null);
    await engine.control.exit(containerName(servers.installation, crashing), 3);
    await statusOf(status, crashing, ({ consecutiveFailures }) => consecutiveFailures === crash);
  }
}, 60_000);

afterAll(() => runner.stop());

/** The value of the series whose labels are these, in whatever order; undefined: there is none. */
function valueIn(
  body: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  const line = body
    .split('\n')
    .find((each) => each.split(/[{ ]/)[0] === name && wanted.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const scrape = async (): Promise<string> => (await runner.context.metrics.render()).body;
const value = async (...series: [name: string, labels?: Readonly<Record<string, string>>]) =>
  valueIn(await scrape(), ...series);

describe('a bot-runner tells', () => {
  it('its bots by phase, and which of them are in trouble', async () => {
    await until(async () => (await value('the0_bots_in_trouble', { trouble: 'crash-loop' })) === 1);
    expect(await value('the0_bots', { phase: 'failed' })).toBe(1);
    expect(await value('the0_bots', { phase: 'held' })).toBe(0);
    expect(await value('the0_bots_in_trouble', { trouble: 'failed' })).toBe(1);
    expect(await value('the0_bot_in_trouble', { bot: crashing, trouble: 'crash-loop' })).toBe(1);
    expect(await value('the0_bot_in_trouble', { bot: broken, trouble: 'failed' })).toBe(1);
    expect(await value('the0_bot_in_trouble', { bot: steady })).toBeUndefined();
  });

  it('transitions by cause and outcome', async () => {
    const transitions = (kind: string, cause: string, outcome: string) =>
      value('the0_transitions_total', { kind, cause, outcome });
    // Some of the three exits may be seen by a job that came for the end of the back-off.
    await until(async () => ((await transitions('start', 'ended', 'deferred')) ?? 0) >= 1);
    // More than one where a look at everything came while a job was at work.
    expect(await transitions('start', 'new', 'succeeded')).toBeGreaterThanOrEqual(2);
    expect(await transitions('start', 'new', 'failed')).toBeGreaterThanOrEqual(1);
  });

  it('where the time of each start goes', async () => {
    await until(async () => ((await value('the0_start_seconds_count', { step: 'total' })) ?? 0) >= 2);
    const body = await scrape();
    const of = (figure: 'sum' | 'count', step: string): number =>
      valueIn(body, `the0_start_seconds_${figure}`, { step }) ?? 0;
    for (const step of START_STEPS) expect(of('count', step), step).toBe(of('count', 'total'));
    const parts = START_STEPS.filter((step) => step !== 'total').map((step) => of('sum', step));
    expect(of('sum', 'total')).toBeGreaterThanOrEqual(parts.reduce((all, part) => all + part, 0) * 0.99);
  });

  it('calls of the engine, with the codes of those that failed', async () => {
    expect(await value('the0_engine_calls_total', { call: 'create', outcome: 'ok' })).toBeGreaterThanOrEqual(
      2,
    );
    await engine.control.failNext({ call: 'pathMode', error: 'refused' });
    await expect(runner.services.engine.pathMode('0'.repeat(64), '/')).rejects.toThrow();
    expect(await value('the0_engine_calls_total', { call: 'pathMode', outcome: 'engine_refused' })).toBe(1);
  });

  it('what it does alone, which queues it works on, and what its looks cost', async () => {
    for (const lease of ['planner', 'log-follower', 'sweeper', 'state-watch', 'query-sweep', 'usage'])
      await until(async () => (await value('the0_lease_held', { lease })) === 1, { what: lease });
    for (const queue of BOT_QUEUES) expect(await value('the0_queue_workers', { queue })).toBe(1);
    expect(await value('the0_resync_seconds_count', { of: 'bots' })).toBeGreaterThan(0);
    // Redis was new, which is seen at the first look for its key.
    await until(async () => (await value('the0_redis_rebuilds_total', { of: 'bots' })) === 1);
    const { collections } = runner.services;
    const drift = (await value('the0_resync_drift_total', { of: 'bots' })) ?? 0;
    // Nothing announces that a status is gone.
    await collections.status.deleteOne({ _id: steady });
    await until(async () => ((await value('the0_resync_drift_total', { of: 'bots' })) ?? 0) > drift);
  });
});

it('what a process did alone is another’s once it stops', async () => {
  await using other = await startTestRunner({
    environment: { ...servers.environment, NATS_URL: '', RECONCILE_INTERVAL: '200ms' },
    engine,
  });
  const held = async ({ context }: TestRunner): Promise<string | undefined> =>
    /the0_lease_held\{lease="planner"[^}]*\} (\d)/.exec((await context.metrics.render()).body)?.[1];
  expect([await held(runner), await held(other)]).toEqual(['1', '0']);
  await runner.stop();
  await until(async () => (await held(other)) === '1');
  expect(await held(runner)).toBe('0');
  // Who does not plan any more does not tell of bots either.
  expect(await value('the0_bots', { phase: 'running' })).toBeUndefined();
});
