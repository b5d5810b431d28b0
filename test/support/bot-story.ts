import type { NatsConnection } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import type { ContainerDetail, Engine } from '../../infra/engine/port.ts';
import { publishEvent } from '../../infra/nats/platform-stream.ts';
import { containerName } from '../../model/names.ts';
import { newBotId, uploadCode } from './bots.ts';
import { until } from './poll.ts';
import type { TestServers } from './servers.ts';

/** Says which symbol and which version of the code it runs with, and stays. */
export const tellingBot = (version: number): string => `
import json, time

def main(bot_id, config):
    with open('result.json', 'w') as f:
        json.dump({'status': 'success', 'symbol': config['symbol']}, f)
    print(json.dumps({'_metric': 'price', 'symbol': config['symbol'], 'version': ${version}}), flush=True)
    try:
        while True:
            time.sleep(0.1)
    finally:
        print('bye', flush=True)
`;

/** The steps of a bot's story, in their order. */
export const STEPS = ['created', 'changed', 'disabled', 'enabled', 'upgraded', 'deleted'] as const;
export type Step = (typeof STEPS)[number];

export type BotStory = {
  id: string;
  /** The container of the first step. */
  deployed: ContainerDetail;
  /** From the event, once it is durable, to its effect on the engine: the bot speaks, or its container is gone. */
  tookMs: Readonly<Record<Step, number>>;
};

export type StoryTeller = { servers: TestServers; engine: Engine; connection: NatsConnection };

/** Deploys, changes, disables, enables, upgrades and deletes a bot by events alone, each once the one before shows. */
export async function tellBotStory({ servers, engine, connection }: StoryTeller): Promise<BotStory> {
  const id = newBotId();
  const code = (version: number): Promise<string> =>
    // The id makes it code of this story's own, which nobody has unpacked before.
    uploadCode(servers, { 'main.py': `# ${id}\n${tellingBot(version)}` });
  const first = await code(1);
  const second = await code(2);
  const tookMs: Partial<Record<Step, number>> = {};

  const publish = (kind: 'created' | 'updated' | 'deleted', payload: object): Promise<unknown> =>
    publishEvent(jetstream(connection), `the0.bot.${kind}`, payload);
  const container = (): Promise<ContainerDetail | undefined> =>
    engine.inspect(containerName(servers.installation, id));
  const follows = async <T>(
    step: Step,
    act: Promise<unknown>,
    check: () => Promise<T>,
  ): Promise<NonNullable<T>> => {
    await act;
    const beganMs = performance.now();
    const seen = await until(check, { everyMs: 20, timeoutMs: 30_000, what: step });
    tookMs[step] = Math.round(performance.now() - beganMs);
    return seen;
  };
  const says = (symbol: string, version: number) => async (): Promise<ContainerDetail | undefined> => {
    const seen = await container();
    if (seen?.state !== 'running') return undefined;
    const words = `"symbol": "${symbol}", "version": ${version}`;
    return (await outputOf(engine, seen.id)).includes(words) ? seen : undefined;
  };
  const gone = async (): Promise<boolean> => (await container()) === undefined;
  const of = (config: Record<string, unknown>): object => botEvent(id, first, { symbol: 'ETH', ...config });

  const deployed = await follows('created', publish('created', of({ symbol: 'BTC' })), says('BTC', 1));
  await follows('changed', publish('updated', of({})), says('ETH', 1));
  await follows('disabled', publish('updated', of({ enabled: false })), gone);
  await follows('enabled', publish('updated', of({ enabled: true })), says('ETH', 1));
  const upgraded = botEvent(id, second, { symbol: 'ETH', enabled: true }, '1.1.0');
  await follows('upgraded', publish('updated', upgraded), says('ETH', 2));
  await follows('deleted', publish('deleted', { id, config: { name: 'e2e' } }), gone);
  return { id, deployed, tookMs: tookMs as Record<Step, number> };
}

/** The payload of an event, as the platform sends it. */
export const botEvent = (
  id: string,
  filePath: string,
  config: Record<string, unknown>,
  version = '1.0.0',
): object => ({
  id,
  config: { name: 'e2e', type: 'realtime/e2e', version, customBotId: 'c1', ...config },
  custom: {
    config: {
      name: 'e2e',
      type: 'realtime',
      runtime: 'python3.11',
      version,
      entrypoints: { bot: 'main.py' },
    },
    createdAt: '2026-11-23T00:00:00.000Z',
    updatedAt: '2026-11-23T00:00:00.000Z',
    filePath,
    version,
  },
});

async function outputOf(engine: Engine, containerId: string): Promise<string> {
  let text = '';
  for await (const line of engine.logs(containerId, {})) text += line.data.toString();
  return text;
}
