import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { obtainProgramOrThrow } from './obtain.ts';
import { freePorts } from './ports.ts';
import { superviseServer } from './supervise.ts';
import type { RunningServer, ServerPlan, StartOptions } from './types.ts';
import { askOverTcp } from './wire.ts';

export type NatsOptions = StartOptions & {
  /** Every message is on disk before it is acknowledged; unset: the server's default, which syncs every two minutes. */
  syncAlways?: boolean;
};

/** NATS with JetStream. */
export async function startNats(options: NatsOptions): Promise<RunningServer> {
  const binary = options.binary ?? (await obtainProgramOrThrow('nats', process.env)).path;
  return superviseServer('nats', binary, options, async () => {
    const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    const config = join(options.dir, 'nats.conf');
    mkdirSync(options.dir, { recursive: true });
    writeFileSync(config, natsConfig(join(options.dir, 'data'), options.syncAlways === true));
    return { args: ['-c', config, '-a', '127.0.0.1', '-p', String(port)], ...natsAt(port) };
  });
}

function natsConfig(storeDir: string, syncAlways: boolean): string {
  // JSON is valid in this file, so any path can be written without rules of our own for quoting.
  const lines = [`store_dir: ${JSON.stringify(storeDir)}`, ...(syncAlways ? ['sync_interval: always'] : [])];
  return `jetstream {\n  ${lines.join('\n  ')}\n}\n`;
}

export function natsAt(port: number): Omit<ServerPlan, 'args'> {
  const url = `nats://127.0.0.1:${port}`;
  const check = async (): Promise<void> => {
    const greeting = await askOverTcp(port);
    const info = JSON.parse(greeting.replace(/^INFO /, '').split('\r\n')[0] ?? '{}') as {
      jetstream?: boolean;
    };
    if (info.jetstream !== true) throw new Error('JetStream is not up yet');
  };
  return { url, env: { NATS_URL: url }, port, check };
}
