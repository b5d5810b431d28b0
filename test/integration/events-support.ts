import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { until } from '../support/poll.ts';

export type Running = { url: string; port: number; pid(): number; kill(): Promise<void>; restart(): Promise<void>; stop(): Promise<void>; dir: string };
async function freePort(): Promise<number> {
  return await new Promise((resolve) => { const s = createServer(); s.listen(0, '127.0.0.1', () => { const p = (s.address() as { port: number }).port; s.close(() => resolve(p)); }); });
}
async function run(command: string, args: string[], dir: string, url: string, port: number, ready: () => Promise<unknown>): Promise<Running> {
  let child: ChildProcess;
  const start = async () => { child = spawn(command, args, { stdio: 'ignore' }); await until(ready, { timeoutMs: 15000, what: command }); };
  const end = async (signal: NodeJS.Signals) => { if (child.exitCode !== null || child.signalCode !== null) return; const done = new Promise((r) => child.once('exit', r)); child.kill('SIGCONT'); child.kill(signal); await done; };
  await start();
  return { url, port, dir, pid: () => child.pid!, kill: () => end('SIGKILL'), restart: async () => { await end('SIGKILL'); await start(); }, stop: async () => { await end('SIGKILL'); await rm(dir, { recursive: true, force: true }); } };
}
export async function startMongo(o: { standalone?: boolean } = {}): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'ev-mongo-')); const port = await freePort();
  let initiated = o.standalone === true;
  return run('/tmp/evsrv/mongo/fiftyone/db/bin/mongod', [...(o.standalone ? [] : ['--replSet', 'rs0']), '--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', dir, '--wiredTigerCacheSizeGB', '0.25'], dir, `mongodb://127.0.0.1:${port}`, port, async () => {
    const c = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, { serverSelectionTimeoutMS: 500 });
    try { if (!initiated) { await c.db('admin').command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: `127.0.0.1:${port}` }] } }); initiated = true; } return (await c.db('admin').command({ hello: 1 }))['isWritablePrimary']; } finally { await c.close(); }
  });
}
export async function startNats(o: { binary?: string } = {}): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'ev-nats-')); const port = await freePort();
  await writeFile(join(dir, 'c.conf'), '');
  return run(o.binary ?? '/tmp/evsrv/nats/bin/nats-server', ['-js', '-sd', dir, '-a', '127.0.0.1', '-p', String(port)], dir, `nats://127.0.0.1:${port}`, port, async () => {
    const { connect } = await import('@nats-io/transport-node'); const c = await connect({ servers: `127.0.0.1:${port}`, timeout: 500 }); await c.close(); return true;
  });
}
