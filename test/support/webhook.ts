import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NotificationPayload } from '../../model/notifications.ts';

export type Received = { headers: IncomingHttpHeaders; body: string; payload: NotificationPayload };
export type Answering = (response: ServerResponse, received: Received) => void;

const taking: Answering = (response) => void response.writeHead(204).end();

/** A receiver of notifications, which answers as it is told to. */
export class WebhookServer implements AsyncDisposable {
  readonly received: Received[] = [];
  answer: Answering = taking;
  #server: Server;
  #port = 0;

  private constructor() {
    this.#server = this.#made();
  }

  static async start(answer: Answering = taking): Promise<WebhookServer> {
    const server = new WebhookServer();
    server.answer = answer;
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  get payloads(): NotificationPayload[] {
    return this.received.map(({ payload }) => payload);
  }

  /** Again at the same address. */
  async up(): Promise<void> {
    this.#server = this.#made();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens there any more. */
  async down(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.down();
  }

  #made(): Server {
    return createServer((request, response) => {
      response.on('error', () => response.destroy());
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const received = {
          headers: request.headers,
          body,
          payload: JSON.parse(body) as NotificationPayload,
        };
        this.received.push(received);
        this.answer(response, received);
      });
    });
  }
}

export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answering =>
  (response) =>
    void response.writeHead(status, headers).end(body);
