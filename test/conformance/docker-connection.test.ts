import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { text } from './target.ts';

const log = createLogger({ level: 'silent', service: 'test' });

describe('a connection to Docker that misbehaves', () => {
  /** A server that treats each connection as told. */
  async function withServer(
    behave: (path: string, write: (text: string) => void, cut: () => void) => void,
    use: (port: number) => Promise<void>,
  ) {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (data: Buffer) =>
        behave(
          data.toString().split(' ')[1] ?? '',
          (reply) => socket.write(reply),
          () => socket.destroy(),
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use((server.address() as AddressInfo).port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
  const id = 'a'.repeat(64);
  const running = JSON.stringify({
    Id: id,
    Name: '/x',
    Config: { Labels: {} },
    State: { Status: 'running', ExitCode: 0, OOMKilled: false },
  });
  const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const open = (port: number, callTimeoutMs = 500) =>
    createDockerEngine({ installation: 'x', log, dockerHost: `tcp://127.0.0.1:${port}`, callTimeoutMs });

  it('fails a call that is never answered, within the time-out', async () => {
    await withServer(
      () => undefined,
      async (port) => {
        await using engine = open(port, 200);
        const begin = performance.now();
        await expect(engine.list()).rejects.toMatchObject({
          code: 'engine_unavailable',
          message: expect.stringContaining('200 ms') as string,
        });
        expect(performance.now() - begin).toBeLessThan(2_000);
      },
    );
  });

  it('fails a call whose answer breaks off, also one that may take for ever', async () => {
    const behave = (path: string, write: (text: string) => void, cut: () => void) => {
      if (path.includes('/wait') || path === '/info') {
        write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Sta');
        setTimeout(cut, 100);
      } else write(answer(running));
    };
    await withServer(behave, async (port) => {
      await using engine = open(port, 5_000);
      await expect(engine.identify()).rejects.toMatchObject({ code: 'engine_unavailable' });
      await expect(engine.wait(id)).rejects.toMatchObject({ code: 'engine_unavailable' });
    });
  });

  it('notices an event stream that is silent while there are events', async () => {
    const event = (atMs: number) =>
      `${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: id, Attributes: {} }, timeNano: atMs * 1e6 })}\n`;
    const behave = (path: string, write: (text: string) => void) => {
      if (path.includes('until')) write(answer(event(Date.now() + 60_000)));
      else write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    };
    await withServer(behave, async (port) => {
      await using engine = createDockerEngine({
        installation: 'x',
        log,
        dockerHost: `tcp://127.0.0.1:${port}`,
        eventStallCheckMs: 100,
      });
      const read = (async () => {
        for await (const heard of engine.events({ signal: AbortSignal.timeout(5_000) }))
          throw new Error(heard.type);
      })();
      await expect(read).rejects.toMatchObject({ code: 'engine_unavailable' });
    });
  });

  it('ends streams and calls when the engine is disposed of', async () => {
    await withServer(
      () => undefined,
      async (port) => {
        const engine = open(port, 10_000);
        const calls = Promise.allSettled([engine.list(), engine.wait(id), text(engine.logs(id, {}))]);
        setTimeout(() => void engine[Symbol.asyncDispose](), 50);
        for (const result of await calls)
          expect(result).toMatchObject({ status: 'rejected', reason: { code: 'engine_unavailable' } });
      },
    );
  });

  it('never follows a redirect', async () => {
    await withServer(
      (_path, write) =>
        write('HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n'),
      async (port) => {
        await using engine = open(port);
        await expect(engine.list()).rejects.toMatchObject({ code: 'engine_refused' });
      },
    );
  });
});
