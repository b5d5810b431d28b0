import { createServer } from 'node:http';
import { closeServer, listen } from '../../infra/listen.ts';

/** An address that a Prometheus scrapes, where a test says what stands there. */
export type StubTarget = AsyncDisposable & {
  readonly healthUrl: string;
  /** From now on each scrape asks this for its text. */
  tell(text: () => Promise<string>): void;
};

export async function stubTarget(): Promise<StubTarget> {
  let text = async (): Promise<string> => '';
  const server = createServer((_request, response) => {
    text().then(
      (body) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const { host, port } = await listen(server, {
    what: 'stub target',
    host: '127.0.0.1',
    port: 0,
    hostSetting: 'none',
    portSetting: 'none',
  });
  return {
    healthUrl: `http://${host}:${port}`,
    tell(next) {
      text = next;
    },
    [Symbol.asyncDispose]: () => closeServer(server, 1_000),
  };
}
