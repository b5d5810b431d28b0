// A process that writes to a ledger for as long as it believes in its lease: `node leases-holder.ts URI DATABASE OWNER TTL_MS`.
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease } from '../../infra/leases.ts';
import { createLogger } from '../../infra/logger.ts';
import type { LeaseDocument } from '../../infra/mongo/collections.ts';

const [uri = '', database = '', owner = '', ttlMs = ''] = process.argv.slice(2);
const client = new MongoClient(uri);
const ledger = client.db(database).collection('ledger');
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

await holdLease({
  store: new LeaseStore(client.db(database).collection<LeaseDocument>('leases')),
  name: 'the-ledger',
  owner,
  ttlMs: Number(ttlMs),
  renewEveryMs: 300,
  retryEveryMs: 100,
  signal: stopping.signal,
  log: createLogger({ level: 'silent', service: 'test' }),
  onAcquired: async (held) => {
    while (held.isHeld()) {
      await ledger.insertOne({ owner, term: held.term });
      await sleep(5);
    }
  },
});
await client.close();
