import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens to connections: `pass` them on, `cut` them with a reset, or keep them open and carry nothing (`silent`). */
export type ProxyMode = 'pass' | 'cut' | 'silent';

type Pair = { client: Socket; server: Socket; dead: boolean };

/**
 * A TCP proxy that breaks on request, for one process to lose one server while others keep it. A connection that has
 * been silent stays dead after `heal`, as one whose peer is gone without a word does; new ones work again.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #targetPort: number;
  readonly #server = createServer((client) => this.#accept(client));
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'pass';
  #latencyMs = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    await promise;
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection and refuses new ones. */
  cut(): void {
    this.#mode = 'cut';
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Half-open: nobody is told anything, and nothing arrives. */
  silence(): void {
    this.#mode = 'silent';
    for (const pair of this.#pairs) pair.dead = true;
  }

  heal(): void {
    this.#mode = 'pass';
  }

  /** Delays everything by so many milliseconds in each direction. */
  setLatency(ms: number): void {
    this.#latencyMs = ms;
  }

  #accept(client: Socket): void {
    if (this.#mode === 'cut') return void client.resetAndDestroy();
    const server = connect(this.#targetPort, '127.0.0.1');
    const pair: Pair = { client, server, dead: this.#mode === 'silent' };
    this.#pairs.add(pair);
    this.#carry(pair, client, server);
    this.#carry(pair, server, client);
  }

  #carry(pair: Pair, from: Socket, to: Socket): void {
    from.setNoDelay(true);
    // Chunks stay in order although each waits for itself: each one waits for the one before it.
    let before: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk) => {
      const due = this.#latencyMs;
      if (due === 0 && !pair.dead) return void to.write(chunk);
      before = Promise.all([before, sleep(due)]).then(
        () => void (!pair.dead && !to.destroyed && to.write(chunk)),
      );
    });
    // A reset is what this proxy is for; the other side is told by its own 'close'.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#pairs.delete(pair);
      if (!pair.dead) to.destroy();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#mode = 'cut';
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
