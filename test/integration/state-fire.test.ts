import { createHash } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { testImage } from '../conformance/shell.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { StateWorld } from './state-world.ts';

/** Writes without rest: in place as the SDKs do, by renaming, large and small, new files and vanishing ones. */
const WRITER = `
import hashlib, os, itertools, signal
# Ends between two rounds: a file that was emptied when a kill came is one that the bot had, but not a whole one.
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
os.makedirs('/state/.the0-state', exist_ok=True)
def whole(n, size):
    body = ('%d:' % n + 'x' * (n * 7919 % size)).encode()
    return hashlib.sha256(body).hexdigest().encode() + b' ' + body
for n in itertools.takewhile(lambda _: not over, itertools.count(1)):
    with open('/state/.the0-state/counter.json', 'wb', buffering=0) as f: f.write(whole(n, 2000))
    with open('/state/large.tmp', 'wb') as f: f.write(whole(n, 300000))
    os.rename('/state/large.tmp', '/state/large.bin')
    with open('/state/short-%d' % (n % 50), 'wb', buffering=0) as f: f.write(whole(n, 100))
    if n % 50 == 0:
        for k in range(0, 50, 3):
            try: os.unlink('/state/short-%d' % k)
            except FileNotFoundError: pass
`;
const ID = 'restless';
const KILLS = 5;
const SAVES = 25;

let world: StateWorld;
let proxy: FaultProxy;
beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    const engine = createDockerEngine({
      installation,
      log: createLogger({ level: 'silent', service: 'test' }),
    });
    return { engine, image: await testImage(engine) };
  });
  proxy = await FaultProxy.start(world.servers.s3.port);
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

/** Every file is one the bot wrote, to the end. The one that is not renamed into place yet may be anything. */
function assertWhole(files: Record<string, string>): number {
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/') || name.endsWith('.tmp')) continue;
    const [digest = '', body = ''] = content.split(' ', 2);
    expect(createHash('sha256').update(body).digest('hex'), name).toBe(digest);
  }
  return Number(/ (\d+):/.exec(files['.the0-state/counter.json'] ?? '')?.[1] ?? 0);
}

function saver(): { child: ChildProcess; saved: () => number; output: () => string } {
  const environment = { ...world.servers.environment, S3_ENDPOINT: `127.0.0.1:${proxy.port}` };
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'state-holder.ts'),
      ID,
      world.image,
      world.bucket,
      JSON.stringify(environment),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { child, saved: () => output.split('saved').length - 1, output: () => output };
}

it(
  'has in S3, at every moment, an archive that the bot really had, and it never goes back',
  { timeout: 180_000 },
  async () => {
    const container = await world.container(ID, { command: ['python3', '-c', WRITER] });
    await world.keeper.restore(ID, container, { nonce: 'fire', signal: world.signal });
    await world.engine.start(container.id);
    const over = new AbortController();
    let checked = 0;
    let newest = 0;
    // Looks at S3 itself, not through the faults.
    const watching = (async () => {
      while (!over.signal.aborted) {
        const files = await world.archive(ID);
        if (files !== undefined) {
          const count = assertWhole(files);
          expect(count).toBeGreaterThanOrEqual(newest);
          newest = count;
          checked += 1;
        }
        await sleep(30);
      }
    })();
    // A failure is told at once, and not only after all kills.
    watching.catch(() => over.abort());
    let saves = 0;
    for (let kill = 0; kill < KILLS && !over.signal.aborted; kill += 1) {
      const one = saver();
      const other = saver();
      try {
        await until(() => over.signal.aborted || one.saved() >= 2, {
          timeoutMs: 60_000,
          what: `a save of processor ${kill}: ${one.output().slice(-300)}`,
        });
        if (kill % 2 === 0) proxy.cut();
        else proxy.silence();
        await sleep(200 + kill * 70);
        proxy.heal();
        // In the middle of whatever it does.
        await sleep(kill * 37);
      } finally {
        for (const { child } of [one, other]) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
      }
      saves += one.saved() + other.saved();
    }
    await until(async () => over.signal.aborted || (await world.save(ID)).kind === 'saved', {
      timeoutMs: 60_000,
      what: 'a save after all',
    });
    while (saves < SAVES && !over.signal.aborted) if ((await world.save(ID)).kind === 'saved') saves += 1;
    over.abort();
    await watching;
    expect(checked).toBeGreaterThan(5);
    await world.engine.stop(container.id, 10_000);
    await world.save(ID);
    const last = assertWhole((await world.archive(ID)) ?? {});
    expect(last).toBeGreaterThanOrEqual(newest);
    await world.engine.remove(container.id, { force: true });
    await world.loseVolume(ID);
    await world.restore(ID);
    expect(assertWhole(await world.volume(ID))).toBe(last);
  },
);
