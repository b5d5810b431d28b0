import { lookup } from 'node:dns/promises';
import { createServer, isIP, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Settings } from '../../../infra/config/settings.ts';
import { isLoopback, serverAddresses, type Surroundings } from './plan.ts';

/** A door at this machine's own address on the bots' network, and nowhere else: a bot that may pass finds somebody in. */
export async function openDoor(
  gateway: string | undefined,
): Promise<AsyncDisposable & { port: number | undefined }> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end());
  const port = await new Promise<number | undefined>((resolve) => {
    // The bridge is not on this machine where the engine is elsewhere, or where this is a container itself.
    server.once('error', () => resolve(undefined));
    if (gateway === undefined) return resolve(undefined);
    server.listen(0, gateway, () => resolve((server.address() as AddressInfo).port));
  });
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { port, [Symbol.asyncDispose]: async () => (port === undefined ? undefined : close()) };
}

export async function surroundings(
  settings: Settings,
  gateway: string | undefined,
): Promise<Pick<Surroundings, 'gateway' | 'own' | 'resolved'>> {
  const own = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(docker|br-|the0|veth)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const names = serverAddresses(settings)
    .map(({ host }) => host)
    .filter((host) => isIP(host) === 0 && !isLoopback(host));
  const resolved = await Promise.all(
    [...new Set(names)].map(async (name) => {
      const found = await lookup(name, { family: 4, all: true }).catch(() => []);
      return [name, found.map(({ address }) => address)] as const;
    }),
  );
  return { gateway, own, resolved: new Map(resolved) };
}
