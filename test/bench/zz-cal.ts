import { withContext } from './harness/context.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { createLogger } from '../../infra/logger.ts';
import { readFileSync } from 'node:fs';
await withContext('cal', async (c) => {
  const s = await c.servers('mongo');
  const m = connectMongo(s.mongoUri, { appName: 'x', log: createLogger({ level: 'silent', service: 'x' }) });
  c.atEnd('m', () => m.close());
  const col = m.client.db('x').collection<any>('c');
  await col.insertMany(Array.from({ length: 2000 }, (_, i) => ({ _id: i, id: `b${i}`, config: { a: 1, b: 'x' }, custom: { config: { x: 1 } } })));
  const cpu = () => { const f = readFileSync(`/proc/${s.running.mongo!.pid}/stat`, 'utf8').split(') ')[1]!.split(' '); const u = process.cpuUsage(); return [(u.user + u.system), (Number(f[11]) + Number(f[12])) * 10_000]; };
  const run = async (name: string, n: number, conc: number, f: (i: number) => Promise<unknown>) => {
    let i = 0; const c0 = cpu(); const t = performance.now();
    await Promise.all(Array.from({ length: conc }, async () => { while (i < n) { const k = i++; await f(k); } }));
    const c1 = cpu(); const ms = performance.now() - t;
    console.log(name, 'conc', conc, (ms * 1000 / n).toFixed(0), 'us/op wall; cpu us/op node', ((c1[0]! - c0[0]!) / n).toFixed(0), 'mongo', ((c1[1]! - c0[1]!) / n).toFixed(0));
  };
  for (let r = 0; r < 2; r++) {
    for (const conc of [1, 32, 96]) {
      await run('findOne', 3000, conc, (k) => col.findOne({ _id: k % 2000 }));
      await run('update majority', 1500, conc, (k) => col.updateOne({ _id: k % 2000 }, { $set: { x: k + r } }));
      await run('find $in 100', 100, conc, (k) => col.find({ _id: { $in: Array.from({ length: 100 }, (_, j) => (k * 7 + j) % 2000) } }).toArray());
      await run('bulk 100', 50, conc, (k) => col.bulkWrite(Array.from({ length: 100 }, (_, j) => ({ updateOne: { filter: { _id: (k * 7 + j) % 2000 }, update: { $set: { y: k * 1000 + r } } } })), { ordered: false }));
    }
  }
});
process.exit(0);
