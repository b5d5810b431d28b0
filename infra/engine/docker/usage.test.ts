import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { closeServer, listen } from '../../listen.ts';
import { createLogger } from '../../logger.ts';
import type { Engine } from '../port.ts';
import { createDockerEngine } from './index.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const idOf = (digit: number): string => String(digit).repeat(64);
const SAMPLE = { cpu_stats: { cpu_usage: { total_usage: 7 } }, memory_stats: { usage: 4096 } };

/** An engine that answers for each container as told: with this status; a sample with 200. */
async function withEngine(
  statusOf: (id: string) => number,
  use: (engine: Engine) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    const status = statusOf(request.url?.split('/')[2] ?? '');
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? SAMPLE : { message: 'no such luck' }));
  });
  const { port } = await listen(server, {
    ...{ what: 'engine', host: '127.0.0.1', port: 0, hostSetting: 'DOCKER_HOST', portSetting: 'DOCKER_HOST' },
  });
  try {
    await using engine = createDockerEngine({
      installation: 'x',
      log,
      dockerHost: `tcp://127.0.0.1:${port}`,
    });
    await use(engine);
  } finally {
    await closeServer(server);
  }
}

it.each([404, 409, 500])(
  'one container of which the engine cannot say (%d) costs no other its figures',
  async (status) => {
    await withEngine(
      (id) => (id === idOf(1) ? status : 200),
      async (engine) => {
        const readings = await engine.usage([0, 1, 2].map(idOf));
        expect([...readings.keys()].sort()).toEqual([idOf(0), idOf(2)]);
        expect(readings.get(idOf(2))).toMatchObject({ cpuNanos: 7, memoryBytes: 4096 });
      },
    );
  },
);

it('an engine that is away, and a caller who gave up, leave nothing that could be told', async () => {
  await withEngine(
    () => 503,
    async (engine) => {
      await expect(engine.usage([idOf(0)])).rejects.toMatchObject({ code: 'engine_unavailable' });
      const signal = AbortSignal.abort(new Error('enough'));
      await expect(engine.usage([idOf(0)], { signal })).rejects.toThrow('enough');
    },
  );
});
