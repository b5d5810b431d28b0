import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parameter, sideBySide, type Bench, type BenchContext, type Figure } from './harness/index.ts';
import { transitionsPerSecond } from './transitions.ts';

const ROUNDS = parameter('TRACING_ROUNDS', 5);
const ALL_ROUNDS = parameter('TRACING_ALL_ROUNDS', 3);
/** Of what it would be without. */
const GOAL = 0.95;

/** A collector that takes everything and looks at nothing: what it does with spans is its own affair. */
async function collect(context: BenchContext): Promise<{ endpoint: string; bytes: () => number }> {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (part: Buffer) => {
      bytes += part.length;
    });
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.atEnd('the collector', async () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
  };
}

/** Transitions a second with traces, in turns with as many without. */
async function compare(
  context: BenchContext,
  { name, rounds, settings }: { name: string; rounds: number; settings: Readonly<Record<string, string>> },
): Promise<Figure> {
  const { endpoint, bytes } = await collect(context);
  const measured = await sideBySide({
    rounds,
    against: 'traces off',
    bare: () => context.within((inner) => transitionsPerSecond(inner, 'one process')),
    ours: async () => {
      const before = bytes();
      const rate = await context.within((inner) =>
        transitionsPerSecond(inner, 'one process', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...settings }),
      );
      const sent = bytes() - before;
      if (sent === 0) throw new Error('nothing was traced: there is nothing to compare');
      context.say(`${name}: ${Math.round(sent / 1024)} KB of spans`);
      return rate;
    },
  });
  return { name, ...measured, unit: 'bots/s' };
}

export const bench: Bench = {
  name: 'tracing',
  goal:
    '10,000 bots created at once: with traces, at most 20 a second begun as is the default and every transition traced, at ' +
    'least 95 % of the transitions a second without',
  async run(context) {
    const usual = await compare(context, {
      name: 'traces on, at most 20 a second begun (the default)',
      rounds: ROUNDS,
      settings: {},
    });
    const all = await compare(context, {
      name: 'every transition traced',
      rounds: ALL_ROUNDS,
      settings: { TRACES_PER_SECOND: '0', OTEL_BSP_MAX_QUEUE_SIZE: '100000' },
    });
    return [usual, all].map((figure) => ({ ...figure, limit: { of: 'ratio', atLeast: GOAL } }));
  },
};
