import { ObjectId } from 'mongodb';
import type { AuditDocument, Collections } from '../../infra/mongo/collections.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import { archiveKey } from '../../processors/state/keys.ts';
import { tarGz } from '../support/state-archives.ts';
import { CHATTY, WELL } from './seed-names.ts';

const MINUTE_MS = 60_000;

type Act = Pick<AuditDocument, 'who' | 'role' | 'what' | 'target' | 'why' | 'outcome'> & {
  minutesAgo: number;
  message?: string;
};

/** What people and programs did of late, or were refused. */
const ACTS: readonly Act[] = [
  {
    minutesAgo: 4,
    who: 'ben',
    role: 'operator',
    what: 'BotService/RestartBot',
    target: 'b000005',
    why: 'the order book is filled again',
    outcome: 'done',
  },
  {
    minutesAgo: 22,
    who: 'vic',
    role: 'viewer',
    what: 'BotService/StopBot',
    target: CHATTY,
    why: 'too chatty',
    outcome: 'permission_denied',
    message: 'A viewer may not do that: it takes an operator',
  },
  {
    minutesAgo: 65,
    who: 'ben',
    role: 'operator',
    what: 'BullBoard/RetryJob',
    target: 'start/4711',
    why: 'in Bull Board',
    outcome: 'done',
  },
  {
    minutesAgo: 190,
    who: 'month-end',
    role: 'operator',
    what: 'ScheduleService/PauseSchedule',
    target: 'rebalance-hourly',
    why: 'books are closed',
    outcome: 'done',
  },
  {
    minutesAgo: 188,
    who: 'month-end',
    role: 'operator',
    what: 'ScheduleService/ResumeSchedule',
    target: 'rebalance-hourly',
    why: 'books are open',
    outcome: 'done',
  },
  {
    minutesAgo: 1_500,
    who: 'root',
    role: 'admin',
    what: 'TokenService/CreateToken',
    target: 'month-end',
    why: 'for the job of month ends',
    outcome: 'done',
  },
];

export async function seedAudit(all: Collections, nowMs: number): Promise<void> {
  await all.audit.insertMany(
    ACTS.map(({ minutesAgo, ...act }) => {
      const at = new Date(nowMs - minutesAgo * MINUTE_MS);
      return { ...act, _id: new ObjectId(), at, endedAt: at };
    }),
  );
}

/** What a bot keeps in `/state`: an archive, and what is on record of it. */
export async function seedState(
  all: Collections,
  s3: S3Client,
  bucket: string,
  nowMs: number,
): Promise<void> {
  const archive = await tarGz({
    '.the0-state/positions.json': JSON.stringify({ 'BTC/USD': 0.75, 'ETH/USD': -2 }),
    '.the0-state/candles.json': JSON.stringify(Array.from({ length: 900 }, (_, at) => 42_000 + (at % 97))),
    '.the0-state/last-signal.json': JSON.stringify({ side: 'buy', strength: 0.62 }),
    'models/momentum.bin': Buffer.alloc(40_000, 7),
  });
  await s3.put(bucket, archiveKey(WELL), archive);
  await all.botState.insertOne({
    _id: WELL,
    savedAt: new Date(nowMs - 3 * MINUTE_MS),
    bytes: 44_900,
    files: 4,
    updatedAt: new Date(nowMs - 3 * MINUTE_MS),
  });
}
