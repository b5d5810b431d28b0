// scratch: timeline of one reaction
import { Collection, ClientSession } from 'mongodb';
import { Redis } from 'ioredis';
import { bench } from './zz-reaction.ts';
import { withContext } from './harness/context.ts';
type E = { t: number; what: string };
let log: E[] = [];
const add = (what: string) => log.push({ t: performance.now(), what });
for (const m of ['findOne', 'findOneAndUpdate', 'insertOne', 'updateOne', 'updateMany'] as const) {
  const orig = (Collection.prototype as any)[m];
  (Collection.prototype as any)[m] = async function (...a: any[]) {
    add(`> ${this.collectionName}.${m}`);
    try {
      return await orig.apply(this, a);
    } finally {
      add(`< ${this.collectionName}.${m}`);
    }
  };
}
const c = ClientSession.prototype.commitTransaction;
ClientSession.prototype.commitTransaction = async function (...a: any[]) {
  add('> commit');
  try {
    return await (c as any).apply(this, a);
  } finally {
    add('< commit');
  }
} as any;
const sc = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function (cmd: any, ...r: any[]) {
  const n =
    cmd.name + ' ' + String(cmd.args?.[1] ?? '').slice(0, 5) + ' ' + String(cmd.args?.[2] ?? '').slice(-20);
  add(`> redis ${n}`);
  const p = (sc as any).call(this, cmd, ...r);
  cmd.promise?.then(
    () => add(`< redis ${n}`),
    () => 0,
  );
  return p;
} as any;
const all: E[][] = [];
(globalThis as any).traceEvent = (start: number) => {
  all.push(log.filter((e) => e.t >= start).map((e) => ({ t: e.t - start, what: e.what })));
  log = [];
};
(globalThis as any).traceAdd = add;
const out = await withContext('trace', (context) => bench.run(context));
const a = out[0]!;
console.log(a.value, out[1]!.value, Math.min(...a.runs));
// show the fastest-quartile timelines: pick events whose total is near p25
const withTotal = all
  .slice(30)
  .map((tl) => ({ tl, total: tl.find((e) => e.what === 'CREATE')?.t ?? 1e9 }))
  .sort((x, y) => x.total - y.total);
const pick = withTotal[Math.floor(withTotal.length * 0.25)]!;
for (const e of pick.tl) {
  console.log(e.t.toFixed(2).padStart(8), e.what);
  if (e.what === 'CREATE') break;
}
process.exit(0);
