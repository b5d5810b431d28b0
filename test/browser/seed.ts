import { S3Client, s3Options } from '../../infra/s3/client.ts';
import type { Settings } from '../../infra/config/settings.ts';
import type { Collections, HistoryDocument } from '../../infra/mongo/collections.ts';
import type { Phase } from '../../model/status.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { botDocument } from '../support/bots.ts';
import { CHATTY, CRASHING, HOSTILE, WELL } from './seed-names.ts';
import { seedLiving } from './seed-living.ts';
import { seedAudit, seedState } from './seed-records.ts';
import { seedSchedules } from './seed-schedules.ts';

/** Must come to life nowhere: it would set `window.pwned`. */
export const SCRIPT = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>';
const ESC = '\u001b';

export const CRASH_LINES = [
  '{"level":"info","message":"loading 1,440 candles of ETH/USDT"}',
  'Traceback (most recent call last):',
  '  File "/bot/main.py", line 88, in on_candle',
  "    self.place(side, price, self.sizes['ask'])",
  "KeyError: 'ask'",
];

const STRATEGIES = [
  'Momentum',
  'Grid',
  'Mean reversion',
  'Breakout',
  'Arbitrage',
  'Market maker',
  'Pairs',
  'Carry',
];
const SYMBOLS = ['BTC/USD', 'ETH/USD', 'SOL/USD', 'ADA/EUR', 'XRP/USD', 'DOT/EUR', 'LINK/USD', 'AVAX/USD'];
const RUNTIMES = ['python3.11', 'nodejs20', 'rust-stable'];
export const OTHERS = 600;

export type Seeding = { all: Collections; settings: Settings; nowMs: number };

/** An installation as it would be found on a day with one thing that is wrong, a few that are wanted, and much that is well. */
export async function seed({ all, settings, nowMs }: Seeding): Promise<void> {
  await seedBots(all, nowMs);
  await seedStory(all, nowMs);
  await seedSchedules(all, nowMs);
  await seedAudit(all, nowMs);
  await seedLiving({ all, settings, nowMs });
  const s3 = new S3Client(s3Options(settings));
  await s3.ensureBucket(settings.S3_LOG_BUCKET);
  await s3.ensureBucket(settings.S3_STATE_BUCKET);
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
  for (const [id, lines] of logsOf(nowMs))
    await s3.put(settings.S3_LOG_BUCKET, `logs/${id}/${day}.log`, lines.join('\n') + '\n');
  await seedState(all, s3, settings.S3_STATE_BUCKET, nowMs);
  s3[Symbol.dispose]();
}

async function seedBots(all: Collections, nowMs: number): Promise<void> {
  const named: [string, string, Phase, string][] = [
    [
      CRASHING,
      'Grid ETH/USDT',
      'backing-off',
      'It crashed with exit code 1 after 3 s, 10,000 times in a row; it is started again.',
    ],
    [WELL, 'Momentum BTC/USD', 'running', 'It runs.'],
    [CHATTY, 'Market maker SOL/USD', 'running', 'It runs.'],
    [HOSTILE, SCRIPT, 'failed', `${SCRIPT} ${ESC}[31mred${ESC}[0m`],
  ];
  const others = Array.from({ length: OTHERS }, (_, at): [string, string, Phase, string] => {
    const phase =
      at % 97 === 5 ? 'failed' : at % 53 === 9 ? 'stopped' : at % 71 === 3 ? 'starting' : 'running';
    const name = `${STRATEGIES[at % 8] ?? ''} ${SYMBOLS[(at * 3 + Math.floor(at / 8)) % 8] ?? ''} #${at + 1}`;
    const reason =
      phase === 'failed'
        ? 'Its archive has no entry point main.py: upload it again, or name another in config.entrypoints.'
        : phase === 'stopped'
          ? 'Its owner has it disabled.'
          : phase === 'starting'
            ? 'It is started: its image is pulled.'
            : 'It runs.';
    return [`b${at.toString(36).padStart(6, '0')}`, name, phase, reason];
  });
  const bots = [...named, ...others];
  const documents = bots.map(([id, name, phase], at) => ({
    ...botDocument(id, {
      filePath: `owner/${id}/1.${at % 9}.0`,
      runtime: RUNTIMES[at % 3] ?? 'python3.11',
      config: {
        name,
        type: `realtime/${(STRATEGIES[at % 8] ?? '').toLowerCase().replace(' ', '-')}`,
        apiKey: 'canary-secret',
      },
    }),
    ...(phase === 'stopped' ? { enabled: false } : {}),
  }));
  await all.bots.insertMany(documents);
  await all.status.insertMany(
    documents.map((bot, at) => {
      const [, , phase = 'running', reason = ''] = bots[at] ?? [];
      const since = new Date(
        nowMs - (phase === 'running' ? ((at * 7_919) % 9_000) * 60_000 : (at % 50) * 60_000 + 9_000),
      );
      const crashes = bot.id === CRASHING;
      return {
        _id: bot.id,
        phase,
        reason,
        since,
        updatedAt: since,
        restarts: crashes ? 10_000 : at % 5,
        consecutiveFailures: crashes ? 10_000 : 0,
        attemptedFingerprint: fingerprint(bot),
        attemptedRestarts: 0,
        token: at,
        lock: null,
        ...(phase === 'running'
          ? {
              containerId: `4f${at.toString(16).padStart(10, '0')}`,
              image: 'python:3.11-slim',
              startedAt: since,
            }
          : {}),
        ...(phase === 'failed' ? { permanent: true, failureCode: 'entrypoint_missing' } : {}),
        ...(crashes
          ? {
              nextAttemptAt: new Date(nowMs + 3 * 60_000),
              lastExit: {
                at: since,
                exitCode: 1,
                oomKilled: false,
                upSeconds: 3,
                containerId: 'c0ffee',
                lastOutput: CRASH_LINES,
                requested: false,
              },
            }
          : {}),
      };
    }),
  );
}

/** Ten thousand restarts: three changes of phase each. The newest is where it is now. */
async function seedStory(all: Collections, nowMs: number): Promise<void> {
  const cycle = [
    { after: 'backing-off', text: 'It crashed with exit code 1 after 3 s; it is started again in 5 min.' },
    { after: 'running', text: 'It runs.' },
    { after: 'starting', text: 'It is started.' },
  ];
  const events: HistoryDocument[] = Array.from({ length: 30_000 }, (_, at) => {
    const { after = '', text = '' } = cycle[at % 3] ?? {};
    return {
      _id: `${(1e9 - at).toString().padStart(12, '0')}`,
      at: new Date(nowMs - 9_000 - at * 4_000),
      kind: 'phase',
      subject: 'bot',
      id: CRASHING,
      story: [CRASHING],
      before: cycle[(at + 1) % 3]?.after ?? '',
      after,
      text,
    };
  });
  await all.history.insertMany(events);
}

/** Lines as bots write them; with what must stay text. */
function logsOf(nowMs: number): [string, string[]][] {
  const line = (atMs: number, level: string, message: string, more: object = {}): string =>
    JSON.stringify({ timestamp: new Date(atMs).toISOString(), level, message, ...more });
  const crashing = Array.from({ length: 400 }, (_, at) => {
    const atMs = nowMs - (400 - at) * 1_500;
    const crash = at % 5 === 4 ? `KeyError: 'ask' (order book of ETH/USDT is empty)` : '';
    return crash === ''
      ? line(atMs, at % 5 === 3 ? 'warn' : 'info', `candle ${at} of ETH/USDT`, { spread: 0.02 * (at % 7) })
      : line(atMs, 'error', crash);
  });
  const million = '{"level":"info","message":"tick of SOL/USD at 182.44, book 12 x 14"}';
  return [
    [CRASHING, crashing],
    [
      HOSTILE,
      [
        SCRIPT,
        line(nowMs, 'error', `${SCRIPT} ${ESC}[31mred${ESC}[0m ${ESC}]0;title${String.fromCharCode(7)}`),
      ],
    ],
    [
      WELL,
      Array.from({ length: 300 }, (_, at) =>
        line(nowMs - (300 - at) * 2_000, 'info', `signal ${(at * 37) % 100} of BTC/USD, position ${at % 3}`),
      ),
    ],
    [
      CHATTY,
      [
        ...Array.from({ length: 1_000_000 }, () => million),
        line(nowMs, 'warn', 'the last line of a million'),
      ],
    ],
  ];
}
