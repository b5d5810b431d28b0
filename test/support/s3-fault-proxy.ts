import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What becomes of a request: `pass`; `busy` is answered 503; `lost` is done, and its answer is not; `cut` breaks off in
 * the middle of the answer; `silent` is never answered.
 */
export type S3Fault = 'pass' | 'busy' | 'lost' | 'cut' | 'silent';

/** An HTTP proxy in front of a real S3 that decides request by request. Signatures survive: the host is passed on. */
export class S3FaultProxy implements AsyncDisposable {
  readonly #server = createServer((from, to) => void this.#pass(from, to));
  readonly #targetPort: number;
  /** Decides by method and path. */
  fault: (call: string) => S3Fault = () => 'pass';

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  static async start(targetPort: number): Promise<S3FaultProxy> {
    const proxy = new S3FaultProxy(targetPort);
    const { promise, resolve } = Promise.withResolvers<void>();
    proxy.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    return proxy;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const fault = this.fault(`${from.method ?? ''} ${from.url ?? ''}`);
    const body: Buffer[] = [];
    for await (const chunk of from as AsyncIterable<Buffer>) body.push(chunk);
    if (fault === 'silent') return;
    if (fault === 'busy')
      return void to
        .writeHead(503, { 'content-type': 'application/xml' })
        .end('<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>');
    const answer = await this.#ask(from, Buffer.concat(body)).catch(() => undefined);
    if (answer === undefined || fault === 'lost') return void from.socket.destroy();
    const content: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) content.push(chunk);
    const whole = Buffer.concat(content);
    const cut = fault === 'cut' ? Math.floor(whole.length / 2) : whole.length;
    to.writeHead(answer.statusCode ?? 500, answer.headers);
    if (cut === whole.length && fault !== 'cut') return void to.end(whole);
    to.write(whole.subarray(0, cut), () => from.socket.destroy());
  }

  #ask({ method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request({ host: '127.0.0.1', port: this.#targetPort, method, path: url, headers }, resolve)
      .on('error', reject)
      .end(body);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
