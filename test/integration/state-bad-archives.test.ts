import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import { S3Unavailable } from '../../infra/s3/errors.ts';
import { StartProblem } from '../../processors/errors.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { tarGz } from '../support/state-archives.ts';
import { StateWorld } from './state-world.ts';

/** The volume's side of things is a fake engine's; S3 and MongoDB are real. */
let world: StateWorld;
let engine: FakeEngine;
beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    engine = createFakeEngine({ installation, images: ['test:1'] });
    return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
  });
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function problemOf(work: Promise<unknown>): Promise<StartProblem> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StartProblem) return error;
    throw error;
  }
  throw new Error('it started');
}

const good = { '.the0-state/': '', '.the0-state/a.json': '1' };

describe('an archive that cannot become a state', () => {
  const cases: [string, () => Promise<Buffer>, string, RegExp][] = [
    [
      'is cut off',
      async () => (await tarGz({ 'a.bin': randomBytes(9000) })).subarray(0, 6000),
      'bad_state',
      /cut off/,
    ],
    [
      'was cut off before it was compressed',
      async () => gzipSync((await tarGz({ 'a.txt': 'a'.repeat(5000) }, { plain: true })).subarray(0, 2048)),
      'bad_state',
      /cut off/,
    ],
    [
      'ends without its mark',
      async () => gzipSync((await tarGz({ 'a.txt': 'a' }, { plain: true })).subarray(0, 1024)),
      'bad_state',
      /no end mark/,
    ],
    ['is no gzip', async () => Buffer.from('PK not this'), 'bad_state', /no gzip/],
    ['is empty', async () => Buffer.alloc(0), 'bad_state', /cut off|no end mark/],
    ['is no tar', async () => gzipSync(randomBytes(4096)), 'bad_state', /no tar/],
    [
      'is a bomb',
      async () => tarGz({ 'zeros.bin': Buffer.alloc(65 * 2 ** 20) }),
      'state_too_large',
      /MAX_STATE_SIZE_MB/,
    ],
    [
      'is a bomb behind its end mark',
      async () => gzipSync(Buffer.alloc(80 * 2 ** 20)),
      'state_too_large',
      /unpacks to more/,
    ],
    [
      'says too much about one entry',
      async () => tarGz({}, { more: [{ name: 'x', pax: { comment: 'c'.repeat(100_000) } }] }),
      'bad_state',
      /about a single entry/,
    ],
    [
      'holds too many files',
      async () => tarGz(Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`f${n}`, 'x']))),
      'state_too_large',
      /MAX_STATE_FILES/,
    ],
  ];
  it.each(cases)('%s', async (name, make, code, words) => {
    const id = `bad-${name.replaceAll(' ', '-')}`;
    await world.platformPuts(id, await make());
    const problem = await problemOf(world.restore(id));
    expect(problem).toMatchObject({ code, retryable: false });
    expect(problem.message).toMatch(words);
    expect(problem.message).toContain(`state restore ${id}`);
    // Nothing was put anywhere, and a good one mends it.
    expect(await world.save(id)).toMatchObject({ kind: 'not-ready' });
    await world.platformPuts(id, good);
    await world.restore(id);
    expect(await world.volume(id)).toEqual(good);
  });

  it('leaves the volume alone that is there', async () => {
    await world.restore('kept');
    await world.write('kept', { 'a.txt': 'mine' });
    await world.save('kept');
    await world.platformPuts('kept', Buffer.from('rubbish'));
    expect(await problemOf(world.restore('kept'))).toMatchObject({ code: 'bad_state' });
    expect(await world.volume('kept')).toMatchObject({ 'a.txt': 'mine' });
  });
});

it('leaves out links, devices and what leads outside, as the platform’s runtime does, and names them', async () => {
  await world.platformPuts(
    'hostile',
    await tarGz(
      { ...good, 'b/c.txt': 'c', 'twice.txt': 'first', file: 'a file' },
      {
        more: [
          { name: 'to-passwd', type: 'symlink', linkname: '/etc/passwd' },
          { name: 'hard', type: 'link', linkname: '.the0-state/a.json' },
          { name: 'device', type: 'character-device', devmajor: 1, devminor: 3 },
          { name: 'pipe', type: 'fifo' },
          { name: '../../outside', size: 0 },
          { name: '/absolute', size: 0 },
          { name: 'b/../../up', size: 0 },
          { name: 'twice.txt', size: 0 },
          { name: 'file/below', size: 0 },
          { name: `${'long'.repeat(70)}/x`, size: 0 },
        ],
      },
    ),
  );
  await world.restore('hostile');
  expect(await world.volume('hostile')).toEqual({
    ...good,
    'b/': '',
    'b/c.txt': 'c',
    'twice.txt': '',
    file: 'a file',
  });
  const { problems = [] } = (await world.all.botState.findOne({ _id: 'hostile' })) ?? {};
  expect(problems).toHaveLength(9);
  expect(problems.join('\n')).toMatch(/"\.\.\/\.\.\/outside": it leads outside/);
});

describe('an S3 that fails', () => {
  let server: Server;
  let answer: (url: string) => {
    status: number;
    headers: Record<string, string>;
    body: string;
    cut?: boolean;
  };
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { status, headers, body, cut } = answer(request.url ?? '');
      response.writeHead(status, headers);
      if (cut === true) response.write(body, () => response.destroy());
      else response.end(request.method === 'HEAD' ? '' : body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const stub = (): S3Client =>
    world.s3With({
      endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      callTimeoutMs: 2_000,
      stallTimeoutMs: 2_000,
    });

  it('answers 503, or cuts its answer in half: the bot does not start empty', async () => {
    using s3 = stub();
    const keeper = world.keeperWith({ s3 });
    answer = () => ({ status: 503, headers: {}, body: '<Error><Code>SlowDown</Code></Error>' });
    expect(await problemOf(world.restore('away', keeper))).toMatchObject({
      code: 'state_unavailable',
      retryable: true,
    });
    answer = () => ({
      status: 200,
      headers: { etag: '"1"', 'content-length': '1000', 'last-modified': new Date(0).toUTCString() },
      body: 'half of it',
      cut: true,
    });
    expect(await problemOf(world.restore('away', keeper))).toMatchObject({
      code: 'state_unavailable',
      retryable: true,
    });
    expect(await world.save('away')).toMatchObject({ kind: 'not-ready' });
    await world.restore('away');
    expect(await world.volume('away')).toEqual({ '.the0-state/': '' });
  });

  it('says nothing, or has no bucket', async () => {
    await using proxy = await FaultProxy.start(world.servers.s3.port);
    using s3 = world.s3With({
      endpoint: `127.0.0.1:${proxy.port}`,
      callTimeoutMs: 500,
      stallTimeoutMs: 500,
    });
    proxy.silence();
    const silent = world.keeperWith({ s3 });
    expect(await problemOf(world.restore('silent', silent))).toMatchObject({ code: 'state_unavailable' });
    proxy.heal();
    // Half a second is little for a busy machine: one more try may be due.
    await until(() => world.restore('silent', silent).then(() => true));
    const nowhere = world.keeperWith({ bucket: `${world.bucket}-none` });
    const missing = await problemOf(world.restore('nowhere', nowhere));
    expect(missing).toMatchObject({ code: 'state_unavailable', retryable: true });
    expect(missing.message).toMatch(/no bucket/);
  });

  it('loses the answer to a save that it took: the archive is known for ours', async () => {
    await world.restore('lost');
    await world.write('lost', { 'a.txt': '1' });
    using s3 = world.s3With({});
    const write = s3.writeFile.bind(s3);
    s3.writeFile = async (...args) => {
      await write(...args);
      throw new S3Unavailable('the answer was lost');
    };
    expect(await world.save('lost', world.keeperWith({ s3 }))).toMatchObject({ kind: 'saved' });
    const stat = await world.s3.stat(world.bucket, 'lost/state.tar.gz');
    expect(await world.all.botState.findOne({ _id: 'lost' })).toMatchObject({ etag: stat.etag });
    await world.write('lost', { 'a.txt': '2' });
    expect(await world.save('lost')).toMatchObject({ kind: 'saved' });
  });
});

describe('what is on record', () => {
  it('is lost: the volume counts, and is saved over the archive, which is kept', async () => {
    await world.restore('forgotten');
    await world.write('forgotten', { 'a.txt': 'old' });
    await world.save('forgotten');
    await world.write('forgotten', { 'a.txt': 'new' });
    await world.all.botState.deleteOne({ _id: 'forgotten' });
    expect(await world.save('forgotten')).toMatchObject({ kind: 'saved' });
    expect(await world.archive('forgotten')).toMatchObject({ 'a.txt': 'new' });
    expect(await world.s3.list(world.bucket, '.history/forgotten/')).toHaveLength(1);
    await world.write('forgotten', { 'a.txt': 'newer' });
    await world.all.botState.deleteOne({ _id: 'forgotten' });
    await world.restore('forgotten');
    expect(await world.volume('forgotten')).toMatchObject({ 'a.txt': 'newer' });
    expect(await world.save('forgotten')).toMatchObject({ kind: 'saved' });
    expect(await world.archive('forgotten')).toMatchObject({ 'a.txt': 'newer' });
  });

  it('is lost but for what was measured since: the volume is known again all the same', async () => {
    await world.restore('measured');
    await world.write('measured', { 'a.txt': '1' });
    await world.save('measured');
    const overLimit = { reason: 'Its state takes 2Mi', at: new Date() };
    await world.all.botState.replaceOne({ _id: 'measured' }, { overLimit, updatedAt: new Date() });
    await world.write('measured', { 'a.txt': '2' });
    expect(await world.save('measured')).toMatchObject({ kind: 'saved' });
    expect(await world.archive('measured')).toMatchObject({ 'a.txt': '2' });
    expect(await world.all.botState.findOne({ _id: 'measured' })).toMatchObject({ overLimit });
  });

  it('was not written after a save, since the processor was killed: the next start goes on with the volume', async () => {
    await world.restore('killed');
    await world.write('killed', { 'a.txt': '1' });
    await world.save('killed');
    const before = await world.all.botState.findOne({ _id: 'killed' });
    await world.write('killed', { 'a.txt': '2' });
    await world.save('killed');
    await world.write('killed', { 'a.txt': '3' });
    if (before !== null) await world.all.botState.replaceOne({ _id: 'killed' }, before);
    await world.restore('killed');
    expect(await world.volume('killed')).toMatchObject({ 'a.txt': '3' });
    expect(await world.save('killed')).toMatchObject({ kind: 'saved' });
  });

  it('tells of a filling that was interrupted: nothing is saved of it, and it is done again', async () => {
    await world.platformPuts('cut', good);
    await engine.control.failNext({ call: 'writeArchive', error: 'unavailable', when: 'after' });
    await expect(world.restore('cut')).rejects.toThrow(/Fault/);
    expect(await world.save('cut')).toEqual({ kind: 'not-ready', reason: 'its volume is being filled' });
    await world.restore('cut');
    expect(await world.volume('cut')).toEqual(good);
    expect(await world.save('cut')).toMatchObject({ kind: 'unchanged' });
  });

  it('is of another volume: a save does not take an empty one for the bot’s', async () => {
    await world.restore('swapped');
    await world.write('swapped', { 'a.txt': 'a' });
    await world.save('swapped');
    await world.loseVolume('swapped');
    const container = await world.container('swapped');
    expect(await world.save('swapped')).toMatchObject({ kind: 'not-ready' });
    await engine.remove(container.id);
    await world.restore('swapped');
    expect(await world.volume('swapped')).toMatchObject({ 'a.txt': 'a' });
  });
});

it('saves through a lease where S3 keeps to no conditions', async () => {
  const keeper = world.keeperWith({ conditions: () => Promise.resolve(false) });
  await world.restore('leased', keeper);
  await world.write('leased', { 'a.txt': '1' });
  const both = await Promise.all([world.save('leased', keeper), world.save('leased', keeper)]);
  expect(both.map(({ kind }) => kind)).toContain('saved');
  await world.platformPuts('leased', good);
  await world.write('leased', { 'a.txt': '2' });
  expect(await world.save('leased', keeper)).toEqual({ kind: 'platform' });
  expect(await world.archive('leased')).toEqual(good);
});
