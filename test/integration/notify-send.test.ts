import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../infra/local/command.ts';
import { answering, WebhookServer, type Answering } from '../support/webhook.ts';
import { NotifyWorld, receiver } from './notify-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let world: NotifyWorld;
let hook: WebhookServer;

beforeAll(async () => {
  world = await NotifyWorld.open();
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.clear();
  hook = await WebhookServer.start();
  return () => hook[Symbol.asyncDispose]();
});

const target = () => receiver(hook.url);
const outcomes = async (): Promise<unknown[]> =>
  (await world.collections.notificationOutbox.find().sort({ receiver: 1, createdAt: 1 }).toArray()).map(
    ({ receiver: name, outcome = 'waiting', attempts, problem }) => [name, outcome, attempts, problem],
  );
/** One problem, in the outbox. */
const tell = async (receivers = [target()], id = 'b1'): Promise<void> => {
  await world.setBot(id, {});
  await world.watcher(receivers).look();
};

describe('a message', () => {
  it('arrives as JSON with its id, and is not sent again', async () => {
    await tell();
    const sender = world.sender([target()]);
    await sender.sendDue(target(), world.signal);
    await world.sender([target()]).sendDue(target(), world.signal);
    expect(hook.payloads).toMatchObject([
      { version: 1, status: 'problem', kind: 'crash-loop', subject: { id: 'b1' } },
    ]);
    const [{ headers, payload } = { headers: {}, payload: { id: '' } }] = hook.received;
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'the0-runtime/test',
      'the0-message-id': payload.id,
    });
    expect(headers).not.toHaveProperty('the0-signature');
    expect(await outcomes()).toEqual([['one', 'delivered', 1, undefined]]);
  });

  it('whose answer was lost with our process comes again, the same to the byte', async () => {
    await tell();
    const dying = Object.create(
      world.collections.notificationOutbox,
    ) as typeof world.collections.notificationOutbox;
    dying.updateOne = () => Promise.reject(new Error('killed'));
    await world
      .sender([target()], { collections: { notificationOutbox: dying } })
      .sendDue(target(), world.signal);
    await world.sender([target()]).sendDue(target(), world.signal);
    expect(hook.received.map(({ body }) => body)).toEqual([hook.received[0]?.body, hook.received[0]?.body]);
  });

  it('about the end waits until the problem has been told', async () => {
    hook.answer = (response, { payload }) =>
      void response.writeHead(payload.status === 'problem' && hook.received.length === 1 ? 400 : 200).end();
    await tell();
    const sender = world.sender([target()]);
    await sender.sendDue(target(), world.signal);
    await world.collections.status.deleteMany({});
    const watcher = world.watcher([target()]);
    await watcher.look();
    // The clock of messages does not go on for the window alone: the problem is due again only after its back-off.
    await world.collections.notifications.updateMany({}, { $set: { goneAt: new Date(world.nowMs - HOUR) } });
    await watcher.look();
    await sender.sendDue(target(), world.signal);
    expect(hook.payloads.map(({ status }) => status)).toEqual(['problem']);
    world.pass(MINUTE);
    await sender.sendDue(target(), world.signal);
    expect(hook.payloads.map(({ status }) => status)).toEqual(['problem', 'problem', 'resolved']);
  });
});

describe('a receiver', () => {
  const endless: Answering = (response) => {
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': String(2 ** 30),
    });
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };

  it.each<[string, Answering, string, RegExp | undefined]>([
    ['answers 500', answering(500), 'waiting', /it answered 500/],
    ['answers 410', answering(410), 'given-up', /it answered 410/],
    ['answers 401', answering(401), 'waiting', /it answered 401/],
    [
      'answers with a page',
      answering(200, { 'content-type': 'text/html' }, '<html>Hello</html>'),
      'delivered',
      undefined,
    ],
    [
      'answers with a redirect',
      answering(302, { location: 'http://169.254.169.254/' }),
      'waiting',
      /302: redirects are not/,
    ],
    ['answers with 1 GB', endless, 'delivered', undefined],
    ['says nothing', () => undefined, 'waiting', /no answer within 2 s/],
    ['hangs up', (response) => void response.destroy(), 'waiting', /cannot be reached \(UND_ERR_SOCKET\)/],
    [
      'begins an answer and does not end it',
      (response) => void response.writeHead(200).write('x'),
      'delivered',
      undefined,
    ],
  ])('%s', async (_what, answer, outcome, problem) => {
    hook.answer = answer;
    await tell();
    const begun = performance.now();
    await world.sender([target()], { timeoutMs: 2_000 }).sendDue(target(), world.signal);
    const said = problem === undefined ? undefined : (expect.stringMatching(problem) as string);
    expect(await outcomes()).toEqual([['one', outcome, 1, said]]);
    expect(hook.received).toHaveLength(1);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('that was down for an hour gets all that happened, once, and was left alone meanwhile', async () => {
    await tell();
    await hook.down();
    const attempts: string[] = [];
    const sender = world.sender([target()], { onAttempt: (_name, outcome) => attempts.push(outcome) });
    for (let second = 0; second < 3_600; second += 10) {
      if (second === 1_800) await tell([target()], 'b2');
      await sender.sendDue(target(), world.signal);
      world.pass(10_000);
    }
    // 10 s, doubling up to 10 min, of which the injected chance takes three quarters: a dozen attempts, not hundreds.
    expect(attempts.length).toBeGreaterThan(5);
    expect(attempts.length).toBeLessThan(20);
    expect(sender.troubles.get('one')).toMatchObject({ problem: 'it cannot be reached (ECONNREFUSED)' });
    await hook.up();
    for (let minute = 0; minute < 20; minute += 1) {
      await sender.sendDue(target(), world.signal);
      world.pass(MINUTE);
    }
    expect(hook.payloads.map(({ subject }) => subject.id).sort()).toEqual(['b1', 'b2']);
    expect(sender.troubles.size).toBe(0);
  });

  it('that is down for a day misses the message, which says so', async () => {
    await tell();
    await hook.down();
    const sender = world.sender([target()]);
    for (let minute = 0; minute < 25 * 60; minute += 10) {
      await sender.sendDue(target(), world.signal);
      world.pass(10 * MINUTE);
    }
    expect(await outcomes()).toEqual([
      ['one', 'given-up', expect.any(Number), 'it cannot be reached (ECONNREFUSED)'],
    ]);
    const settled = await world.collections.notificationOutbox.findOne({});
    expect((settled?.settledAt?.getTime() ?? 0) - (settled?.createdAt.getTime() ?? 0)).toBeGreaterThan(
      23 * HOUR,
    );
  });

  it('that asks for patience is left alone for so long', async () => {
    hook.answer = answering(429, { 'retry-after': '900' });
    await tell();
    const sender = world.sender([target()]);
    await sender.sendDue(target(), world.signal);
    world.pass(14 * MINUTE);
    await sender.sendDue(target(), world.signal);
    expect(hook.received).toHaveLength(1);
    world.pass(2 * MINUTE);
    await sender.sendDue(target(), world.signal);
    expect(hook.received).toHaveLength(2);
  });

  it('that hangs holds up no other', async () => {
    await using other = await WebhookServer.start();
    hook.answer = () => undefined;
    const receivers = [target(), receiver(other.url, { name: 'two' })];
    await tell(receivers);
    const end = new AbortController();
    const running = world.sender(receivers, { timeoutMs: 60_000 }).run(end.signal);
    // Both have their request; the answer of the other one has been taken in.
    await expect
      .poll(async () => [hook.received.length, (await outcomes())[1]], { timeout: 10_000, interval: 20 })
      .toEqual([1, ['two', 'delivered', 1, undefined]]);
    end.abort();
    await running;
    // What we cut off ourselves is no failure of the receiver: whoever sends next tries again.
    expect(await outcomes()).toEqual([
      ['one', 'waiting', 0, undefined],
      ['two', 'delivered', 1, undefined],
    ]);
  });

  it('that the settings do not name may be known to another process: it is given up only when its time is over', async () => {
    const other = receiver(hook.url, { name: 'two' });
    await tell([other, receiver('http://127.0.0.1:9/', { name: 'gone' })]);
    const sender = world.sender([target()]);
    await sender.giveUpStrangers();
    await world.sender([other]).sendDue(other, world.signal);
    world.pass(24 * HOUR - 1);
    await sender.giveUpStrangers();
    expect(await outcomes()).toEqual([
      ['gone', 'waiting', 0, undefined],
      ['two', 'delivered', 1, undefined],
    ]);
    world.pass(1);
    const end = new AbortController();
    const running = sender.run(end.signal);
    await expect
      .poll(async () => (await outcomes())[0], { timeout: 10_000, interval: 20 })
      .toEqual(['gone', 'given-up', 0, 'NOTIFY_URLS does not name it']);
    end.abort();
    await running;
  });
});

describe('a signature', () => {
  const [before, after] = ['the key before this one', 'the key that comes next'];
  const readme = readFileSync(join(import.meta.dirname, '../../producers/notify/README.md'), 'utf8');
  const exampleIn = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1] ?? '';
  const signed = async (): Promise<{ header: string; body: string }> => {
    world.nowMs = Date.now();
    await tell();
    await world.sender([target()], { keys: [after, before] }).sendDue(target(), world.signal);
    const [first] = hook.received;
    return { header: String(first?.headers['the0-signature']), body: first?.body ?? '' };
  };
  const [yes, no] = ['genuine', 'forged'];

  it('is verified as the README says: in Python, with either key, and no other body', async () => {
    const { header, body } = await signed();
    const script = `${exampleIn('python')}
import json, sys
header, body, before, after = json.loads(sys.argv[1])
say = lambda *given: print("${yes}" if is_genuine(*given) else "${no}")
say(header, body.encode(), before)
say(header, body.encode(), after)
say(header, body.encode() + b" ", after)
say(header, body.encode(), "another key")
say(header.replace("t=1", "t=2"), body.encode(), after)
`;
    const given = JSON.stringify([header, body, before, after]);
    const { output } = await runCommand('python3', ['-c', script, given]);
    expect(output.trim().split('\n')).toEqual([yes, yes, no, no, no]);
  });

  it('is verified as the README says: in Node', async () => {
    const { header, body } = await signed();
    const source = `data:text/javascript,${encodeURIComponent(exampleIn('js'))}`;
    const { isGenuine } = (await import(source)) as {
      isGenuine: (header: string, body: Buffer, secret: string) => boolean;
    };
    const bytes = Buffer.from(body);
    const cases: [string, Buffer, string][] = [
      [header, bytes, before],
      [header, bytes, after],
      [header, Buffer.concat([bytes, Buffer.from(' ')]), after],
      [header, bytes, 'another key'],
      [header.replace('t=1', 't=2'), bytes, after],
    ];
    expect(cases.map((each) => isGenuine(...each))).toEqual([true, true, false, false, false]);
  });
});
