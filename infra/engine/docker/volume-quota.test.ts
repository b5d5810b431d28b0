import { describe, expect, it } from 'vitest';
import { createLogger } from '../../logger.ts';
import type { CreateBody } from './api.ts';
import type { DockerClient } from './client.ts';
import { DockerRefusal } from './failures.ts';
import { VolumeQuota } from './volume-quota.ts';

const mount = (Source: string) => ({ Type: 'volume', Source, VolumeOptions: { NoCopy: true, Labels: {} } });
const body = {
  HostConfig: { Mounts: [mount('the0_state_1'), mount('the0_code_1')] },
} as unknown as CreateBody;
const SIZES = new Map([['the0_state_1', 4096]]);

function quota(answers: (Error | undefined)[]): { quota: VolumeQuota; calls: string[] } {
  const calls: string[] = [];
  const call = async ({ method, path }: { method: string; path: string }): Promise<unknown> => {
    calls.push(`${method} ${path}`);
    const failure = method === 'POST' ? answers.shift() : undefined;
    if (failure !== undefined) throw failure;
    return {};
  };
  const client = { json: call, run: call } as unknown as DockerClient;
  const log = createLogger({ level: 'silent', service: 'test' });
  return { quota: new VolumeQuota({ client, installation: 'the0', log, slowCallTimeoutMs: 1_000 }), calls };
}

const sourcesSized = ({ HostConfig }: CreateBody): unknown[] =>
  HostConfig.Mounts.map(({ VolumeOptions }) => VolumeOptions.DriverConfig?.Options.size);

describe('the size of a volume', () => {
  it('is the file system’s to keep where the engine takes one, which is tried once', async () => {
    const { quota: offered, calls } = quota([undefined]);
    for (let time = 0; time < 2; time += 1)
      expect(sourcesSized(await offered.sized(body, SIZES, {}))).toEqual(['4096', undefined]);
    expect(calls).toEqual(['POST /volumes/create', 'DELETE /volumes/the0_quota']);
  });

  it('is not asked for again where the engine refused', async () => {
    const { quota: refused, calls } = quota([
      new DockerRefusal(400, 'create the0_quota: quota size requested but no quota support'),
    ]);
    for (let time = 0; time < 2; time += 1) expect(await refused.sized(body, SIZES, {})).toBe(body);
    expect(calls).toEqual(['POST /volumes/create']);
  });

  it('is tried again where the engine was away, and not at all where no volume has one', async () => {
    const { quota: away, calls } = quota([new Error('away'), undefined]);
    expect(await away.sized(body, new Map(), {})).toBe(body);
    expect(calls).toEqual([]);
    await expect(away.sized(body, SIZES, {})).rejects.toThrow('away');
    expect(sourcesSized(await away.sized(body, SIZES, {}))).toEqual(['4096', undefined]);
  });
});
