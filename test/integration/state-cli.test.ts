import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { runCli, type Outcome } from '../support/cli.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { StateWorld } from './state-world.ts';

/** `state …`, on the archives of a bot whose volume a fake engine has. */
let world: StateWorld;
const ID = 'cli-bot';
const cli = (...args: string[]): Promise<Outcome> =>
  runCli(['state', ...args], { ...world.servers.environment, S3_STATE_BUCKET: world.bucket });

beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    const engine = createFakeEngine({ installation, images: ['test:1'] });
    return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
  });
  await world.restore(ID);
  await world.write(ID, {
    '.the0-state/count.json': '1',
    '.the0-state/pairs.json': '["BTC"]',
    'own.txt': 'own',
  });
  await world.save(ID);
  await world.write(ID, { '.the0-state/count.json': '2' });
  await world.save(ID);
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe('the command state', () => {
  it('lists keys and earlier archives', async () => {
    const { code, stdout, stderr } = await cli('list', ID);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/archive +3 files/);
    expect(stdout).toMatch(/^count +1$/m);
    expect(stdout).toMatch(/^\d{8}T\d{9}Z-[0-9a-f]{8} /m);
    expect(JSON.parse((await cli('list', '--json')).stdout)).toMatchObject([
      { id: ID, files: 3, problems: 0 },
    ]);
    expect(await cli('list', 'nobody')).toMatchObject({ code: 3, stdout: '' });
  });

  it('shows a key, and says which there is not', async () => {
    expect(await cli('show', ID, 'pairs')).toMatchObject({ code: 0, stdout: '["BTC"]\n' });
    expect(await cli('show', ID, 'none')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/no key "none"/) as string,
    });
    expect(await cli('show', 'nobody', 'x')).toMatchObject({ code: 3 });
  });

  it('deletes a key and nothing else, puts an earlier archive back, and the bot gets what it left', async () => {
    expect(await cli('delete', ID, 'pairs')).toMatchObject({ code: 0 });
    expect(await world.archive(ID)).toEqual({
      '.the0-state/': '',
      '.the0-state/count.json': '2',
      'own.txt': 'own',
    });
    await world.write(ID, { '.the0-state/count.json': '3' });
    expect(await world.save(ID)).toEqual({ kind: 'platform' });
    const { earlier } = JSON.parse((await cli('list', ID, '--json')).stdout) as {
      earlier: { name: string }[];
    };
    // The newest is what the deletion replaced, the one before it the first save.
    expect(await cli('restore', ID, earlier[1]?.name ?? '')).toMatchObject({ code: 0 });
    expect(await world.archive(ID)).toMatchObject({ '.the0-state/count.json': '1' });
    await world.restore(ID);
    expect(await world.volume(ID)).toMatchObject({ '.the0-state/count.json': '1', 'own.txt': 'own' });
    expect(await cli('restore', ID, '../../x')).toMatchObject({ code: 3 });
  });

  it('deletes all of it, and keeps what was there', async () => {
    const before = await world.s3.list(world.bucket, `.history/${ID}/`);
    expect(await cli('delete', ID)).toMatchObject({ code: 0 });
    expect(await world.archive(ID)).toBeUndefined();
    expect(await world.s3.list(world.bucket, `.history/${ID}/`)).toHaveLength(before.length + 1);
    // What was on its volume is not there any more at the next start, and is not saved again until then.
    expect(await world.save(ID)).toEqual({ kind: 'platform' });
    expect(await cli('delete', 'nobody')).toMatchObject({ code: 3 });
  });

  it('deletes what was never saved, by the next start of its bot', async () => {
    await world.restore('unsaved');
    await world.write('unsaved', { 'a.txt': 'a' });
    const { code, stdout } = await cli('delete', 'unsaved');
    expect(code).toBe(0);
    expect(stdout).toContain('what is on its volume is deleted when it is started next');
    expect((await cli('list', 'unsaved')).stdout).toMatch(/^deleted by hand /m);
    await world.restore('unsaved');
    expect(await world.volume('unsaved')).toEqual({ '.the0-state/': '' });
    expect((await cli('list', 'unsaved')).stdout).not.toContain('deleted by hand');
  });

  it('leaves all as it was where S3 refuses to delete: the bot goes on with it, and is saved on', async () => {
    await world.restore('refused');
    await world.write('refused', { 'a.txt': '1' });
    await world.save('refused');
    await using proxy = await S3FaultProxy.start(world.servers.s3.port);
    proxy.fault = (call) => (call.startsWith('DELETE') ? 'busy' : 'pass');
    const environment = { ...world.servers.environment, S3_STATE_BUCKET: world.bucket };
    const refused = await runCli(['state', 'delete', 'refused'], {
      ...environment,
      S3_ENDPOINT: proxy.endpoint,
    });
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect((await cli('list', 'refused')).stdout).not.toContain('deleted by hand');
    await world.write('refused', { 'a.txt': '2' });
    expect(await world.save('refused')).toMatchObject({ kind: 'saved' });
    expect(await world.archive('refused')).toMatchObject({ 'a.txt': '2' });
  });

  it('says that nobody saves, where no processor runs', async () => {
    const { code, stderr } = await cli('save', ID, '--timeout', '1');
    expect(code).toBe(4);
    expect(stderr).toMatch(/was not saved within .*: see whether a processor runs/);
  });
});
