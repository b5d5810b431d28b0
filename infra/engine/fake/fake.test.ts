import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { EngineUnavailable } from '../errors.ts';
import type { ContainerSpec } from '../port.ts';
import {
  connectFakeEngine,
  createFakeEngine,
  FakeHost,
  findOverlaps,
  type LedgerEntry,
  serveFakeEngine,
} from './index.ts';

const IMAGE = 'test:1';

function spec(image: string, name: string): ContainerSpec {
  return {
    name,
    kind: 'bot',
    image,
    command: ['run'],
    workingDir: '/',
    env: {},
    labels: { 'runtime.id': name },
    limits: {
      memoryBytes: 1 << 26,
      cpus: 1,
      cpuShares: 2,
      pids: 8,
      nofile: 64,
      nproc: 64,
      shmBytes: 1 << 20,
    },
    volumes: [],
    tmpfs: [],
    network: 'none',
  };
}

describe('fake engine', () => {
  it('fails as asked, as often as asked, before or after the call took effect', async () => {
    const engine = createFakeEngine({ installation: 'x', images: [IMAGE] });
    const image = (await engine.resolveImage(IMAGE)) ?? '';
    await engine.control.failNext({ call: 'create', error: 'unavailable', times: 2 });
    await expect(engine.create(spec(image, 'x_1'))).rejects.toBeInstanceOf(EngineUnavailable);
    await expect(engine.create(spec(image, 'x_1'))).rejects.toBeInstanceOf(EngineUnavailable);
    await engine.control.failNext({ call: 'create', error: 'unavailable', when: 'after' });
    await expect(engine.create(spec(image, 'x_1'))).rejects.toBeInstanceOf(EngineUnavailable);
    expect(await engine.inspect('x_1')).toMatchObject({ state: 'created' });
  });

  it('breaks open event streams when it becomes unavailable, and is whole again afterwards', async () => {
    const engine = createFakeEngine({ installation: 'x', images: [IMAGE] });
    const stream = (async () => {
      for await (const event of engine.events({ signal: new AbortController().signal }))
        throw new Error(event.type);
    })();
    const broken = expect(stream).rejects.toBeInstanceOf(EngineUnavailable);
    await engine.list();
    await engine.control.setUnavailable(true);
    await broken;
    await expect(engine.list()).rejects.toBeInstanceOf(EngineUnavailable);
    await engine.control.setUnavailable(false);
    expect(await engine.list()).toEqual([]);
  });

  it('lets tests end a container: by exit code, by its memory', async () => {
    const engine = createFakeEngine({ installation: 'x', images: [IMAGE] });
    const image = (await engine.resolveImage(IMAGE)) ?? '';
    const id = await engine.create(spec(image, 'x_1'));
    await engine.start(id);
    await engine.control.exit('x_1', 3);
    expect(await engine.wait(id)).toEqual({ exitCode: 3 });
    await engine.start(id);
    await engine.control.oom(id);
    expect(await engine.inspect(id)).toMatchObject({ exitCode: 137, signal: 'SIGKILL', oomKilled: true });
    expect((await engine.control.ledger()).map((entry) => entry.type)).toEqual([
      'created',
      'started',
      'ended',
      'started',
      'ended',
    ]);
  });

  it('holds 10,000 containers and answers thousands of calls a second over a connection', async () => {
    await using server = await serveFakeEngine({ images: [IMAGE] });
    await using engine = connectFakeEngine({ url: server.url, installation: 'x' });
    const image = (await engine.resolveImage(IMAGE)) ?? '';
    const begin = performance.now();
    const ids = await Promise.all(
      Array.from({ length: 10_000 }, (_, n) => engine.create(spec(image, `x_${n}`))),
    );
    await Promise.all(ids.map((id) => engine.start(id)));
    const perSecond = 20_000 / ((performance.now() - begin) / 1000);
    expect(await engine.list()).toHaveLength(10_000);
    expect(perSecond).toBeGreaterThan(1_000);
    // That allows 20 s: vitest's own five would ask for more than is promised.
  }, 60_000);
});

describe('fake engine in another process', () => {
  it('keeps its containers when a client is killed', async () => {
    await using server = await serveFakeEngine({ images: [IMAGE] });
    const script = `
      import { connectFakeEngine } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      const engine = connectFakeEngine({ url: ${JSON.stringify(server.url)}, installation: 'x' });
      const spec = ${JSON.stringify(spec('IMAGE', 'x_1'))};
      const id = await engine.create({ ...spec, image: await engine.resolveImage('${IMAGE}') });
      await engine.start(id);
      await engine.wait(id);
    `;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: 'inherit',
    });
    await expect
      .poll(() => server.host.ledger.some((entry) => entry.type === 'started'), { timeout: 20_000 })
      .toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await using engine = connectFakeEngine({ url: server.url, installation: 'x' });
    expect(await engine.inspect('x_1')).toMatchObject({ state: 'running' });
  });

  it('is found again after its server was away', async () => {
    const host = new FakeHost({ images: [IMAGE] });
    const first = await serveFakeEngine({ host });
    await using engine = connectFakeEngine({ url: first.url, installation: 'x' });
    await engine.list();
    await first.close();
    await expect(engine.list()).rejects.toBeInstanceOf(EngineUnavailable);
    await using _second = await serveFakeEngine({ host, port: Number(new URL(first.url).port) });
    expect(await engine.list()).toEqual([]);
  });
});

describe('findOverlaps', () => {
  const entry = (
    sequence: number,
    type: LedgerEntry['type'],
    containerId: string,
    botId = 'b',
  ): LedgerEntry => ({
    type,
    sequence,
    containerId,
    botId,
    atMs: sequence,
    installation: 'x',
    name: `x_bot_${botId}`,
  });

  it('finds a bot that ran twice at once', () => {
    const ledger = [entry(1, 'started', 'a'), entry(2, 'started', 'c'), entry(3, 'ended', 'a')];
    expect(findOverlaps(ledger)).toEqual([{ botId: 'b', first: 'a', second: 'c', atMs: 2 }]);
  });

  it('finds nothing where one follows the other, or they are different bots', () => {
    const one = [entry(1, 'started', 'a'), entry(2, 'ended', 'a'), entry(3, 'started', 'c')];
    expect(findOverlaps(one)).toEqual([]);
    expect(findOverlaps([entry(1, 'started', 'a'), entry(2, 'started', 'c', 'other')])).toEqual([]);
  });
});
