import { beforeEach, describe, expect, it } from 'vitest';
import { S3Error } from '../../infra/s3/errors.ts';
import { keeperOf, messagesOf, MIDNIGHT } from '../../test/support/log-keeper.ts';
import { Output } from '../../test/support/log-output.ts';
import { MemoryStorage, type StorageFault } from '../../test/support/log-storage.ts';
import { logKey } from './log-object.ts';

const BOT = 'bot';
const NO_SIGNAL = new AbortController().signal;
const YESTERDAY = logKey(BOT, '20261124');
const TODAY = logKey(BOT, '20261125');

let output: Output;
let storage: MemoryStorage;
let container: string;
beforeEach(() => {
  output = new Output();
  storage = new MemoryStorage();
  container = output.container(BOT);
});

/** Flushes by a processor of its own; the call to storage of this number fails, and the processor is gone. */
async function flush(failing = 0, fault?: StorageFault): Promise<'saved' | 'failed'> {
  let calls = 0;
  const client = storage.client(() => Promise.resolve((calls += 1) === failing ? fault : undefined));
  try {
    await keeperOf(output, client).flush(BOT, NO_SIGNAL);
    return 'saved';
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return 'failed';
  }
}

describe('a change of day', () => {
  it.each(['before', 'after'] as const)('may break off %s each of its calls', async (fault) => {
    let failures = 0;
    for (let failing = 1; ; failing += 1) {
      storage.objects.clear();
      output.get(container).entries.length = 0;
      output.entry(container, 'yesterday\n', MIDNIGHT - 2);
      await flush();
      output.entry(container, 'last of it\n', MIDNIGHT - 1);
      output.entry(container, 'today\n', MIDNIGHT);
      const result = await flush(failing, fault);
      await flush();
      output.entry(container, 'later\n', MIDNIGHT + 1);
      await flush();
      expect(messagesOf(storage, YESTERDAY)).toEqual(['yesterday', 'last of it']);
      expect(messagesOf(storage, TODAY)).toEqual(['today', 'later']);
      if (result === 'saved') break;
      failures += 1;
    }
    // List, look, read, write, close, write.
    expect(failures).toBe(6);
  });
});

describe('an object of another writer', () => {
  const put = (content: string, metadata: Record<string, string> = {}): void => {
    storage.objects.set(TODAY, { content: Buffer.from(content), etag: 'theirs', metadata });
  };

  it.each<[string, Record<string, string>]>([
    ['has no cursor', {}],
    ['has one that cannot be read', { 'the0-cursor': 'x' }],
  ])('that %s is gone on with, on a line of its own', async (_name, metadata) => {
    put('{"message":"theirs"}', metadata);
    output.entry(container, 'ours\n', MIDNIGHT);
    await flush();
    await flush();
    expect(messagesOf(storage, TODAY)).toEqual(['theirs', 'ours']);
  });

  it('other keys beside the days’ are not taken for one', async () => {
    storage.objects.set(`logs/${BOT}/.tmp-99999999.log`, {
      content: Buffer.from('x'),
      etag: 'tmp',
      metadata: {},
    });
    storage.objects.set(`logs/${BOT}/readme.log`, { content: Buffer.from('x'), etag: 'tmp', metadata: {} });
    output.entry(container, 'ours\n', MIDNIGHT);
    await flush();
    expect(messagesOf(storage, TODAY)).toEqual(['ours']);
  });
});
