import { serveFakeEngine } from '../../../infra/engine/fake/index.ts';
import { LABEL } from '../../../model/labels.ts';
import { printedLine } from '../printed-lines.ts';

/**
 * A process that holds a fake engine on which bots print numbered lines and change a file of their state:
 * `node printing-bots.ts ON LINES_A_SECOND STATE_EVERY_MS SHIFT_MS`; ON is 1 where they begin at once, and SHIFT_MS is how far the
 * engine's clock is ahead. Prints `{"url":"fake://…"}` once it listens, and on SIGUSR2 begins or ends it all and prints how many
 * lines each bot has printed. Ends on SIGTERM.
 */
const [on = 1, rate = 1, stateEveryMs = 0, shiftMs = 0] = process.argv.slice(2).map(Number);
const TICK_MS = 50;

type Bot = { containerId: string; printed: number; saved: number; debt: number; sinceSaveMs: number };

const server = await serveFakeEngine({
  images: ['python:3.11-slim'],
  now: () => Date.now() + shiftMs,
});
const bots = new Map<string, Bot>();
server.host.events.listen(undefined, ({ type, containerId, labels }) => {
  const id = labels[LABEL.id];
  if (type !== 'started' || labels[LABEL.kind] !== 'bot' || id === undefined) return;
  const known = bots.get(id);
  // They do not print all at once, and one that is started anew counts on.
  const share = ((bots.size + 1) * 0.618_034) % 1;
  bots.set(
    id,
    known === undefined
      ? { containerId, printed: 0, saved: 0, debt: share, sinceSaveMs: share * stateEveryMs }
      : { ...known, containerId },
  );
});

function act(bot: Bot, passedMs: number): void {
  const container = server.host.containers.get(bot.containerId);
  if (container?.state !== 'running') return;
  for (bot.debt += (passedMs / 1000) * rate; bot.debt >= 1; bot.debt -= 1) {
    bot.printed += 1;
    container.print('stdout', `${printedLine(bot.printed, Date.now())}\n`, server.host.now());
  }
  bot.sinceSaveMs += passedMs;
  if (stateEveryMs === 0 || bot.sinceSaveMs < stateEveryMs) return;
  bot.sinceSaveMs -= stateEveryMs;
  bot.saved += 1;
  const mount = container.spec.volumes.find(({ path }) => path === '/state');
  server.host.volumes.get(mount?.volume ?? '')?.files.put('/.the0-state/counter.json', {
    header: { name: 'counter.json', type: 'file', mode: 0o644, uid: 1000, gid: 1000, mtime: new Date() },
    data: Buffer.from(JSON.stringify({ saved: bot.saved })),
  });
}

let isOn = on === 1;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  const passedMs = nowMs - lastMs;
  lastMs = nowMs;
  if (isOn) for (const bot of bots.values()) act(bot, passedMs);
}, TICK_MS);
process.on('SIGUSR2', () => {
  isOn = !isOn;
  console.log(
    JSON.stringify({ printed: Object.fromEntries([...bots].map(([id, { printed }]) => [id, printed])) }),
  );
});
process.once('SIGTERM', () => process.exit());
console.log(JSON.stringify({ url: server.url }));
