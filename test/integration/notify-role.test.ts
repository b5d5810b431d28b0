import { afterAll, expect, it } from 'vitest';
import { notificationChecks, probeReceivers } from '../../cli/doctor/notifications.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, startTestScheduler } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';
import { answering, WebhookServer } from '../support/webhook.ts';

const servers = testServers();
const engine = createFakeEngine({ installation: servers.installation });
const { NATS_URL: _unused, ...withoutNats } = servers.environment;
const KEY = 'a key of sixteen characters or more';
afterAll(() => engine[Symbol.asyncDispose]());

it('a bot that fails for good is told by the roles as they are started, once, with link and signature', async () => {
  await using hook = await WebhookServer.start();
  await using broken = await WebhookServer.start(answering(500));
  const environment = {
    ...withoutNats,
    NOTIFY_URLS: `${hook.url}#failed, ${broken.url}`,
    NOTIFY_SECRET: KEY,
    DASHBOARD_URL: 'https://the0.example.com',
  };
  await engine.control.addImage('python:3.11-slim');
  const filePath = await uploadCode(servers, { 'other.py': '' });
  await using runner = await startTestRunner({ environment, engine });
  // One of the two processes has the lease: the one whose health and metrics are looked at below.
  const holds = /the0_lease_held\{lease="notifications"[^}]*\} 1/;
  await until(async () => holds.test((await runner.context.metrics.render()).body), { what: 'the lease' });
  await using _scheduler = await startTestScheduler({ environment, engine });
  const botId = newBotId();
  await runner.services.collections.bots.insertOne(
    botDocument(botId, { filePath, config: { name: 'momentum', key: 'canary-of-the-owner' } }),
  );
  await until(() => hook.received.length > 0 && broken.received.length > 0, { timeoutMs: 30_000 });
  const [first] = hook.received;
  expect(first?.payload).toMatchObject({
    kind: 'failed',
    status: 'problem',
    installation: servers.installation,
    subject: { type: 'bot', id: botId, name: 'momentum' },
    why: expect.stringContaining('main.py') as string,
    link: `https://the0.example.com/bots/${botId}`,
  });
  expect(first?.headers['the0-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  expect(first?.body).not.toContain('canary-of-the-owner');

  const { health, metrics } = runner.context;
  const reasons = await until(() => {
    const found = health.ready().reasons.filter((reason) => reason.startsWith('notifications: '));
    return found.length > 0 && found;
  });
  expect(reasons).toEqual([
    expect.stringMatching(/^notifications: 127\.0\.0\.1:\d+-\w+ has taken nothing since .*answered 500/),
  ]);
  await until(async () => {
    const { body: text } = await metrics.render();
    expect(text).toMatch(/the0_notifications_waiting\{receiver="127[^}]*\} 1/);
    expect(text).toMatch(/the0_notification_attempts_total\{receiver="127[^}]*outcome="delivered"[^}]*\} 1/);
    // It is tried again after five seconds or more.
    expect(text).toMatch(/the0_notification_attempts_total\{receiver="127[^}]*outcome="failed"[^}]*\} [1-9]/);
    expect(text).toMatch(/the0_notifications_open\{[^}]*\} 1/);
    expect(text).toMatch(/the0_lease_held\{lease="notifications"[^}]*\} 1/);
    return true;
  });
  await runner.stop();
  // Another process goes on where this one stopped, and repeats nothing.
  const { notifications } = runner.services.collections;
  expect(notifications.collectionName).toBe('notifications');
  expect(hook.received).toHaveLength(1);
});

it('the command line sends a test to each, at once, and fails where one did not take it', async () => {
  await using hook = await WebhookServer.start();
  await using broken = await WebhookServer.start(answering(404));
  const settings = { NOTIFY_SECRET: KEY, MONGO_URI: 'mongodb://127.0.0.1:9/' };
  const one = await runCli(['notifications', 'test'], { ...settings, NOTIFY_URLS: hook.url });
  expect(one).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^127\.0\.0\.1:\d+-\w{6} took it\n$/) as string,
  });
  expect(hook.payloads).toMatchObject([
    { status: 'test', kind: 'test', text: expect.stringContaining('This is a test') as string },
  ]);
  const both = await runCli(['notifications', 'test', '--json'], {
    ...settings,
    NOTIFY_URLS: `${hook.url},${broken.url}`,
  });
  expect(both.code).toBe(1);
  expect(JSON.parse(both.stdout)).toMatchObject([
    { taken: true },
    { taken: false, problem: 'it answered 404' },
  ]);
  expect(await runCli(['notifications', 'test'], settings)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/NOTIFY_URLS is unset/) as string,
  });
});

it('the doctor says which receiver cannot be reached, and what is not signed', async () => {
  await using hook = await WebhookServer.start();
  const { url: gone } = await WebhookServer.start().then(async (server) => {
    await server.down();
    return server;
  });
  const settings = loadSettings({
    NOTIFY_URLS: `${hook.url},${gone},https://127.0.0.1:${new URL(hook.url).port}/`,
  });
  const checks = notificationChecks(await probeReceivers(settings), settings);
  expect(checks.map(({ status, detail }) => `${status}: ${detail}`)).toEqual([
    'ok: it can be reached',
    expect.stringMatching(/^warn: it cannot be reached: connect ECONNREFUSED/),
    expect.stringMatching(/^warn: it cannot be reached: /),
    expect.stringMatching(/^warn: NOTIFY_SECRET is unset/),
  ]);
  expect(hook.received).toEqual([]);
  const none = loadSettings({});
  expect(notificationChecks(await probeReceivers(none), none)).toMatchObject([{ status: 'ok' }]);
});
