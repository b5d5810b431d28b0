import { join } from 'node:path';
import { obtainProgramOrThrow } from './obtain.ts';
import { freePorts } from './ports.ts';
import { superviseServer } from './supervise.ts';
import type { RunningServer, ServerPlan, StartOptions } from './types.ts';
import { askOverTcp } from './wire.ts';

/** Redis or Valkey as the queues need it: nothing is evicted, every second is on disk, delayed jobs wake within 10 ms. */
export async function startRedis(options: StartOptions): Promise<RunningServer> {
  const binary = options.binary ?? (await obtainProgramOrThrow('redis', process.env)).path;
  return superviseServer('redis', binary, options, async () => {
    const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    return {
      args: [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        join(options.dir, 'data'),
        '--save',
        '',
        '--appendonly',
        'yes',
      ]
        // With a title of its own it could not be recognised by its command line after a crash of ours.
        .concat([
          '--maxmemory-policy',
          'noeviction',
          // A blocked read, which is how an alarm is waited for, ends only at this timer: at 100 it is 5 ms late on average.
          '--hz',
          '500',
          '--daemonize',
          'no',
          '--set-proc-title',
          'no',
        ]),
      ...redisAt(port),
    };
  });
}

export function redisAt(port: number): Omit<ServerPlan, 'args'> {
  const url = `redis://127.0.0.1:${port}`;
  const check = async (): Promise<void> => {
    const answer = await askOverTcp(port, 'PING\r\n');
    // "-LOADING" while it reads its log after a restart.
    if (!answer.startsWith('+PONG')) throw new Error(`it answers ${answer.trim()}`);
  };
  return { url, env: { REDIS_URL: url }, port, check };
}
