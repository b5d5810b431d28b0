import type { QueryContainerDocument } from '../../infra/mongo/collections.ts';
import { SINGLE_SHOT_BELIEVED_MS } from '../../model/queries.ts';

/** A failure of a moment ago is told again, and not tried again, for so long: many may ask at once. */
const FAILURE_BELIEVED_MS = 2_000;

export type Judgement =
  | { kind: 'ask'; address: string; containerId: string; heard: boolean }
  | { kind: 'single' }
  | { kind: 'failed'; problem: { reason: string; status: number } }
  /** A processor has to see to it. */
  | { kind: 'prepare' };

export type Seen = {
  /** Fingerprint of the bot as it is. */
  wanted: string;
  /** The query server's own container, where it runs in one. */
  server: string | undefined;
  /** Since a processor was asked: what it wrote before is no answer. Undefined before one was asked. */
  since: number | undefined;
  nowMs: number;
};

/** What a bot's record says about how to answer its queries. Pure. */
export function judge(record: QueryContainerDocument | undefined, seen: Seen): Judgement {
  if (record === undefined) return { kind: 'prepare' };
  const answered = seen.since !== undefined && record.revision > seen.since;
  // A processor that was asked has read the bot later than we have.
  if (record.fingerprint !== seen.wanted && !answered) return { kind: 'prepare' };
  const ageMs = seen.nowMs - record.updatedAt.getTime();
  switch (record.state) {
    case 'ready':
      return judgeReady(record, seen.server);
    case 'single-shot':
      return answered || ageMs < SINGLE_SHOT_BELIEVED_MS ? { kind: 'single' } : { kind: 'prepare' };
    case 'failed': {
      const fresh = seen.since === undefined && ageMs < FAILURE_BELIEVED_MS;
      const { problem = { reason: 'its query container could not be started', status: 503 } } = record;
      return answered || fresh ? { kind: 'failed', problem } : { kind: 'prepare' };
    }
    case 'preparing':
      return { kind: 'prepare' };
  }
}

function judgeReady(record: QueryContainerDocument, server: string | undefined): Judgement {
  const { address, containerId, listening, broken, silent, joined = [] } = record;
  if (address === undefined || containerId === undefined) return { kind: 'prepare' };
  if (containerId === broken || containerId === silent) return { kind: 'prepare' };
  // On the host every container is in reach but those that were made for others' eyes only.
  const inReach = server === undefined ? joined.length === 0 : joined.includes(server);
  if (!inReach) return { kind: 'prepare' };
  return { kind: 'ask', address, containerId, heard: listening === containerId };
}
