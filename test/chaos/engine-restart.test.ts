import { expect, it, vi } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { MARKS } from '../../producers/live-logs/marks.ts';
import { bridgeTo } from '../support/engine-bridge.ts';
import { subscriber } from '../support/live-subscriber.ts';
import { botDocument, newBotId, statusOf } from '../support/bots.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { removeAll } from '../support/engine.ts';
import { engineFault } from '../support/engine-fault.ts';
import { until } from '../support/poll.ts';
import { savedLog } from '../support/saved-log.ts';
import { ownNats, testEngine, testServers } from '../support/servers.ts';

/** Counts on from where it was, and says each number once that is safely in its state. */
const CODE = {
  'main.py': `
import os, time

def main(bot_id, config):
    try:
        with open('/state/n') as file:
            n = int(file.read())
    except FileNotFoundError:
        n = 0
    print(f'began {n}', flush=True)
    while True:
        n += 1
        with open('/state/n.tmp', 'w') as file:
            file.write(str(n))
            file.flush()
            os.fsync(file.fileno())
        os.rename('/state/n.tmp', '/state/n')
        print(f'count {n}', flush=True)
        time.sleep(0.05)
`,
};
const SIGNALS = ['SIGTERM', 'SIGKILL'] as const;
const RECOVERY_MS = 60_000;

const ofOurs = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^(began|count) \d+$/.test(line));

/** Numbers that were said again or left out. Between saving one and saying it, a bot may be ended. */
function holesAndRepeats(lines: readonly string[]): string[] {
  const found: string[] = [];
  let last = 0;
  for (const line of lines) {
    const [word, number] = line.split(' ');
    const n = Number(number);
    const right = word === 'began' ? n === last || n === last + 1 : n === last + 1;
    if (!right) found.push(`${line} after ${last}`);
    last = n;
  }
  return found;
}

/** What was saved and not heard, or heard and not saved, less what a line of ours says may be missing at its place. */
function unmarkedHoles(heard: readonly string[], saved: readonly string[]): string[] {
  const found: string[] = [];
  let next = 0;
  let isMarked = false;
  for (const line of heard) {
    if (MARKS.goneUnread.startsWith(line)) isMarked = true;
    if (ofOurs([line]).length === 0) continue;
    const at = saved.indexOf(line, next);
    if (at < 0) found.push(`${line} was heard again, or was never saved`);
    else {
      if (!isMarked) found.push(...saved.slice(next, at).map((missing) => `${missing} is missing`));
      next = at + 1;
    }
    isMarked = false;
  }
  return [...found, ...(isMarked ? [] : saved.slice(next).map((missing) => `${missing} is missing`))];
}

it('the engine is ended, in order and by force: bots go on where they were, and what they say has no hole', async () => {
  const servers = testServers();
  const log = createLogger({ level: 'silent', service: 'test' });
  await using nats = await ownNats();
  await using bridge = await bridgeTo(testEngine());
  await using engine = createDockerEngine({
    installation: servers.installation,
    dockerHost: testEngine(),
    log,
  });
  try {
    const fault = await engineFault(engine, { dockerHost: testEngine(), bridge });
    await using world = await openWorld({
      servers,
      engine,
      environment: { DOCKER_HOST: bridge.dockerHost, NATS_URL: nats.url, LOG_FLUSH_AFTER: '1s' },
      code: CODE,
    });
    const botId = newBotId();
    await using heard = await subscriber(nats.url, botId);
    await world.spawn('bot-runner');
    await world.collections.bots.insertOne(botDocument(botId, { filePath: world.filePath }));
    const counted = (): number => ofOurs(heard.lines()).filter((line) => line.startsWith('count')).length;
    const begun = (): number => ofOurs(heard.lines()).filter((line) => line.startsWith('began')).length;
    await until(() => counted() > 20, { timeoutMs: RECOVERY_MS, what: 'the bot counting' });

    for (const signal of SIGNALS) {
      const before = begun();
      await fault.restart(signal);
      const what = `after ${signal} to ${fault.what}`;
      await until(() => begun() > before, { timeoutMs: RECOVERY_MS, what: `the bot running again ${what}` });
      const now = counted();
      await until(() => counted() > now + 20, { timeoutMs: RECOVERY_MS, what: `its output ${what}` });
      await untilWell(world, { timeoutMs: RECOVERY_MS });
    }
    await world.collections.bots.updateOne({ id: botId }, { $set: { 'config.enabled': false } });
    await statusOf(world.collections.status, botId, ({ phase }) => phase === 'stopped', RECOVERY_MS);

    const saved = ofOurs(await savedLog(servers, botId));
    expect(holesAndRepeats(saved)).toEqual([]);
    await vi.waitFor(() => expect(unmarkedHoles(heard.lines(), saved)).toEqual([]), { timeout: 20_000 });
    expect(saved.filter((line) => line.startsWith('began'))).toHaveLength(1 + SIGNALS.length);
  } finally {
    await removeAll(engine);
  }
}, 300_000);
