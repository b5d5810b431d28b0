import { parseArgs } from 'node:util';
import { connectFakeEngine, createFakeEngine, type FakeEngine } from '../../../infra/engine/fake/index.ts';
import { QUEUES } from '../../../queues/names.ts';
import { startTestProcessor, startTestRunner } from '../../support/runner.ts';

/**
 * A bot-runner or a processor as a process of its own, over a fake engine: `--engine URL`, or one in this process. `--queues A,B`
 * are a processor's; none named: all of them.
 * Settings come from the environment. Prints `{"ready":PID}`, and on SIGUSR2 its memory and CPU; ends on SIGTERM.
 */
const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'bot-runner' },
    engine: { type: 'string' },
    queues: { type: 'string' },
  },
});
const environment = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);
const named = values.queues?.split(',');
const installation = environment['INSTALLATION'] ?? '';
const engine: FakeEngine =
  values.engine === undefined
    ? createFakeEngine({ installation, images: ['python:3.11-slim'] })
    : connectFakeEngine({ url: values.engine, installation });

const running =
  values.role === 'processor'
    ? await startTestProcessor({
        environment,
        engine,
        queues: QUEUES.filter((queue) => named === undefined || named.includes(queue)),
        concurrency: Number(environment['QUEUE_CONCURRENCY'] ?? 32),
      })
    : await startTestRunner({ environment, engine });

process.on('SIGUSR2', () => {
  const { gc } = globalThis;
  if (gc !== undefined) void gc();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ rss, heapUsed, heapTotal, external, cpuMs: (user + system) / 1000 }));
});
process.once('SIGTERM', () => {
  void running
    .stop()
    .then(() => engine[Symbol.asyncDispose]())
    .finally(() => process.exit());
});
console.log(JSON.stringify({ ready: process.pid }));
