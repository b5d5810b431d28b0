import { createServer } from 'node:net';

// Below the range from which systems take ports for outgoing connections: there, a port that is free now may be
// in use by the time a server is started again on it.
const FIRST = 20_000;
const LAST = 32_000;

/** Whether a server could listen on this port of the loopback address now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** `count` different free ports. They are free, not reserved: whoever uses them must be ready to choose again. */
export async function freePorts(
  count: number,
  isFree: (port: number) => Promise<boolean> = isPortFree,
  random: () => number = Math.random,
): Promise<number[]> {
  const chosen = new Set<number>();
  for (let tries = 0; chosen.size < count; tries += 1) {
    if (tries > 1000)
      throw new Error(
        `Only ${chosen.size} of ${count} free ports could be found between ${FIRST} and ${LAST}`,
      );
    const port = FIRST + Math.floor(random() * (LAST - FIRST));
    if (!chosen.has(port) && (await isFree(port))) chosen.add(port);
  }
  return [...chosen];
}

/** The usual port where it is free, else any. */
export async function usualOrFreePort(
  usual: number,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<number> {
  if (await isFree(usual)) return usual;
  const [port] = await freePorts(1, isFree);
  if (port === undefined) throw new Error('No free port');
  return port;
}
