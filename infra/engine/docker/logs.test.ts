import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Engine } from '../port.ts';
import type { DockerContext } from './context.ts';
import { logCalls } from './logs.ts';

function frame(text: string): Buffer {
  const data = Buffer.from(`2026-11-24T04:06:42.000000001Z ${text}\n`);
  const header = Buffer.alloc(8);
  header[0] = 1;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

it('tells all of a container that has ended to a reader that takes its time', async () => {
  // Docker's stream that does not end with its container.
  const stream = new PassThrough();
  const context = {
    client: {
      stream: ({ signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => stream.destroy(signal.reason as Error), { once: true });
        return Promise.resolve(stream);
      },
    },
  } as unknown as DockerContext;
  const { logs } = logCalls(context, (() => Promise.resolve(0)) as unknown as Engine['wait']);
  stream.write(frame('first'));
  const heard: string[] = [];
  for await (const { data } of logs('a'.repeat(64), { follow: true })) {
    heard.push(data.toString());
    if (heard.length > 1) continue;
    await sleep(2_500);
    stream.write(frame('last'));
  }
  expect(heard).toEqual(['first\n', 'last\n']);
});
