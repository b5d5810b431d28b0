import { connect } from 'node:net';

/** Connects, sends `request` if there is one, and resolves with the first bytes of the answer. */
export function askOverTcp(port: number, request?: string, timeoutMs = 2_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () =>
      fail(new Error(`port ${port} accepts connections but does not answer`)),
    );
    socket.once('error', fail);
    socket.once('connect', () => void (request !== undefined && socket.write(request)));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('end', () => fail(new Error(`port ${port} closes connections`)));
  });
}
