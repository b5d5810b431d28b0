import { request, type IncomingMessage } from 'node:http';

/** Nothing answers there: not yet, or not any more. `begun`: it had taken the question, and ended. */
export class ProgramUnreachable extends Error {
  override readonly name = 'ProgramUnreachable';
  readonly begun: boolean;
  constructor(message: string, options: { begun: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.begun = options.begun;
  }
}

/** More than may be taken in. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

export type HttpAnswer = { status: number; type: string; text: string };

export type Question = {
  /** `host:port`. */
  address: string;
  /** Path and parameters of the URL. */
  target: string;
  /** JSON; the SDKs read the URL, older programs this. */
  body: string;
  maxBytes: number;
  signal: AbortSignal;
  /** There is somebody at the address. */
  onConnected?: () => void;
};

/** An address of a container that is gone answers nothing at all. */
const CONNECT_WITHIN_MS = 1_000;

/** Asks query programs over HTTP. */
export class Programs {
  /** Throws `ProgramUnreachable`, `AnswerTooLarge`, or the signal's reason. */
  async ask(question: Question): Promise<HttpAnswer> {
    const { signal, maxBytes } = question;
    signal.throwIfAborted();
    const answer = await this.#send(question);
    const declared = Number(answer.headers['content-length'] ?? 0);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      if (declared > maxBytes) throw new AnswerTooLarge();
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBytes) throw new AnswerTooLarge();
        chunks.push(chunk);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AnswerTooLarge) throw error;
      throw new ProgramUnreachable('its answer was cut off', { begun: true, cause: error });
    } finally {
      if (!answer.complete) answer.destroy();
    }
    return {
      status: answer.statusCode ?? 0,
      type: answer.headers['content-type'] ?? '',
      text: Buffer.concat(chunks).toString('utf8'),
    };
  }

  #send(question: Question): Promise<IncomingMessage> {
    const { address, target, body, signal, onConnected = () => undefined } = question;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const [host, port] = address.split(':');
    const content = Buffer.from(body);
    const asking = request({
      host,
      port,
      path: target,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': content.length },
      // A connection each: one that is kept may be closed under us, and on an old one a program that writes its answer in two
      // pieces waits 40 ms between them. On this network a new one costs a tenth of a millisecond.
      agent: false,
      signal,
    });
    let connected = false;
    const slow = setTimeout(() => asking.destroy(new Error('no connection in time')), CONNECT_WITHIN_MS);
    const onConnect = (): void => {
      connected = true;
      clearTimeout(slow);
      onConnected();
    };
    asking.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', onConnect);
      else onConnect();
    });
    asking.on('response', resolve);
    // A program that wants to speak something else gets no further: without a listener nobody would ever be told.
    asking.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve(answer);
    });
    asking.on('error', (cause) => {
      clearTimeout(slow);
      reject(
        signal.aborted
          ? (signal.reason as Error)
          : new ProgramUnreachable(cause.message, { begun: connected, cause }),
      );
    });
    asking.end(content);
    return promise;
  }
}
