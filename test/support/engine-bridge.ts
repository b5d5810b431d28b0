import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP address for an engine behind a socket, whose connections can be cut; new ones work again. */
export async function bridgeTo(dockerHost: string) {
  const sockets = new Set<Socket>();
  const path = dockerHost.replace(/^unix:\/\//, '') || '/var/run/docker.sock';
  const server = createServer((client) => {
    const target = connectSocket(path);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(socket);
      socket
        .on('error', () => socket.destroy())
        .on('close', (isError) => {
          sockets.delete(socket);
          if (isError) other.destroy();
        });
    }
    client.pipe(target).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    dockerHost: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
