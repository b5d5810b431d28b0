import { serveFakeEngine } from '../../../infra/engine/fake/index.ts';
import { endRunsByThemselves } from '../../support/chaos-schedule-history.ts';
import { randomFrom } from '../../support/chaos-kills.ts';

/**
 * A process that holds a fake engine on which runs end by themselves: `node short-runs.ts MIN_MS MAX_MS FAILING SEED`;
 * FAILING is the share of those that end with 1. Prints `{"url":"fake://…"}` once it listens, and ends on SIGTERM.
 */
const [minMs = '100', maxMs = '500', failing = '0', seed = '1'] = process.argv.slice(2);
const server = await serveFakeEngine({ images: ['python:3.11-slim'] });
const random = randomFrom(Number(seed));
endRunsByThemselves(server.host, {
  minMs: Number(minMs),
  maxMs: Number(maxMs),
  random,
  exitCode: () => (random() < Number(failing) ? 1 : 0),
});
process.once('SIGTERM', () => process.exit());
console.log(JSON.stringify({ url: server.url }));
