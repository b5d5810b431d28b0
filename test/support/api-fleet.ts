import { ObjectId } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import type { BotStatus, Phase } from '../../model/status.ts';
import { botDocument } from './bots.ts';

export type Fleet = { ids: string[]; idsOf: (phase: Phase) => string[] };

/** A fleet as it would be found: most run, some are in trouble, some are held or disabled. Every document has a readme and a schema. */
export async function seedFleet(
  all: Pick<Collections, 'bots' | 'status' | 'holds' | 'restarts' | 'poison' | 'eventOrder'>,
  bots: number,
): Promise<Fleet> {
  const ids = Array.from({ length: bots }, (_, at) => `fleet${at.toString(36).padStart(19, '0')}`);
  const phases = ids.map((_, at) => phaseOf(at));
  const documents = ids.map((id, at) => {
    const bot = botDocument(id, {
      filePath: `owner/strategy-${at % 100}/1.${at % 10}.0`,
      runtime: at % 3 === 0 ? 'nodejs20' : 'python3.11',
      config: {
        name: `Strategy ${at % 997} of ${at}`,
        type: `realtime/strategy-${at % 100}`,
        symbol: 'BTC/USD',
      },
    });
    const custom = {
      ...bot.custom,
      config: { ...bot.custom?.config, readme: 'x'.repeat(2_000), schema: { type: 'object' } },
    };
    return { ...bot, custom };
  });
  await all.bots.insertMany(documents);
  await all.status.insertMany(documents.map((bot, at) => statusOf(bot, at, phases[at] ?? 'running')));
  const wish = { who: 'ann', why: 'incident 7', at: new Date() };
  await all.holds.insertMany(ids.filter((_, at) => phases[at] === 'held').map((_id) => ({ _id, ...wish })));
  await all.restarts.insertMany(
    ids.filter((_, at) => at % 4 === 0).map((_id) => ({ _id, count: 1, ...wish })),
  );
  await all.eventOrder.insertMany(
    ids.map((_id, at) => ({ _id, streamCreatedAt: new Date(0), sequence: at })),
  );
  await all.poison.insertMany(
    Array.from({ length: 500 }, (_, at) => ({
      _id: new ObjectId(),
      subject: 'the0.bot.updated',
      reason: 'config is no object',
      payload: `{"id":"${ids[at % bots] ?? ''}","config":"${'x'.repeat(8_000)}"}`,
      payloadBytes: 8_040,
      at: new Date(Date.now() - at * 1_000),
    })),
  );
  return { ids, idsOf: (phase) => ids.filter((_, at) => phases[at] === phase) };
}

function phaseOf(at: number): Phase {
  if (at % 50 === 7) return 'failed';
  if (at % 50 === 13) return 'backing-off';
  if (at % 50 === 21) return 'held';
  return 'running';
}

function statusOf(bot: Parameters<typeof fingerprint>[0], at: number, phase: Phase): BotStatus {
  const now = Date.now();
  const startedAt = new Date(now - 1_000 * (at % 100_000));
  return {
    _id: bot.id,
    phase,
    reason:
      phase === 'running'
        ? 'It runs.'
        : 'It crashed with exit code 1 after 3 s, 4 times in a row; it is started again.',
    since: startedAt,
    updatedAt: startedAt,
    restarts: at % 9,
    consecutiveFailures: phase === 'running' ? 0 : 4,
    attemptedFingerprint: fingerprint(bot),
    attemptedRestarts: at % 4 === 0 ? 1 : 0,
    token: at,
    lock: null,
    ...(phase === 'running' ? { containerId: `container${at}`, image: 'python@sha256:1', startedAt } : {}),
    ...(phase === 'failed' ? { permanent: true, failureCode: 'entrypoint_missing' } : {}),
    ...(phase === 'backing-off' ? { nextAttemptAt: new Date(now + 200_000) } : {}),
    lastExit: {
      at: startedAt,
      exitCode: 1,
      oomKilled: false,
      upSeconds: 3,
      containerId: `earlier${at}`,
      lastOutput: Array.from({ length: 20 }, (_, line) => `line ${line} of what it printed last`),
      requested: false,
    },
  };
}
