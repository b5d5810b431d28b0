import { it } from 'vitest';
import { Redis } from 'ioredis';
import { killTrials, randomFrom } from '../support/chaos-kills.ts';
import { servedEngine } from '../support/chaos-servers.ts';
import { openWorld } from '../support/chaos-world.ts';
import { testServers } from '../support/servers.ts';
it('x', async () => {
  await Promise.all([0,1,2].map(async (i) => {
  const servers = testServers();
  await using fake = await servedEngine(servers.installation);
  const random = randomFrom(464462 + i);
  await using world = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url, environment: {LOG_LEVEL: 'debug'} });
  await world.plan();
  const kids: any[] = [];
  const spawn = world.spawn; 
  const w2 = {...world, spawn: async (r: any) => { const c = await spawn(r); kids.push(c); return c; }};
  try {
  await killTrials({ world: w2 as any, trials: 8, random, withinMs: 500, timeoutMs: 20000, onTrial: (t) => console.log(i, t),
    async beforeTrial() {
      for (const call of ['create', 'writeArchive', 'start', 'stop', 'remove', 'inspect'] as const)
        await fake.engine.control.setLatency(call, Math.round(random() * (random() < 0.3 ? 400 : 60)));
    } });
  } catch (e) {
    console.log(i, String(e));
    console.log(JSON.stringify(await world.collections.status.find({phase: {$ne: 'running'}}).toArray(), null, 1));
    const r = new Redis(servers.redisUrl);
    for (const q of ['start','stop','restart']) {
      const p = `the0:${servers.installation}:${q}:`;
      console.log(q, 'wait', await r.lrange(p+'wait',0,-1), 'active', await r.lrange(p+'active',0,-1), 'delayed', await r.zrange(p+'delayed',0,-1,'WITHSCORES'), 'marker', await r.zrange(p+'marker',0,-1,'WITHSCORES'), 'keys', (await r.keys(p+'*')).filter(k=>/de:|dn:|lock|stalled|meta/.test(k)));
      for (const id of await r.lrange(p+'active',0,-1)) console.log(id, await r.hgetall(p+id), await r.get(p+id+':lock'), await r.pttl(p+id+':lock'));
      for (const id of await r.zrange(p+'delayed',0,-1)) console.log(id, await r.hgetall(p+id));
    }
    console.log(Date.now());
    for (const k of kids.slice(-2)) console.log('KID', k.output().slice(-6000));
  }
  }));
}, 200000);
